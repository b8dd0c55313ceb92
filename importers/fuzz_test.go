package importers

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"github.com/ponimayu/opora/internal/rostergen"
	"github.com/ponimayu/opora/internal/tenancy"
)

// checkParsed is what holds for every file whatever: a problem of the whole file
// and nothing else, or records in order whose verdicts follow from their problems.
func checkParsed(t *testing.T, content []byte) {
	p, err := parseReader(content)
	if err != nil {
		if _, ok := isProblem(err); !ok {
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
	limits := DefaultLimits
	limits.Rows = 1000
	b, err := openBook(path, limits)
	if err == nil {
		defer b.Close()
		for _, sheet := range append(b.sheets(), b.hiddenSheets()...) {
			if err = readSheet(t, b, sheet, limits); err != nil {
				break
			}
		}
	}
	if _, ok := isProblem(err); err != nil && !ok {
		t.Fatalf("an error that is no problem of the file: %v", err)
	}
}

func readSheet(t *testing.T, b book, sheet string, limits Limits) error {
	src, err := b.open(sheet)
	if err != nil {
		return err
	}
	if g, ok := src.(grid); ok {
		defer g.stop()
	}
	for last, lines := 0, 0; ; lines++ {
		l, err := src.next()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return err
		}
		if l.no <= last || lines >= limits.Rows {
			t.Fatalf("line %d after %d, the %d.", l.no, last, lines)
		}
		last = l.no
		before := -1
		for _, c := range l.cells {
			if c.column <= before || c.column >= limits.Columns || len(c.text) > limits.Cell || c.text == "" && c.kind != lostCell {
				t.Fatalf("line %d: cell %+v after column %d", l.no, c, before)
			}
			before = c.column
		}
	}
}

func FuzzXLSX(f *testing.F) {
	var b bytes.Buffer
	if _, err := rostergen.Write(&b, rostergen.Options{Rows: 3, Seed: 1, Country: "KZ", IDs: true}, rostergen.File{Format: "xlsx", Titles: true}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes(), "")
	plain := packBook(f, nil)
	f.Add(plain, wholeSheet(header3+personRow(2)+personRow(7)))
	f.Add(plain, wholeSheet(header3+`<row><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c></row>`))
	f.Add(plain, sheetHead+`<sheetData>`+header3+`</sheetData><mergeCells><mergeCell ref="A2:A9"/></mergeCells></worksheet>`)
	f.Fuzz(func(t *testing.T, book []byte, sheet string) {
		if sheet != "" {
			book = packSheet(t, sheet) // mutated XML in a sound archive gets further than mutated archives
		}
		checkParsed(t, book)
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

func FuzzHeader(f *testing.F) {
	f.Add("Таб. №|ФИО|Телефон / E-mail", "1|Иванов")
	f.Add("||Дата|", "Табельный|Имя|приема|")
	f.Add("Тегі / Фамилия|ID|Аты", "")
	f.Fuzz(func(t *testing.T, first, second string) {
		lines := asLines(clean(first), clean(second))
		h, err := findHeader(lines, settlement{})
		if err != nil {
			if p, ok := isProblem(err); !ok || p.Code != HeaderNotFound && p.Code != HeaderAmbiguous {
				t.Fatal(err)
			}
			return
		}
		seen := map[Field]bool{}
		for column, field := range h.columns {
			if seen[field] || column > h.lastColumn || h.names[column] == "" {
				t.Fatalf("header %+v", h)
			}
			seen[field] = true
		}
		if !h.complete() || h.line < 1 || h.line > 2 {
			t.Fatalf("header %+v", h)
		}
	})
}
