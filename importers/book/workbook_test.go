package book_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/importers/book/booktest"
	"github.com/ponimayu/opora/internal/rostergen"
	"github.com/ponimayu/opora/internal/tenancy"
)

func TestAPlainWorkbookIsRead(t *testing.T) {
	p := mustParse(t, booktest.Pack(t, nil), russianList())
	if p.summary.OK != 1 || p.summary.Format != "xlsx" || p.summary.Sheet != "Лист1" {
		t.Errorf("summary %+v", p.summary)
	}
}

// Each of these loses rows in excelize without an error, or is a trap.
func TestADamagedSheetIsRefusedWhole(t *testing.T) {
	good := booktest.Header + booktest.Person(2) + booktest.Person(3)
	for name, c := range map[string]struct {
		sheet string
		line  int
	}{
		"cut in a tag":                {booktest.SheetHead + `<sheetData>` + booktest.Header + booktest.Person(2) + `<row r="3"><c r="A3`, 3},
		"cut between rows":            {booktest.SheetHead + `<sheetData>` + booktest.Header + booktest.Person(2), 2},
		"cut after the table":         {booktest.SheetHead + `<sheetData>` + good + `</sheetData>`, 3},
		"stray markup":                {booktest.Sheet(booktest.Header + booktest.Person(2) + `<<<` + booktest.Person(3)), 2},
		"undefined entity":            {booktest.Sheet(booktest.Header + booktest.Person(2) + `<row r="3"><c r="A3" t="str"><v>&x;</v></c></row>` + booktest.Person(4)), 3},
		"bad reference":               {booktest.Sheet(booktest.Header + booktest.Person(2) + `<row r="3"><c r="3A"><v>1</v></c></row>` + booktest.Person(4)), 3},
		"reference to another row":    {booktest.Sheet(booktest.Header + booktest.Person(2) + `<row r="3"><c r="A9"><v>1</v></c></row>`), 3},
		"columns backwards":           {booktest.Sheet(booktest.Header + `<row r="2"><c r="B2"><v>1</v></c><c r="A2"><v>1</v></c></row>`), 2},
		"the same column twice":       {booktest.Sheet(booktest.Header + `<row r="2"><c r="A2"><v>1</v></c><c r="A2"><v>2</v></c></row>`), 2},
		"rows backwards":              {booktest.Sheet(booktest.Header + booktest.Person(5) + booktest.Person(4)), 5},
		"the same row twice":          {booktest.Sheet(booktest.Header + booktest.Person(5) + booktest.Person(5)), 5},
		"second table":                {booktest.SheetHead + `<sheetData>` + good + `</sheetData><sheetData>` + booktest.Person(4) + `</sheetData></worksheet>`, 3},
		"rows outside of the table":   {booktest.SheetHead + `<sheetData>` + good + `</sheetData>` + booktest.Person(4) + `</worksheet>`, 3},
		"no table":                    {booktest.SheetHead + `</worksheet>`, 0},
		"second root":                 {booktest.Sheet(good) + booktest.Sheet(good), 3},
		"text after the root":         {booktest.Sheet(good) + `x`, 3},
		"document type":               {`<!DOCTYPE x [<!ENTITY a "b">]>` + booktest.Sheet(good), 0},
		"missing shared string":       {booktest.Sheet(booktest.Header + `<row r="2"><c r="A2" t="s"><v>7</v></c></row>`), 2},
		"negative shared string":      {booktest.Sheet(booktest.Header + `<row r="2"><c r="A2" t="s"><v>-1</v></c></row>`), 2},
		"unknown kind of cell":        {booktest.Sheet(booktest.Header + `<row r="2"><c r="A2" t="zz"><v>7</v></c></row>`), 2},
		"a number that is none":       {booktest.Sheet(booktest.Header + `<row r="2"><c r="A2"><v>7x</v></c></row>`), 2},
		"a number beyond all":         {booktest.Sheet(booktest.Header + `<row r="2"><c r="A2"><v>1e999</v></c></row>`), 2},
		"row number beyond the sheet": {booktest.Sheet(booktest.Header + `<row r="1048577"/>`), 1},
		"row number zero":             {booktest.Sheet(booktest.Header + `<row r="0"/>`), 1},
		"crossed elements":            {booktest.Sheet(booktest.Header + `<row r="2"><c r="A2"><v>1</c></v></row>`), 2},
		"not UTF-8":                   {booktest.Sheet(booktest.Header + `<row r="2"><c r="A2" t="str"><v>` + "\xff\xfe" + `</v></c></row>`), 2},
		"markup inside a value":       {booktest.Sheet(booktest.Header + `<row r="2"><c r="A2"><v>1<b/>2</v></c></row>`), 2},
		"impossible merge":            {booktest.SheetHead + `<sheetData>` + good + `</sheetData><mergeCells><mergeCell ref="A9:A1"/></mergeCells></worksheet>`, 3},
	} {
		t.Run(name, func(t *testing.T) {
			wantFileProblem(t, booktest.PackSheet(t, c.sheet), book.FileDamaged, c.line)
		})
	}
}

