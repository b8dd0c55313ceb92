package book_test

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// told gives what a list came to: number, last name and department of its people.
func told(p parsed) string {
	var all []string
	for _, r := range p.rows() {
		all = append(all, fmt.Sprintf("%d %s %s %s", r.Line, r.Row.EmployeeNo, r.Row.LastName, r.Row.Department))
	}
	return strings.Join(all, "; ")
}

const (
	pageHead = `<tr><td>Таб. №</td><td>ФИО</td><td>Отдел</td></tr>`
	pageRows = `<tr><td>1</td><td>Иванов Иван</td><td>Склад</td></tr><tr><td>2</td><td>Ёлкина Анна</td><td>Цех</td></tr>`
	pageTold = "2 1 Иванов Склад; 3 2 Ёлкина Цех"
)

func TestPages(t *testing.T) {
	for name, c := range map[string]struct{ page, want string }{
		"a bare table":        {`<table>` + pageHead + pageRows + `</table>`, pageTold},
		"capitals":            {"\r\n<HTML><BODY><TABLE BORDER=1>" + strings.ToUpper(pageHead) + pageRows + "</TABLE></BODY></HTML>", pageTold},
		"XHTML":               {`<?xml version="1.0" encoding="UTF-8"?><!-- x --><!DOCTYPE html PUBLIC "x" "y"><html xmlns="x"><body><table>` + pageHead + pageRows + `</table></body></html>`, pageTold},
		"groups of rows":      {`<html><table><caption>Список</caption><colgroup><col><col></colgroup><thead>` + pageHead + `</thead><tbody>` + pageRows + `</tbody><tfoot></tfoot></table>`, pageTold},
		"no end tags":         {`<table><tr><td>Таб. №<td>ФИО<td>Отдел<tr><td>1<td>Иванов Иван<td>Склад<tr><td>2<td>Ёлкина Анна<td>Цех</table>`, pageTold},
		"no row tags":         {`<table><th>Таб. №<th>ФИО<th>Отдел</tr><td>1<td>Иванов Иван<td>Склад</tr><td>2<td>Ёлкина Анна<td>Цех</table>`, pageTold},
		"entities":            {`<table>` + pageHead + `<tr><td>1&nbsp;</td><td>&#1048;ванов&nbsp;Иван</td><td>&laquo;А&amp;Б&raquo;</td></tr></table>`, "2 1 Иванов «А&Б»"},
		"markup in a cell":    {`<table>` + pageHead + `<tr><td><p>1</p></td><td><b>Ива</b>нов<br>Иван</td><td><span style="x">Склад</span><script>var a="<td>"</script><style>td{}</style></td></tr></table>`, "2 1 Иванов Склад"},
		"rows spanned":        {`<table>` + pageHead + `<tr><td>1</td><td>Иванов Иван</td><td rowspan=2>Склад</td></tr><tr><td>2</td><td>Ёлкина Анна</td></tr><tr><td>3</td><td>Ким Олег</td><td>Цех</td></tr></table>`, "2 1 Иванов Склад; 3 2 Ёлкина Склад; 4 3 Ким Цех"},
		"columns spanned":     {`<table><tr><td colspan="3">Список</td></tr><tr><td rowspan=2>Таб. №</td><td colspan=2>Сотрудник</td></tr><tr><td>ФИО</td><td>Отдел</td></tr><tr><td>1</td><td>Иванов Иван</td><td>Склад</td></tr></table>`, "4 1 Иванов Склад"},
		"a span beyond":       {`<table>` + pageHead + `<tr><td>1</td><td>Иванов Иван</td><td colspan=99999 rowspan=99999>Склад</td></tr></table>`, "2 1 Иванов Склад"},
		"nested in layout":    {`<table><tr><td>Меню</td><td><table>` + pageHead + pageRows + `</table></td></tr></table>`, pageTold},
		"nested in a cell":    {`<table>` + pageHead + `<tr><td>1</td><td>Иванов Иван</td><td>Склад<table><tr><td>x</td></tr></table></td></tr></table>`, "2 1 Иванов Склад"},
		"a remark":            {`<table>` + pageHead + `<!-- <tr><td>9 --><![if x]>` + pageRows + `<![endif]></table>`, pageTold},
		"digits behind":       {`<table>` + pageHead + `<tr><td x:num="900101300007">9,001E+11</td><td>Иванов Иван</td><td>Склад</td></tr></table>`, "2 900101300007 Иванов Склад"},
		"a tag of Office":     {`<div><table>` + pageHead + `<tr><td>1<o:p></o:p></td><td>Иванов Иван</td><td>Склад</td></tr></table></div>`, "2 1 Иванов Склад"},
		"tags not ended":      {`<html><body><table>` + pageHead + pageRows + `</table>`, pageTold},
		"a blank cell before": {`<table>` + strings.ReplaceAll(pageHead+pageRows, "<tr>", "<tr><td><br></td>") + `</table>`, pageTold},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustParse(t, []byte(c.page), russianList())
			if got := told(p); got != c.want || p.summary.Format != "html" {
				t.Errorf("%s: got %s, want %s", p.summary.Format, got, c.want)
			}
		})
	}
}

