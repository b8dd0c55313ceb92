package book_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

const odsNamespaces = `xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" ` +
	`xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" ` +
	`xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"`

// odsCells is a row of texts.
func odsCells(texts ...string) string {
	var b strings.Builder
	b.WriteString(`<table:table-row>`)
	for _, text := range texts {
		fmt.Fprintf(&b, `<table:table-cell office:value-type="string"><text:p>%s</text:p></table:table-cell>`, text)
	}
	return b.String() + `</table:table-row>`
}

var odsHead = odsCells("Таб. №", "ФИО", "Отдел")

func odsSheet(rows string) string {
	return `<office:document-content ` + odsNamespaces + `><office:automatic-styles><style:style style:name="ta2" style:family="table"><style:table-properties table:display="false"/></style:style></office:automatic-styles>` +
		`<office:body><office:spreadsheet><table:table table:name="Лист1">` + rows + `</table:table></office:spreadsheet></office:body></office:document-content>`
}

func packODS(t testing.TB, content string, changed map[string]string) []byte {
	t.Helper()
	parts := map[string]string{"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": content, "META-INF/manifest.xml": `<manifest/>`}
	maps.Copy(parts, changed)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(parts[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCellsOfOpenDocuments(t *testing.T) {
	person := odsCells("1", "Иванов Иван", "Склад")
	for name, c := range map[string]struct{ rows, want string }{
		"plain":              {odsHead + person, "2 1 Иванов Склад"},
		"groups of rows":     {`<table:table-header-rows>` + odsHead + `</table:table-header-rows><table:table-row-group table:display="false">` + person + `</table:table-row-group><table:table-rows>` + odsCells("2", "Ким Олег", "Цех") + `</table:table-rows>`, "2 1 Иванов Склад; 3 2 Ким Цех"},
		"blank rows between": {odsHead + `<table:table-row table:number-rows-repeated="3"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>` + person + `<table:table-row table:number-rows-repeated="1048571"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>`, "5 1 Иванов Склад"},
		"blank cells":        {strings.ReplaceAll(odsHead+person, "<table:table-row>", `<table:table-row><table:table-cell table:number-columns-repeated="2"/>`), "2 1 Иванов Склад"},
		"a row repeated":     {odsHead + odsCells("Склад") + strings.Replace(odsCells("", "Иванов Иван"), "<table:table-row>", `<table:table-row table:number-rows-repeated="2">`, 1), "3  Иванов Склад; 4  Иванов Склад"},
		"cells merged":       {odsHead + `<table:table-row><table:table-cell><text:p>1</text:p></table:table-cell><table:table-cell><text:p>Иванов Иван</text:p></table:table-cell><table:table-cell table:number-rows-spanned="2"><text:p>Склад</text:p></table:table-cell></table:table-row><table:table-row><table:table-cell><text:p>2</text:p></table:table-cell><table:table-cell><text:p>Ким Олег</text:p></table:table-cell><table:covered-table-cell office:value-type="string"><text:p>Цех</text:p></table:covered-table-cell></table:table-row>`, "2 1 Иванов Склад; 3 2 Ким Склад"},
		"numbers":            {odsHead + `<table:table-row><table:table-cell office:value-type="float" office:value="17"><text:p>00017</text:p></table:table-cell>` + `<table:table-cell office:value-type="string" office:string-value="Иванов Иван"/><table:table-cell office:value-type="float" office:value="12"><text:p>12.00</text:p></table:table-cell></table:table-row>`, "2 00017 Иванов 12"},
		"rich text":          {odsHead + `<table:table-row><table:table-cell><text:p>1</text:p></table:table-cell><table:table-cell><office:annotation><text:p>тест</text:p></office:annotation><text:p><text:span>Ива</text:span>нов<text:s text:c="2"/>Иван</text:p></table:table-cell><table:table-cell><text:p>Отдел</text:p><text:p>сбыта<text:tab/>и<text:line-break/>связи</text:p></table:table-cell></table:table-row>`, "2 1 Иванов Отдел сбыта и связи"},
		"an error":           {odsHead + `<table:table-row><table:table-cell><text:p>1</text:p></table:table-cell><table:table-cell><text:p>Иванов Иван</text:p></table:table-cell><table:table-cell office:value-type="string" calcext:value-type="error"><text:p>#N/A</text:p></table:table-cell></table:table-row>`, "2 1 Иванов "},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustParse(t, packODS(t, odsSheet(c.rows), nil), russianList())
			if got := told(p); got != c.want || p.summary.Format != "ods" {
				t.Errorf("%s: got %s, want %s", p.summary.Format, got, c.want)
			}
		})
	}
}

func TestOpenDocumentsThatAreRefusedWhole(t *testing.T) {
	person := odsCells("1", "Иванов Иван", "Склад")
	good := odsSheet(odsHead + person)
	for name, c := range map[string]struct {
		content string
		changed map[string]string
		code    tenancy.ProblemCode
	}{
		"a text document":        {good, map[string]string{"mimetype": "application/vnd.oasis.opendocument.text"}, book.FileFormat},
		"encrypted":              {"\x01\x02", map[string]string{"META-INF/manifest.xml": `<m:manifest xmlns:m="x"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>`}, book.FileEncrypted},
		"encrypted as a whole":   {good, map[string]string{"encrypted-package": "x"}, book.FileEncrypted},
		"cut":                    {good[:len(good)-1], nil, book.FileDamaged},
		"cut after the table":    {strings.TrimSuffix(good, "</office:document-content>"), nil, book.FileDamaged},
		"text behind":            {good + "x", nil, book.FileDamaged},
		"a document type":        {`<!DOCTYPE x>` + good, nil, book.FileDamaged},
		"no sheet":               {`<office:document-content ` + odsNamespaces + `/>`, nil, book.FileDamaged},
		"an endless cell":        {odsSheet(odsHead + strings.Replace(person, "<table:table-cell ", `<table:table-cell table:number-columns-repeated="16384" `, 1)), nil, book.FileTooLarge},
		"more than a sheet has":  {odsSheet(odsHead + strings.Repeat(`<table:table-row table:number-rows-repeated="16777216"/>`, 2)), nil, book.FileDamaged},
		"a count that is none":   {odsSheet(odsHead + strings.Replace(person, "<table:table-row>", `<table:table-row table:number-rows-repeated="-1">`, 1)), nil, book.FileDamaged},
		"a number that is none":  {odsSheet(odsHead + strings.Replace(person, `office:value-type="string"`, `office:value-type="float" office:value="x"`, 1)), nil, book.FileDamaged},
		"all sheets hidden":      {strings.Replace(good, `table:name="Лист1"`, `table:name="Лист1" table:style-name="ta2"`, 1), nil, book.SheetMissing},
		"a cell longer than any": {odsSheet(odsHead + odsCells("1", strings.Repeat("я", 20000))), nil, book.FileTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			wantFileProblem(t, packODS(t, c.content, c.changed), c.code, 0)
		})
	}
	short := russianList()
	short.Limits.Rows = 100
	endless := strings.Replace(person, "<table:table-row>", `<table:table-row table:number-rows-repeated="1048576">`, 1)
	if _, err := parseBytes(t, packODS(t, odsSheet(odsHead+endless), nil), short); !hasCode(err, book.FileTooLarge) {
		t.Errorf("a row that repeats a million times: %v", err)
	}
	noContent := packODS(t, good, nil)
	noContent = bytes.ReplaceAll(noContent, []byte("content.xml"), []byte("kontent.xml"))
	wantFileProblem(t, noContent, book.FileDamaged, 0)
}