func TestOtherDamageOfAWorkbook(t *testing.T) {
	person := booktest.Header + `<row r="2"><c r="A2" t="s"><v>0</v></c></row>`
	for name, c := range map[string]struct {
		changed booktest.Parts
		code    tenancy.ProblemCode
	}{
		"shared strings cut":             {booktest.Parts{"xl/worksheets/sheet1.xml": booktest.Sheet(person), "xl/sharedStrings.xml": `<sst><si><t>1</t></si><si><t>`}, book.FileDamaged},
		"elements in elements":           {booktest.Parts{"xl/worksheets/sheet1.xml": strings.Replace(booktest.Sheet(booktest.Header+booktest.Person(2)), "</worksheet>", strings.Repeat("<a>", 1000)+strings.Repeat("</a>", 1000)+"</worksheet>", 1)}, book.FileDamaged},
		"styles cut":                     {booktest.Parts{"xl/styles.xml": `<styleSheet><cellXfs>`}, book.FileDamaged},
		"sheet missing":                  {booktest.Parts{"xl/worksheets/sheet1.xml": ""}, book.FileDamaged},
		"sheet list empty":               {booktest.Parts{"xl/workbook.xml": `<workbook><sheets/></workbook>`}, book.FileDamaged},
		"workbook missing":               {booktest.Parts{"xl/workbook.xml": ""}, book.FileDamaged},
		"no relations":                   {booktest.Parts{"_rels/.rels": ""}, book.FileFormat},
		"a Word document":                {booktest.Parts{"word/document.xml": "<x/>"}, book.FileFormat},
		"a presentation":                 {booktest.Parts{"[Content_Types].xml": `<Types><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml"/></Types>`}, book.FileFormat},
		"binary workbook":                {booktest.Parts{"xl/workbook.bin": "x"}, book.FileFormat},
		"name that climbs":               {booktest.Parts{"xl/../../etc/passwd": "x"}, book.FileDamaged},
		"name with a backslash":          {booktest.Parts{`xl\sheet9.xml`: "x"}, book.FileDamaged},
		"names that differ in case only": {booktest.Parts{"XL/Workbook.xml": "x"}, book.FileDamaged},
		"all sheets hidden":              {booktest.Parts{"xl/workbook.xml": `<workbook xmlns:r="x"><sheets><sheet name="A" r:id="r1" state="hidden"/></sheets></workbook>`}, book.SheetMissing},
	} {
		t.Run(name, func(t *testing.T) {
			wantFileProblem(t, booktest.Pack(t, c.changed), c.code, 0)
		})
	}
}

