package postgres_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// errorsOf downloads an import's error workbook.
func (o *office) errorsOf(actor tenancy.Actor, id roster.ImportID, lang tenancy.Language) ([]byte, error) {
	var b bytes.Buffer
	err := o.ErrorWorkbook(o.t.Context(), actor, id, lang, &b)
	return b.Bytes(), err
}

func cellsOf(t *testing.T, book []byte) [][]string {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(book))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := f.GetRows(f.GetSheetList()[0])
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestHRGetsItsListBackAndCorrectsIt is the whole way: a list with problems of
// the parse and of the comparison, the marked workbook, the correction in it,
// the same workbook uploaded again.
func TestHRGetsItsListBackAndCorrectsIt(t *testing.T) {
	o := newOffice(t)
	o.work()
	o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 3)...)).ID)
	i := o.upload(hr, roster.Add, list(
		person(0),
		"1001;Совсем Другая Женщина;;Склад;;",            // the number is somebody else's
		";Безномерный Пётр Ильич;x@cdek.example;Склад;;", // no number
		"1004;Почтовый Пётр Ильич;не почта;Склад;;"))
	if !i.ErrorWorkbook || i.Counts.Held != 1 || i.Counts.Rejected != 1 {
		t.Fatalf("%+v", i)
	}
	book, err := o.errorsOf(hr, i.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	rows := cellsOf(t, book)
	advice := func(line int) string { return rows[line-1][len(rows[0])-1] }
	if rows[0][6] != "Что исправить" || !strings.HasPrefix(advice(3), "A: ") || !strings.Contains(advice(4), "табельного номера") || !strings.HasPrefix(advice(5), "C: ") || len(rows[1]) > 6 {
		t.Errorf("%q", rows)
	}
	if english, err := o.errorsOf(hr, i.ID, tenancy.English); err != nil || cellsOf(t, english)[0][6] != "What to correct" || strings.Contains(cellsOf(t, english)[3][6], "номера") {
		t.Errorf("in English: %v", err)
	}
	again := o.upload(hr, roster.Add, string(corrected(t, book)))
	if len(again.Problems) != 0 || again.ErrorWorkbook || again.Counts.Unchanged != 2 || again.Counts.Create != 2 {
		t.Errorf("corrected: %+v", again)
	}
	if _, err := o.errorsOf(hr, again.ID, ""); code(err) != "errors_none" {
		t.Errorf("a list without problems: %v", err)
	}
	for name, actor := range map[string]tenancy.Actor{"another tenant's HR": stranger} {
		if _, err := o.errorsOf(actor, i.ID, ""); code(err) != "import_unknown" || tenancy.KindOf(err) != tenancy.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// corrected is the workbook after HR has worked in it.
func corrected(t *testing.T, book []byte) []byte {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(book))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sheet := f.GetSheetList()[0]
	for cell, text := range map[string]string{"A3": "1001", "B3": "Примеровб Иван Петрович", "E3": "1990-01-02", "D3": "Склад 1", "C3": "p1@cdek.example", "A4": "1003", "C5": "post@cdek.example"} {
		if err := f.SetCellStr(sheet, cell, text); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheErrorWorkbookIsSealedAndGoes(t *testing.T) {
	o := newOffice(t)
	o.KeepErrorsFor(time.Hour)
	bad := list("1001;Канарейкин Пётр Ильич;не почта;Склад;;")
	i := o.upload(hr, roster.Add, bad)
	if n := o.count(`SELECT count(*) FROM error_workbook_chunk WHERE expires_at < now() + interval '61 minutes' AND position('Канарейкин'::bytea IN sealed) = 0 AND position('PK\003\004'::bytea IN sealed) = 0`); n != 1 {
		t.Errorf("%d sealed pieces", n)
	}
	if _, err := o.Cancel(t.Context(), hr, i.ID); err != nil {
		t.Fatal(err)
	}
	if n := o.count(`SELECT count(*) FROM error_workbook_chunk`); n != 0 {
		t.Errorf("%d pieces after the import was cancelled", n)
	}
	if _, err := o.errorsOf(hr, i.ID, ""); code(err) != "errors_expired" || !strings.Contains(err.Error(), "cancelled") {
		t.Errorf("cancelled: %v", err)
	}
	unread := o.upload(hr, roster.Add, "нет;заголовка\n1;2\n")
	if _, err := o.errorsOf(hr, unread.ID, ""); unread.State != roster.Failed || code(err) != "errors_none" || !strings.Contains(err.Error(), "could not be read") {
		t.Errorf("%s, a list that cannot be read: %v", unread.State, err)
	}
	o.KeepErrorsFor(-time.Hour)
	late := o.upload(hr, roster.Add, bad)
	if _, err := o.errorsOf(hr, late.ID, ""); late.ErrorWorkbook || code(err) != "errors_expired" {
		t.Errorf("after the term: %v", err)
	}
}

// TestAWorkbookOfManyPieces is larger than one sealed piece.
func TestAWorkbookOfManyPieces(t *testing.T) {
	o := newOffice(t)
	rows := []string{}
	for n := range 4000 {
		noise := make([]byte, 200)
		_, _ = rand.Read(noise) // does not pack
		rows = append(rows, strings.NewReplacer("@", " at ", "Склад", "Склад "+hex.EncodeToString(noise)).Replace(person(n)))
	}
	i := o.upload(hr, roster.Add, list(rows...))
	book, err := o.errorsOf(hr, i.ID, "")
	if err != nil || len(book) < 1<<20 || o.count(`SELECT count(*) FROM error_workbook_chunk`) < 2 {
		t.Fatalf("%d bytes, %v", len(book), err)
	}
	if got := cellsOf(t, book); len(got) != 4001 || !strings.Contains(got[4000][6], "C: ") {
		t.Errorf("%d rows", len(got))
	}
}

func TestAListWithNobodyInItFails(t *testing.T) {
	o := newOffice(t)
	i := o.upload(hr, roster.Full, list())
	if i.State != roster.Failed || len(i.Problems) != 1 || i.Problems[0].Code != "file_empty" {
		t.Errorf("%+v", i)
	}
}
