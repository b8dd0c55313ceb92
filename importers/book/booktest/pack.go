// Package booktest makes workbooks by hand, part by part, so that tests can spoil
// any of them.
package booktest

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"
)

// Parts are the parts of a hand-made workbook.
type Parts = map[string]string

// The beginnings of a hand-made sheet, and its header of three columns.
const (
	Header    = `<row r="1"><c r="A1" t="inlineStr"><is><t>Таб. №</t></is></c><c r="B1" t="inlineStr"><is><t>ФИО</t></is></c><c r="C1" t="inlineStr"><is><t>Телефон</t></is></c></row>`
	SheetHead = `<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">`
)

// Person is one good row of a hand-made sheet.
func Person(n int) string {
	return fmt.Sprintf(`<row r="%d"><c r="A%d"><v>%d</v></c><c r="B%d" t="inlineStr"><is><t>Иванов Иван Иванович</t></is></c><c r="C%d" t="inlineStr"><is><t>8 900 012-34-56</t></is></c></row>`, n, n, n, n, n)
}

// Sheet is a hand-made sheet of the given rows.
func Sheet(rows string) string {
	return SheetHead + `<sheetData>` + rows + `</sheetData></worksheet>`
}

// Pack zips a workbook whose parts are given or, where not, plain.
func Pack(t testing.TB, changed Parts) []byte {
	t.Helper()
	all := Parts{
		"[Content_Types].xml": `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>`,
		"_rels/.rels":         `<Relationships><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":     `<workbook xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Лист1" sheetId="1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>` +
			`<Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet2.xml"/>` +
			`<Relationship Id="r3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/>` +
			`<Relationship Id="r4" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="/xl/styles.xml"/></Relationships>`,
		"xl/styles.xml":            `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd\.mm\.yyyy"/><numFmt numFmtId="165" formatCode="000000"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/></cellXfs></styleSheet>`,
		"xl/worksheets/sheet1.xml": Sheet(Header + Person(2)),
	}
	maps.Copy(all, changed)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] == "" {
			continue
		}
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(all[name])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// PackSheet zips a workbook with the given sheet.
func PackSheet(t testing.TB, sheet string) []byte {
	return Pack(t, Parts{"xl/worksheets/sheet1.xml": sheet})
}

// PartsOf unzips a workbook.
func PartsOf(t testing.TB, packed []byte) Parts {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	parts := Parts{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err := errors.Join(err, r.Close()); err != nil {
			t.Fatal(err)
		}
		parts[f.Name] = string(content)
	}
	return parts
}