// A part whose bytes were altered fails its checksum even where the XML is good.
func TestAFlippedBitIsFound(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	packed := booktest.Pack(t, nil)
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bytes.NewBuffer(nil).ReadFrom(in); err != nil {
			t.Fatal(err)
		}
		in, _ = f.Open()
		var text bytes.Buffer
		if _, err := text.ReadFrom(in); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(text.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b.Bytes(), []byte("012-34-56"))
	if at < 0 {
		t.Fatal("the phone is not in the stored workbook")
	}
	b.Bytes()[at] = '1'
	wantFileProblem(t, b.Bytes(), book.FileDamaged, 0)
}

func TestAWorkbookTooLargeIsRefusedByItsDirectory(t *testing.T) {
	zeros := booktest.Sheet(booktest.Header + booktest.Person(2) + strings.Repeat(" ", 9<<20))
	wantFileProblem(t, booktest.PackSheet(t, zeros), book.FileTooLarge, 0)

	small := russianList()
	small.Limits.Unzipped = 4 << 10
	_, err := parseBytes(t, booktest.PackSheet(t, booktest.Sheet(booktest.Header+strings.Repeat(" ", 8<<10))), small)
	if p, _ := book.ProblemOf(err); p.Code != book.FileTooLarge {
		t.Errorf("got %v, want %s", err, book.FileTooLarge)
	}
}

func TestLimitsOfASheet(t *testing.T) {
	few := russianList()
	few.Limits = book.Limits{Rows: 3, Cell: 100, Cells: 9}
	long := strings.Repeat("я", 51)
	for name, c := range map[string]struct {
		rows string
		line int
	}{
		"rows":                  {booktest.Header + booktest.Person(2) + booktest.Person(3) + booktest.Person(4), 4},
		"a cell":                {booktest.Header + `<row r="2"><c r="B2" t="str"><v>` + long + `</v></c></row>`, 2},
		"an inline text":        {booktest.Header + `<row r="2"><c r="B2" t="inlineStr"><is><r><t>` + long + `</t></r></is></c></row>`, 2},
		"values":                {booktest.Header + booktest.Person(2) + `<row r="3"><c><v>1</v></c><c><v>2</v></c><c><v>3</v></c><c><v>4</v></c></row>`, 3},
		"a value in column 513": {booktest.Header + `<row r="2"><c r="SS2"><v>1</v></c></row>`, 2},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parseBytes(t, booktest.PackSheet(t, booktest.Sheet(c.rows)), few)
			if p, _ := book.ProblemOf(err); p.Code != book.FileTooLarge || p.Line != c.line {
				t.Errorf("got %v, want %s at line %d", err, book.FileTooLarge, c.line)
			}
		})
	}
}

func TestStyledEmptyCellsDoNotCount(t *testing.T) {
	p := mustParse(t, booktest.PackSheet(t, booktest.Sheet(booktest.Header+`<row r="2"><c r="A2"><v>1</v></c><c r="B2" t="str"><v>Иванов Иван</v></c><c r="XFD2" s="1"/></row><row r="3" s="1"><c r="XFD3" s="2"/></row>`)), russianList())
	if p.summary.Rows != 1 || p.reasons()[3] != importers.Blank {
		t.Errorf("summary %+v, reasons %v", p.summary, p.reasons())
	}
}

// A real workbook cut anywhere yields no row at all.
func TestAWorkbookCutAnywhereIsRefused(t *testing.T) {
	var b bytes.Buffer
	if _, err := rostergen.Write(&b, rostergen.Options{Rows: 600, Seed: 7, Country: "RU", IDs: true}, rostergen.File{Format: "xlsx", Titles: true}); err != nil {
		t.Fatal(err)
	}
	whole := b.Bytes()
	if p := mustParse(t, whole, russianList()); p.summary.OK != 600 {
		t.Fatalf("the whole workbook: %+v", p.summary)
	}
	for size := 1 << 10; size < len(whole); size += 1 << 10 {
		_, err := parseBytes(t, whole[:size], russianList())
		if p, _ := book.ProblemOf(err); p.Code != book.FileDamaged && p.Code != book.FileFormat {
			t.Errorf("cut at %d of %d: %v", size, len(whole), err)
		}
	}
}