func TestPagesInOtherEncodings(t *testing.T) {
	const plain = `<html><head>%s</head><table>` + pageHead + pageRows + `</table></html>`
	meta := func(name string) string {
		return `<meta http-equiv="Content-Type" content="text/html; charset=` + name + `">`
	}
	for name, c := range map[string]struct {
		enc        encoding.Encoding
		meta, want string
	}{
		"declared":                {charmap.Windows1251, meta("windows-1251"), "windows-1251"},
		"declared short":          {charmap.KOI8R, `<meta charset='koi8-r'>`, "koi8-r"},
		"not declared":            {charmap.Windows1251, "", "windows-1251"},
		"declared as UTF-8":       {charmap.Windows1251, meta("utf-8"), "windows-1251"},
		"declared as Western":     {charmap.Windows1251, meta("iso-8859-1"), "windows-1251"},
		"declared as nothing":     {charmap.Windows1251, meta("x"), "windows-1251"},
		"UTF-8 declared as other": {nil, meta("windows-1251"), "utf-8"},
		"UTF-16":                  {unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), meta("windows-1251"), "utf-16le"},
	} {
		t.Run(name, func(t *testing.T) {
			content := []byte(fmt.Sprintf(plain, c.meta))
			if c.enc != nil {
				page := string(content)
				if c.want == "koi8-r" {
					page = strings.ReplaceAll(page, "№", "номер")
				}
				content = in(t, c.enc, page)
			}
			p := mustParse(t, content, russianList())
			if got := told(p); got != pageTold || p.summary.Encoding != c.want {
				t.Errorf("%s: %s", p.summary.Encoding, got)
			}
		})
	}
}

func TestPagesThatAreRefusedWhole(t *testing.T) {
	for name, c := range map[string]struct {
		page string
		code tenancy.ProblemCode
		line int
	}{
		"no table":           {`<html><p>Список</p></html>`, book.FileFormat, 0},
		"an empty table":     {`<table></table>`, book.FileEmpty, 0},
		"cut between rows":   {`<table>` + pageHead + pageRows, book.FileDamaged, 3},
		"cut in a cell":      {`<table>` + pageHead + `<tr><td>1</td><td>Ива`, book.FileDamaged, 2},
		"cut in a tag":       {`<table>` + pageHead + pageRows + `</tab`, book.FileDamaged, 3},
		"cut after a table":  {`<table>` + pageHead + pageRows + `</table><p cla`, book.FileDamaged, 0},
		"cut in an inner":    {`<table><tr><td><table>` + pageHead + pageRows + `</table>`, book.FileDamaged, 0},
		"a remark not ended": {`<table>` + pageHead + `<!-- <tr><td>1</td></tr></table>`, book.FileDamaged, 1},
		"a style not ended":  {`<table>` + pageHead + `<style> <tr><td>1</td></tr></table>`, book.FileDamaged, 1},
		"text in no cell":    {`<table>` + pageHead + `<tr>1<td>Иванов Иван</td></tr></table>`, book.FileDamaged, 2},
		"a tag misspelt":     {`<table>` + pageHead + `<tr><td>1</td><ud>Иванов Иван</td></tr></table>`, book.FileDamaged, 2},
		"a cell too long":    {`<table>` + pageHead + `<tr><td>` + strings.Repeat("я", 20000) + `</td></tr></table>`, book.FileTooLarge, 2},
		"a tag too long":     {`<table x="` + strings.Repeat("y", 9<<20) + `">` + pageHead + `</table>`, book.FileTooLarge, 0},
		"too many tables":    {strings.Repeat(`<table></table>`, book.MaxTables+1), book.FileTooLarge, 0},
		"far to the right":   {`<table>` + pageHead + `<tr>` + strings.Repeat(`<td colspan=1000></td>`, 20) + `<td>1</td></tr></table>`, book.FileTooLarge, 2},
		"packed as one file": {"MIME-Version: 1.0\r\nContent-Type: multipart/related\r\n\r\n<table></table>", book.FileFormat, 0},
		"another XML":        {`<?xml version="1.0"?><x/>`, book.FileFormat, 0},
	} {
		t.Run(name, func(t *testing.T) {
			wantFileProblem(t, []byte(c.page), c.code, c.line)
		})
	}
	small := russianList()
	small.Limits = book.Limits{Rows: 2}
	if _, err := parseBytes(t, []byte(`<table>`+pageHead+pageRows+`</table>`), small); !hasCode(err, book.FileTooLarge) {
		t.Error(err)
	}
}

// The tables of a page are its sheets: the second list is named, not forgotten.
func TestAPageWithTwoLists(t *testing.T) {
	page := []byte(`<table><tr><td>Меню</td></tr></table><table>` + pageHead + pageRows + `</table><table>` + pageHead + `<tr><td>9</td><td>Ким Олег</td></tr></table>`)
	p := mustParse(t, page, russianList())
	if told(p) != pageTold || p.summary.Sheet != "2" || fmt.Sprint(p.summary.OtherSheets) != "[3]" {
		t.Errorf("%s: %+v", told(p), p.summary)
	}
	if len(p.summary.Problems) != 1 || p.summary.Problems[0].Code != importers.SheetsUnread || p.summary.Problems[0].Severity != tenancy.SeverityWarning {
		t.Errorf("problems %+v", p.summary.Problems)
	}
	third := russianList()
	third.Sheet = "3"
	if got := told(mustParse(t, page, third)); got != "2 9 Ким " {
		t.Errorf("the third: %s", got)
	}
}

func TestHiddenRowsOfAPage(t *testing.T) {
	page := `<table><col><col style='display:none'><col>` + pageHead + strings.Replace(pageRows, "<tr>", `<tr style="DISPLAY: none">`, 1) + `</table>`
	p := mustParse(t, []byte(page), russianList())
	var codes []tenancy.ProblemCode
	for _, x := range p.summary.Problems {
		codes = append(codes, x.Code)
	}
	if told(p) != pageTold || fmt.Sprint(codes) != "[rows_hidden columns_hidden]" {
		t.Errorf("%s: %v", told(p), codes)
	}
}
