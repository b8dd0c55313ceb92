package book_test

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

const xmlHead = `<?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:o="urn:schemas-microsoft-com:office:office" xmlns:x="urn:schemas-microsoft-com:office:excel" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet" xmlns:html="http://www.w3.org/TR/REC-html40">
 <Styles><Style ss:ID="Default" ss:Name="Normal"/><Style ss:ID="s21"><NumberFormat ss:Format="000000"/></Style><Style ss:ID="s22"><NumberFormat ss:Format="Short Date"/></Style></Styles>`

func xmlSheet(name, rows string) string {
	return `<Worksheet ss:Name="` + name + `"><Table ss:ExpandedColumnCount="5"><Column ss:Width="80"/><Column ss:Index="3" ss:Hidden="1"/>` + rows +
		`</Table><WorksheetOptions xmlns="urn:schemas-microsoft-com:office:excel"><Selected/></WorksheetOptions></Worksheet>`
}

func xmlCells(texts ...string) string {
	return `<Row><Cell><Data ss:Type="String">` + strings.Join(texts, `</Data></Cell><Cell><Data ss:Type="String">`) + `</Data></Cell></Row>`
}

func xmlList(sheets string) string {
	return `<?xml version="1.0" encoding="windows-1251"?>` + xmlHead + sheets + `</Workbook>`
}

func TestXMLSpreadsheets(t *testing.T) {
	rows := xmlCells("Таб. №", "ФИО", "Отдел", "Дата приема") +
		`<Row ss:Index="4" ss:Hidden="1"><Cell ss:StyleID="s21"><Data ss:Type="Number">17</Data><Comment ss:Author="x"><ss:Data>999</ss:Data></Comment></Cell>` +
		`<Cell><ss:Data ss:Type="String" xmlns="http://www.w3.org/TR/REC-html40"><B>Иван</B><Font>ов</Font> Иван</ss:Data></Cell><Cell ss:MergeDown="1"><Data ss:Type="String">Склад</Data></Cell><Cell><Data ss:Type="DateTime">2024-03-01T00:00:00.000</Data></Cell></Row>` +
		`<Row><Cell><Data ss:Type="String">18</Data></Cell><Cell><Data ss:Type="String">Ёлкина Анна</Data></Cell><Cell ss:Index="4" ss:StyleID="s22"><Data ss:Type="Number">45352</Data></Cell></Row>`
	hidden := strings.Replace(xmlSheet("Скрытый", xmlCells("x")), "<Selected/>", "<Visible>SheetHidden</Visible>", 1)
	page := in(t, charmap.Windows1251, xmlList(xmlSheet("Люди", rows)+hidden))
	p := mustParse(t, page, russianList())
	if got := told(p); got != "4 000017 Иванов Склад; 5 18 Ёлкина Склад" || p.summary.Format != "xml" || p.summary.Encoding != "windows-1251" {
		t.Errorf("%s %s: %s", p.summary.Format, p.summary.Encoding, got)
	}
	for _, r := range p.rows() {
		if r.Row.HiredOn.String() != "2024-03-01" {
			t.Errorf("line %d: hired on %s", r.Line, r.Row.HiredOn)
		}
	}
	var codes []tenancy.ProblemCode
	for _, x := range p.summary.Problems {
		codes = append(codes, x.Code)
	}
	if fmt.Sprint(codes) != "[sheets_hidden rows_hidden columns_hidden]" {
		t.Errorf("remarks %v", codes)
	}
}

func TestXMLSpreadsheetsThatAreRefusedWhole(t *testing.T) {
	head := xmlCells("Таб. №", "ФИО", "Отдел")
	person := xmlCells("1", "Иванов Иван", "Склад")
	good := `<?xml version="1.0"?>` + xmlHead + xmlSheet("Люди", head+person) + `</Workbook>`
	with := func(row string) string { return strings.Replace(good, person, person+row, 1) }
	for name, c := range map[string]struct {
		page string
		code tenancy.ProblemCode
		line int
	}{
		"cut":                   {good[:len(good)-1], book.FileDamaged, 0},
		"cut in a cell":         {good[:strings.Index(good, "Иванов")], book.FileDamaged, 0},
		"a document type":       {strings.Replace(good, "<Workbook", `<!DOCTYPE x [<!ENTITY y "z">]><Workbook`, 1), book.FileFormat, 0},
		"rows backwards":        {with(`<Row ss:Index="2"/>`), book.FileDamaged, 2},
		"cells backwards":       {with(`<Row><Cell ss:Index="2"/><Cell ss:Index="2"/></Row>`), book.FileDamaged, 3},
		"a number that is none": {with(`<Row><Cell><Data ss:Type="Number">x</Data></Cell></Row>`), book.FileDamaged, 3},
		"far down":              {with(`<Row ss:Index="1048577"/>`), book.FileDamaged, 2},
		"far to the right":      {with(`<Row><Cell ss:Index="600"><Data ss:Type="String">x</Data></Cell></Row>`), book.FileTooLarge, 3},
		"a merge that is none":  {with(`<Row><Cell ss:MergeDown="-1"/></Row>`), book.FileDamaged, 3},
		"another encoding":      {strings.Replace(good, `?>`, ` encoding="utf-7"?>`, 1), book.FileDamaged, 0},
		"a cell too long":       {with(xmlCells(strings.Repeat("я", 20000))), book.FileTooLarge, 3},
		"no sheet":              {`<?xml version="1.0"?>` + xmlHead + `</Workbook>`, book.FileDamaged, 0},
	} {
		t.Run(name, func(t *testing.T) {
			wantFileProblem(t, []byte(c.page), c.code, c.line)
		})
	}
}