func TestValuesOfCells(t *testing.T) {
	shared := `<sst><si><t>Петров</t></si><si><r><t>Пет</t></r><r><rPr><b/></rPr><t xml:space="preserve">ров </t></r><rPh sb="0" eb="1"><t>phonetic</t></rPh></si></sst>`
	head := `<row r="1"><c r="A1" t="str"><v>Таб. №</v></c><c r="B1" t="str"><v>Фамилия</v></c><c r="C1" t="str"><v>Имя</v></c><c r="D1" t="str"><v>Дата приема</v></c><c r="E1" t="str"><v>Телефон</v></c></row>`
	row := func(cells string) string { return head + `<row r="2">` + cells + `</row>` }
	who := `<c r="B2" t="s"><v>0</v></c><c r="C2" t="str"><v>Анна</v></c>`
	for name, c := range map[string]struct {
		cells string
		check func(r importers.Record) bool
	}{
		"shared rich text":     {`<c r="A2"><v>1</v></c><c r="B2" t="s"><v>1</v></c>`, func(r importers.Record) bool { return r.Row.LastName == "Петров" }},
		"inline rich text":     {`<c r="A2"><v>1</v></c><c r="B2" t="inlineStr"><is><r><t>Пет</t></r><r><t>ров</t></r></is></c>`, func(r importers.Record) bool { return r.Row.LastName == "Петров" }},
		"formula, cached":      {`<c r="A2"><f>1+1</f><v>2</v></c>` + who, func(r importers.Record) bool { return r.Row.EmployeeNo == "2" }},
		"formula, not cached":  {`<c r="A2"><f>1+1</f></c>` + who, func(r importers.Record) bool { return !r.OK && slices.Contains(codes(r), importers.ValueLost) }},
		"error value":          {`<c r="A2" t="e"><v>#N/A</v></c>` + who, func(r importers.Record) bool { return !r.OK && slices.Contains(codes(r), importers.ValueLost) }},
		"number with .0":       {`<c r="A2"><v>123.0</v></c>` + who, func(r importers.Record) bool { return r.Row.EmployeeNo == "123" }},
		"exponent, all digits": {`<c r="A2"><v>9.00101300007E11</v></c>` + who, func(r importers.Record) bool { return r.Row.EmployeeNo == "900101300007" }},
		"more than 15 digits":  {`<c r="A2"><v>1.2345678901234567E16</v></c>` + who, func(r importers.Record) bool { return !r.OK && slices.Contains(codes(r), importers.ValueLost) }},
		"format 000000":        {`<c r="A2" s="3"><v>123</v></c>` + who, func(r importers.Record) bool { return r.Row.EmployeeNo == "000123" }},
		"number as a date":     {`<c r="A2" s="1"><v>45352</v></c>` + who, func(r importers.Record) bool { return !r.OK && slices.Contains(codes(r), importers.ValueLost) }},
		"date, built-in":       {`<c r="A2"><v>1</v></c>` + who + `<c r="D2" s="1"><v>45352</v></c>`, func(r importers.Record) bool { return r.Row.HiredOn.String() == "2024-03-01" }},
		"date with a time":     {`<c r="A2"><v>1</v></c>` + who + `<c r="D2" s="2"><v>45352.75</v></c>`, func(r importers.Record) bool { return r.Row.HiredOn.String() == "2024-03-01" }},
		"date without a style": {`<c r="A2"><v>1</v></c>` + who + `<c r="D2"><v>45352</v></c>`, func(r importers.Record) bool { return r.Row.HiredOn.String() == "2024-03-01" }},
		"ISO date cell":        {`<c r="A2"><v>1</v></c>` + who + `<c r="D2" t="d"><v>2024-03-01T00:00:00</v></c>`, func(r importers.Record) bool { return r.Row.HiredOn.String() == "2024-03-01" }},
		"date out of range":    {`<c r="A2"><v>1</v></c>` + who + `<c r="D2" s="1"><v>-5</v></c>`, func(r importers.Record) bool { return r.OK && slices.Contains(codes(r), importers.ValueLost) }},
		"nought in dates": {`<c r="A2"><v>1</v></c>` + who + `<c r="D2" s="1"><v>0</v></c>`, func(r importers.Record) bool {
			return r.OK && r.Row.HiredOn.IsZero() && !slices.Contains(codes(r), importers.ValueLost)
		}},
		"a truth for a number":  {`<c r="A2" t="b"><v>1</v></c>` + who, func(r importers.Record) bool { return !r.OK && slices.Contains(codes(r), importers.ValueLost) }},
		"a negative number":     {`<c r="A2"><v>-5</v></c>` + who, func(r importers.Record) bool { return r.OK && !slices.Contains(codes(r), importers.FormulaText) }},
		"a formula as text":     {`<c r="A2" t="str"><v>=1+1</v></c>` + who, func(r importers.Record) bool { return !r.OK && slices.Contains(codes(r), importers.FormulaText) }},
		"a formula's formula":   {`<c r="A2" t="str"><f>"="&amp;"1"</f><v>=1</v></c>` + who, func(r importers.Record) bool { return !r.OK && slices.Contains(codes(r), importers.FormulaText) }},
		"fifteen digits":        {`<c r="A2"><v>123456789012345</v></c>` + who, func(r importers.Record) bool { return r.Row.EmployeeNo == "123456789012345" }},
		"a formula of a name":   {`<c r="A2"><v>1</v></c><c r="B2" t="str"><f>HYPERLINK("http://x")</f><v>Петров</v></c><c r="C2" t="str"><v>Пётр</v></c>`, func(r importers.Record) bool { return r.Row.LastName == "Петров" }},
		"phone as a number":     {`<c r="A2"><v>1</v></c>` + who + `<c r="E2"><v>79000123456</v></c>`, func(r importers.Record) bool { return r.Row.Phone == "+79000123456" }},
		"empty values":          {`<c r="A2"><v>1</v></c>` + who + `<c r="D2" t="s"><v></v></c><c r="E2" t="str"><f>""</f><v></v></c>`, func(r importers.Record) bool { return r.OK && !slices.Contains(codes(r), importers.ValueLost) }},
		"escaped characters":    {`<c r="A2" t="str"><v>A_x002D_1</v></c>` + who, func(r importers.Record) bool { return r.Row.EmployeeNo == "A-1" }},
		"cells without address": {`<c><v>5</v></c><c t="s"><v>0</v></c>`, func(r importers.Record) bool { return r.Row.EmployeeNo == "5" && r.Row.LastName == "Петров" }},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustParse(t, booktest.Pack(t, booktest.Parts{"xl/worksheets/sheet1.xml": booktest.Sheet(row(c.cells)), "xl/sharedStrings.xml": shared}), russianList())
			if rows := p.rows(); len(rows) != 1 || !c.check(rows[0]) {
				t.Errorf("got %+v", rows)
			}
		})
	}
}

