package book_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/importers/book/booktest"
	"github.com/ponimayu/opora/internal/rostergen"
	"github.com/ponimayu/opora/internal/tenancy"
)

// checkParsed is what holds for every file whatever: a problem of the whole file
// and nothing else, or records in order whose verdicts follow from their problems.
func checkParsed(t *testing.T, content []byte) {
	p, err := parseReader(content)
	if err != nil {
		if _, ok := book.ProblemOf(err); !ok {
			t.Fatalf("an error that is no problem of the file: %v", err)
		}
		if len(p.records) > 0 {
			t.Fatalf("%d records before the error %v", len(p.records), err)
		}
		return
	}
	last, rejected := 0, 0
	for _, r := range p.records {
		if r.Line <= last {
			t.Fatalf("line %d follows line %d", r.Line, last)
		}
		last = r.Line
		if r.Skipped != "" {
			continue
		}
		wrong := false
		for _, bad := range r.Problems {
			wrong = wrong || bad.Severity == tenancy.SeverityError
			if bad.Message == "" || bad.Severity == "" || bad.Line != r.Line {
				t.Fatalf("problem %+v at line %d", bad, r.Line)
			}
		}
		if r.OK == wrong || r.OK && (r.Row.EmployeeKey == "" || r.Row.LastName+r.Row.FirstName == "") {
			t.Fatalf("a row that is no row is ok, or the reverse: %+v", r)
		}
		if wrong {
			rejected++
		}
	}
	if p.summary.Rejected != rejected || p.summary.OK+rejected != p.summary.Rows || p.summary.Rows+p.summary.Skipped != len(p.records) {
		t.Fatalf("the summary %+v does not count %d records", p.summary, len(p.records))
	}
}

// checkRead reads all sheets without looking for people, which takes far longer:
// lines come in order, their cells too, within the limits, or there is a problem.
func checkRead(t *testing.T, content []byte) {
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	limits := book.DefaultLimits
	limits.Rows = 1000
	b, err := book.Open(path, limits)
	if err == nil {
		defer b.Close()
		for _, sheet := range append(b.Sheets(), b.HiddenSheets()...) {
			if err = readSheet(t, b, sheet, limits); err != nil {
				break
			}
		}
	}
	if _, ok := book.ProblemOf(err); err != nil && !ok {
		t.Fatalf("an error that is no problem of the file: %v", err)
	}
}

func readSheet(t *testing.T, b book.Book, sheet string, limits book.Limits) error {
	src, err := b.Open(sheet)
	if err != nil {
		return err
	}
	if g, ok := src.(book.Grid); ok {
		defer g.Stop()
	}
	for last, lines := 0, 0; ; lines++ {
		l, err := src.Next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return err
		}
		if l.No <= last || lines >= limits.Rows {
			t.Fatalf("line %d after %d, the %d.", l.No, last, lines)
		}
		last = l.No
		before := -1
		for _, c := range l.Cells {
			if c.Column <= before || c.Column >= limits.Columns || len(c.Text) > limits.Cell || c.Text == "" && c.Kind != book.LostCell {
				t.Fatalf("line %d: cell %+v after column %d", l.No, c, before)
			}
			before = c.Column
		}
	}
}

func FuzzXLSX(f *testing.F) {
	var b bytes.Buffer
	if _, err := rostergen.Write(&b, rostergen.Options{Rows: 3, Seed: 1, Country: "KZ", IDs: true}, rostergen.File{Format: "xlsx", Titles: true}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes(), "")
	plain := booktest.Pack(f, nil)
	f.Add(plain, booktest.Sheet(booktest.Header+booktest.Person(2)+booktest.Person(7)))
	f.Add(plain, booktest.Sheet(booktest.Header+`<row><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c></row>`))
	f.Add(plain, booktest.SheetHead+`<sheetData>`+booktest.Header+`</sheetData><mergeCells><mergeCell ref="A2:A9"/></mergeCells></worksheet>`)
	f.Fuzz(func(t *testing.T, packed []byte, sheet string) {
		if sheet != "" {
			packed = booktest.PackSheet(t, sheet) // mutated XML in a sound archive gets further than mutated archives
		}
		checkParsed(t, packed)
	})
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte(smallList))
	f.Add([]byte("sep=,\nТаб. №,ФИО,E-mail\n1,\"Иванов\nИван\",a@b.example\n"))
	f.Add(in(f, charmap.Windows1251, smallList))
	f.Add([]byte("\xff\xfeA\x00;\x00B\x00\n\x00"))
	f.Add([]byte("Таб. №;ФИО;Дата приема;СНИЛС\n1;И. Иванов;45352;112-233-445 95\n01;x;;\nИтого\n"))
	f.Fuzz(checkParsed)
}

func FuzzHTML(f *testing.F) {
	for _, page := range []string{pageHead + pageRows, `<tr><td rowspan=2>Таб. №<td>ФИО<table><tr><td>x</table><tr><td>1`, `<col style="display:none" span=9><tr hidden><td x:num=1>1E+5</td>`} {
		f.Add([]byte(`<html><meta charset="windows-1251"><table>` + page + `</table></html>`))
	}
	f.Fuzz(checkRead)
}

func FuzzXLS(f *testing.F) {
	for _, name := range []string{"staff.libreoffice.xls", "staff.xlwt.xls", "mac1904.libreoffice.xls"} {
		f.Add(formatFile(f, name))
	}
	f.Fuzz(checkRead)
}

func FuzzODS(f *testing.F) {
	f.Add(odsSheet(odsHead + odsCells("1", "Иванов Иван", "Склад")))
	f.Add(odsSheet(odsHead + `<table:table-row table:number-rows-repeated="5"/><table:table-row-group table:display="false"><table:table-row table:number-rows-repeated="2"><table:table-cell table:number-rows-spanned="3" office:value-type="float" office:value="7"><text:p>007</text:p></table:table-cell></table:table-row></table:table-row-group>`))
	f.Fuzz(func(t *testing.T, content string) { checkRead(t, packODS(t, content, nil)) })
}

func FuzzXML(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0"?>` + xmlHead + xmlSheet("A", xmlCells("Таб. №", "ФИО")+xmlCells("1", "Иванов Иван")) + `</Workbook>`))
	f.Fuzz(checkRead)
}