func TestDatesOf1904(t *testing.T) {
	packed := booktest.Pack(t, booktest.Parts{
		"xl/workbook.xml": `<workbook xmlns:r="x"><workbookPr date1904="1"/><sheets><sheet name="A" r:id="r1"/></sheets></workbook>`,
		"xl/worksheets/sheet1.xml": booktest.Sheet(`<row r="1"><c t="str"><v>Таб. №</v></c><c t="str"><v>ФИО</v></c><c t="str"><v>Дата приема</v></c></row><row r="2"><c><v>1</v></c><c t="str"><v>Иванов Иван</v></c><c s="1"><v>43890</v></c></row>` +
			`<row r="3"><c><v>2</v></c><c t="str"><v>Петров Пётр</v></c><c><v>43890</v></c></row>`),
	})
	for _, r := range mustParse(t, packed, russianList()).rows() { // formatted as a date, and not
		if got := r.Row.HiredOn.String(); got != "2024-03-01" {
			t.Errorf("line %d: hired on %s, want 2024-03-01", r.Line, got)
		}
	}
}

// twoSheets is a workbook with a cover, a hidden list and a list.
func TestWhichSheetIsRead(t *testing.T) {
	list := func(state1, state2, first, second string) []byte {
		return booktest.Pack(t, booktest.Parts{
			"xl/workbook.xml":          `<workbook xmlns:r="x"><sheets><sheet name="Первый" r:id="r1" state="` + state1 + `"/><sheet name="Второй" r:id="r2" state="` + state2 + `"/></sheets></workbook>`,
			"xl/worksheets/sheet1.xml": first, "xl/worksheets/sheet2.xml": second,
		})
	}
	people, cover := booktest.Sheet(booktest.Header+booktest.Person(2)), booktest.Sheet(`<row r="1"><c t="str"><v>Как заполнять список</v></c></row>`)
	onSheet := func(name string) importers.Options { o := russianList(); o.Sheet = name; return o }
	for name, c := range map[string]struct {
		book   []byte
		opts   importers.Options
		sheet  string
		others []string
	}{
		"a cover first":          {list("", "", cover, people), russianList(), "Второй", nil},
		"a hidden list first":    {list("hidden", "", people, people), russianList(), "Второй", nil},
		"a hidden list by name":  {list("hidden", "", people, people), onSheet(" первый"), "Первый", nil},
		"two lists":              {list("", "", people, people), russianList(), "Первый", []string{"Второй"}},
		"the second list, asked": {list("", "", people, people), onSheet("Второй"), "Второй", nil},
		"an empty sheet first":   {list("", "", booktest.Sheet(""), people), russianList(), "Второй", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustParse(t, c.book, c.opts)
			if !strings.EqualFold(p.summary.Sheet, strings.TrimSpace(c.sheet)) || !slices.Equal(p.summary.OtherSheets, c.others) {
				t.Errorf("read %q, others %v", p.summary.Sheet, p.summary.OtherSheets)
			}
		})
	}
	_, err := parseBytes(t, list("", "", people, people), onSheet("Третий"))
	if p, _ := book.ProblemOf(err); p.Code != book.SheetMissing || !strings.Contains(p.Message, "Первый") {
		t.Errorf("got %v, want %s that names the sheets", err, book.SheetMissing)
	}
	wantFileProblem(t, list("", "", booktest.Sheet(""), booktest.Sheet("")), book.FileEmpty, 0)
	wantFileProblem(t, list("", "", booktest.Sheet(""), cover), importers.HeaderNotFound, 0)
}

func TestAMergedDepartmentHoldsForAllItsRows(t *testing.T) {
	row := func(n int, entity, department string) string {
		return fmt.Sprintf(`<row r="%d"><c r="A%d"><v>%d</v></c><c r="B%d" t="str"><v>Иванов Иван</v></c><c r="C%d" t="str"><v>%s</v></c><c r="D%d" t="str"><v>%s</v></c></row>`, n, n, n, n, n, entity, n, department)
	}
	sheet := booktest.SheetHead + `<sheetData><row r="1"><c t="str"><v>Таб. №</v></c><c t="str"><v>ФИО</v></c><c t="str"><v>Юр. лицо</v></c><c t="str"><v>Отдел</v></c></row>` +
		row(2, "Альфа", "Склад") + row(3, "", "") + row(4, "", "Офис") + row(5, "Бета", "") +
		`</sheetData><mergeCells><mergeCell ref="C2:C4"/><mergeCell ref="D2:D3"/><mergeCell ref="A1:B1"/></mergeCells></worksheet>`
	var got []string
	for _, r := range mustParse(t, booktest.PackSheet(t, sheet), russianList()).rows() {
		got = append(got, string(r.Row.LegalEntity)+"/"+r.Row.Department)
	}
	if want := []string{"Альфа/Склад", "Альфа/Склад", "Альфа/Офис", "Бета/"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What is written is read, row for row, whatever gaps and odd values lie between.
func TestRowsWrittenAreRowsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := excelize.NewFile()
		defer f.Close()
		set := func(column string, row int, value string) {
			if err := f.SetCellStr("Sheet1", fmt.Sprintf("%s%d", column, row), value); err != nil {
				t.Fatal(err)
			}
		}
		set("A", 1, "Табельный номер")
		set("B", 1, "ФИО")
		row, written := 1, 0
		for range rapid.IntRange(0, 40).Draw(t, "people") {
			row += rapid.IntRange(1, 3).Draw(t, "gap")
			set("A", row, fmt.Sprint(row))
			set("B", row, rapid.SampledFrom([]string{"Иванов Иван", "x & <y>", "Ә_x000D_", "\"\"", "Петров"}).Draw(t, "name"))
			written++
		}
		var b bytes.Buffer
		if _, err := f.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		p, err := parseReader(b.Bytes())
		if err != nil || p.summary.Rows != written {
			t.Fatalf("%d rows written, %d read: %v", written, p.summary.Rows, err)
		}
	})
}

// Programs write the same workbook in many ways, all of which the standard allows.
func TestSpellingsOfAWorkbook(t *testing.T) {
	const rel = `http://schemas.openxmlformats.org/officeDocument/2006/relationships/`
	text := func(s string) string { return `<c t="inlineStr"><is><t>` + s + `</t></is></c>` }
	headRow := `<row>` + text("Таб. №") + text("ФИО") + text("Дата приема") + `</row>`
	bare := headRow + `<row>` + `<c><v>17</v></c>` + `<c t="str"><f>A1</f><v>Иванов Иван</v></c><c t="d"><v>2024-03-01T00:00:00</v></c></row>`
	types := func(kind string) string {
		return `<Types><Override PartName="/xl/workbook.xml" ContentType="application/vnd.` + kind + `+xml"/><Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/></Types>`
	}
	marked := booktest.Parts{}
	for name, content := range booktest.PartsOf(t, booktest.Pack(t, booktest.Parts{"xl/worksheets/sheet1.xml": booktest.Sheet(bare)})) {
		marked[name] = "\ufeff" + content
	}
	for name, c := range map[string]struct {
		changed booktest.Parts
		macros  bool
	}{
		"no addresses": {booktest.Parts{"xl/worksheets/sheet1.xml": booktest.Sheet(bare)}, false},
		"prefixes":     {booktest.Parts{"xl/worksheets/sheet1.xml": `<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:cols><x:col min="1" max="1"/></x:cols><x:sheetData><x:row r="1"><x:c t="inlineStr"><x:is><x:t>Таб. №</x:t></x:is></x:c><x:c t="inlineStr"><x:is><x:t>ФИО</x:t></x:is></x:c><x:c t="inlineStr"><x:is><x:t>Дата приема</x:t></x:is></x:c></x:row><x:row r="2"><x:c r="A2"><x:v>17</x:v></x:c><x:c r="B2" t="inlineStr"><x:is><x:t>Иванов Иван</x:t></x:is></x:c><x:c r="C2" s="1"><x:v>45352</x:v></x:c></x:row></x:sheetData></x:worksheet>`}, false},
		"the strict standard": {booktest.Parts{
			"_rels/.rels":              `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
			"xl/workbook.xml":          `<workbook xmlns="http://purl.oclc.org/ooxml/spreadsheetml/main" xmlns:r="http://purl.oclc.org/ooxml/officeDocument/relationships" conformance="strict"><workbookPr date1904="false"/><sheets><sheet name="Лист1" sheetId="1" r:id="r1"/></sheets></workbook>`,
			"xl/worksheets/sheet1.xml": strings.Replace(booktest.Sheet(bare), "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://purl.oclc.org/ooxml/spreadsheetml/main", 1),
		}, false},
		"parts from the root, no styles": {booktest.Parts{
			"_rels/.rels":                `<Relationships><Relationship Id="r1" Type="` + rel + `officeDocument" Target="/xl/workbook.xml"/></Relationships>`,
			"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Type="` + rel + `worksheet" Target="/xl/worksheets/sheet1.xml"/><Relationship Id="r2" Type="` + rel + `hyperlink" Target="http://x.example/" TargetMode="External"/></Relationships>`,
			"xl/styles.xml":              "",
			"xl/worksheets/sheet1.xml":   booktest.Sheet(bare),
		}, false},
		"rich and phonetic texts": {booktest.Parts{
			"xl/sharedStrings.xml":     `<sst><si><r><rPr><b/></rPr><t>Ива</t></r><r><t>нов Иван</t></r><rPh sb="0" eb="1"><t>ИВАНОВ</t></rPh><phoneticPr/></si></sst>`,
			"xl/worksheets/sheet1.xml": booktest.Sheet(headRow + `<row r="2"><c><v>17</v></c><c t="s"><v>0</v></c><c s="2"><v>45352.5</v></c></row>`),
		}, false},
		"days from 1904": {booktest.Parts{
			"xl/workbook.xml":          `<workbook xmlns:r="x"><workbookPr date1904="1"/><sheets><sheet name="Лист1" r:id="r1"/></sheets></workbook>`,
			"xl/worksheets/sheet1.xml": booktest.Sheet(headRow + `<row><c><v>17</v></c>` + text("Иванов Иван") + `<c s="1"><v>43890</v></c></row>`),
		}, false},
		"byte order marks": {marked, false},
		"a template":       {booktest.Parts{"[Content_Types].xml": strings.Replace(types("openxmlformats-officedocument.spreadsheetml.template.main"), "ms-office.vbaProject", "x", 1), "xl/worksheets/sheet1.xml": booktest.Sheet(bare)}, false},
		"macros":           {booktest.Parts{"[Content_Types].xml": types("ms-excel.sheet.macroEnabled.main"), "xl/vbaProject.bin": "\x00", "xl/worksheets/sheet1.xml": booktest.Sheet(bare)}, true},
		"macros inside":    {booktest.Parts{"xl/vbaProject.bin": "\x00", "xl/worksheets/sheet1.xml": booktest.Sheet(bare)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustParse(t, booktest.Pack(t, c.changed), russianList())
			if got := told(p) + p.rows()[0].Row.HiredOn.String(); got != "2 17 Иванов 2024-03-01" {
				t.Errorf("got %s", got)
			}
			if macros := len(p.summary.Problems) == 1 && p.summary.Problems[0].Code == book.FileMacro; macros != c.macros {
				t.Errorf("remarks %+v", p.summary.Problems)
			}
		})
	}
}

func TestAMacroSheetIsNeverRead(t *testing.T) {
	packed := booktest.Pack(t, booktest.Parts{
		"xl/workbook.xml": `<workbook xmlns:r="x"><sheets><sheet name="Макрос1" r:id="r2"/><sheet name="Лист1" r:id="r1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>` +
			`<Relationship Id="r2" Type="http://schemas.microsoft.com/office/2006/relationships/xlMacrosheet" Target="macrosheets/sheet1.xml"/></Relationships>`,
		"xl/macrosheets/sheet1.xml": booktest.Sheet(booktest.Header + booktest.Person(2)),
	})
	p := mustParse(t, packed, russianList())
	if p.summary.Sheet != "Лист1" || p.summary.OK != 1 || len(p.summary.Problems) != 1 {
		t.Errorf("summary %+v", p.summary)
	}
	o := russianList()
	o.Sheet = "макрос1"
	if _, err := parseBytes(t, packed, o); !hasCode(err, book.FileMacro) {
		t.Errorf("got %v", err)
	}
}
