package workbooks

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/tenancy"
)

var (
	russia = tenancy.Country{Code: "RU", PhoneRegion: "RU", NationalIDs: []tenancy.NationalIDKind{tenancy.SNILS, tenancy.INN}, Languages: []tenancy.Language{tenancy.Russian}}
	today  = tenancy.Date{Year: 2026, Month: 11, Day: 21}
)

func russianList() importers.Options { return importers.Options{Country: russia, Today: today} }

// read is what Parse gave of a file.
type read struct {
	rows     []importers.Record
	skipped  map[int]importers.Reason
	problems []tenancy.Problem
	summary  importers.Summary
}

func parse(t testing.TB, path string) read {
	t.Helper()
	r := read{skipped: map[int]importers.Reason{}}
	var err error
	r.summary, err = importers.Parse(context.Background(), path, russianList(), func(record importers.Record) error {
		if record.Skipped != "" {
			r.skipped[record.Line] = record.Skipped
			return nil
		}
		r.rows = append(r.rows, record)
		r.problems = append(r.problems, record.Problems...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func each(problems []tenancy.Problem) iter.Seq2[tenancy.Problem, error] {
	return func(yield func(tenancy.Problem, error) bool) {
		for _, p := range problems {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// mark parses a file and writes its marked workbook beside it.
func mark(t testing.TB, path string, more ...tenancy.Problem) (marked string, before read) {
	t.Helper()
	before = parse(t, path)
	marked = filepath.Join(t.TempDir(), "marked.xlsx")
	out, err := os.Create(marked)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	m := Marking{Options: russianList(), Summary: before.summary, Language: tenancy.Russian}
	if err := Mark(context.Background(), path, m, each(append(before.problems, more...)), out); err != nil {
		t.Fatal(err)
	}
	return marked, before
}

func open(t testing.TB, path string) *excelize.File {
	t.Helper()
	f, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func value(t testing.TB, f *excelize.File, sheet, cell string) string {
	t.Helper()
	v, err := f.GetCellValue(sheet, cell)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func colourOf(t testing.TB, f *excelize.File, sheet, cell string) string {
	t.Helper()
	id, err := f.GetCellStyle(sheet, cell)
	if err != nil {
		t.Fatal(err)
	}
	style, err := f.GetStyle(id)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(style.Fill.Color, " ")
}

const (
	red    = "FFC2C5"
	yellow = "FFF0A6"
)

// company writes the list of a company as people keep it: a title, styles,
// widths, a formula, a merged range, a filter and a second sheet.
func company(t testing.TB, change func(*excelize.File)) string {
	t.Helper()
	f := excelize.NewFile()
	defer f.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	const s = "Штат"
	must(f.SetSheetName("Sheet1", s))
	must(f.SetCellValue(s, "A1", "ООО «Ромашка», список работников"))
	must(f.MergeCell(s, "A1", "F1"))
	header := []any{"Таб. №", "ФИО", "E-mail", "Телефон", "Дата приёма", "Страна", "Оклад"}
	must(f.SetSheetRow(s, "A3", &header))
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}, Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"C0E0C0"}}})
	must(err)
	must(f.SetCellStyle(s, "A3", "G3", bold))
	bordered, err := f.NewStyle(&excelize.Style{NumFmt: 49, Border: []excelize.Border{{Type: "left", Style: 1, Color: "000000"}}})
	must(err)
	rows := [][]any{
		{"000123", "Иванов Иван Петрович", "ivanov@romashka.example", "+7 916 123-45-67", "01.02.2020", "Россия"},
		{"000124", "Петрова Анна", "petrova at romashka", "+7 916 123-45-68", "01.02.2020", "Россия"},
		{"", "Сидоров Пётр Ильич", "sidorov@romashka.example", "+7 916 123-45-69", "31.31.2020", "Россия"},
		{"000126", "", "", "12-34", "01.02.2020", "Россия"},
		{"000127", "Смирнов Олег", "smirnov@romashka.example", "+7 916 123-45-70", "01.02.2020", "Россия"},
	}
	for i, row := range rows {
		must(f.SetSheetRow(s, fmt.Sprintf("A%d", 4+i), &row))
	}
	must(f.SetCellStyle(s, "A4", "F8", bordered))
	must(f.SetCellFormula(s, "G4", "1000*2"))
	must(f.SetColWidth(s, "B", "B", 41))
	must(f.AutoFilter(s, "A3:G8", nil))
	must(f.SetRowHeight(s, 5, 33))
	_, err = f.NewSheet("Справка")
	must(err)
	must(f.SetCellValue("Справка", "B2", "не трогать"))
	if change != nil {
		change(f)
	}
	path := filepath.Join(t.TempDir(), "list.xlsx")
	must(f.SaveAs(path))
	return path
}

func TestAMarkedWorkbookIsTheSendersOwn(t *testing.T) {
	marked, before := mark(t, company(t, nil))
	f := open(t, marked)
	const s = "Штат"
	if got := f.GetSheetList(); !reflect.DeepEqual(got, []string{s, "Справка"}) || value(t, f, "Справка", "B2") != "не трогать" {
		t.Errorf("sheets %v", got)
	}
	if formula, _ := f.GetCellFormula(s, "G4"); formula != "1000*2" {
		t.Errorf("the formula is %q", formula)
	}
	if width, _ := f.GetColWidth(s, "B"); width != 41 {
		t.Errorf("the width is %v", width)
	}
	if width, _ := f.GetColWidth(s, "H"); width != adviceWidth {
		t.Errorf("the advice's width is %v", width)
	}
	if merged, _ := f.GetMergeCells(s); len(merged) != 1 {
		t.Errorf("merged %v", merged)
	}
	if value(t, f, s, "H3") != "Что исправить" || colourOf(t, f, s, "H3") != "C0E0C0" {
		t.Errorf("header %q in %s", value(t, f, s, "H3"), colourOf(t, f, s, "H3"))
	}
	for cell, colour := range map[string]string{"A4": "", "C5": yellow, "A6": red, "E6": yellow, "B7": red, "D7": yellow, "H5": yellow, "H6": red, "H7": red, "B5": ""} {
		if got := colourOf(t, f, s, cell); got != colour {
			t.Errorf("%s has the colour %q, want %q", cell, got, colour)
		}
	}
	if advice := value(t, f, s, "H6"); !strings.Contains(advice, "A: Нет табельного номера") || !strings.Contains(advice, "\nE: ") {
		t.Errorf("advice %q", advice)
	}
	if value(t, f, s, "H4") != "" || value(t, f, s, "H8") != "" {
		t.Error("advice beside a good line")
	}
	id, _ := f.GetCellStyle(s, "C5")
	if style, _ := f.GetStyle(id); len(style.Border) != 1 || style.NumFmt != 49 {
		t.Errorf("the marked cell has lost its own style: %+v", style)
	}
	again := parse(t, marked)
	if !reflect.DeepEqual(again.rows, before.rows) || !reflect.DeepEqual(again.skipped, before.skipped) {
		t.Errorf("uploaded again it is another list:\n%+v\n%+v", again.rows, before.rows)
	}
}

func TestAdviceStandsInTheOrderOfTheColumns(t *testing.T) {
	all := []tenancy.Problem{
		{Line: 2, Column: "E", Severity: tenancy.SeverityError, Message: "e"},
		{Line: 2, Column: "B", Severity: tenancy.SeverityWarning, Message: "b"},
		{Line: 2, Column: "C", Severity: tenancy.SeverityWarning, Message: "c"},
		{Line: 2, Column: "C", Severity: tenancy.SeverityError, Message: "worse"},
	}
	f, err := collectFaults(func(yield func(tenancy.Problem, error) bool) {
		for _, p := range all {
			if !yield(p, nil) {
				return
			}
		}
	}, nil, tenancy.English)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.advice(f.of(2)); got != "B: b\nC: worse\nC: c\nE: e" {
		t.Errorf("advice %q", got)
	}
}

// TestACorrectedWorkbookIsUploadedAsItIs is the whole way: marked, corrected in
// the marked cells, read again.
func TestACorrectedWorkbookIsUploadedAsItIs(t *testing.T) {
	for name, path := range map[string]string{"xlsx": company(t, nil), "csv": companyCSV(t)} {
		marked, before := mark(t, path)
		f := open(t, marked)
		sheet := f.GetSheetList()[0]
		for cell, text := range map[string]string{"C5": "petrova@romashka.example", "A6": "000125", "E6": "30.12.2020", "B7": "Кузнецов Пётр Олегович", "D7": "+7 916 123-45-71"} {
			if err := f.SetCellStr(sheet, cell, text); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Save(); err != nil {
			t.Fatal(err)
		}
		after := parse(t, marked)
		if len(after.problems) != 0 || len(after.rows) != len(before.rows) {
			t.Errorf("%s: %d rows, problems %v", name, len(after.rows), after.problems)
		}
		for i, r := range after.rows {
			if r.Line != before.rows[i].Line || before.rows[i].OK && len(before.rows[i].Problems) == 0 && !reflect.DeepEqual(r, before.rows[i]) {
				t.Errorf("%s: the row is now %+v, it was %+v", name, r, before.rows[i])
			}
		}
		// Marked once more, what was corrected has no colour and no advice left.
		twice, _ := mark(t, marked)
		g := open(t, twice)
		for _, cell := range []string{"C5", "A6", "B7"} {
			if got := colourOf(t, g, sheet, cell); got != "" {
				t.Errorf("%s: %s still has the colour %s", name, cell, got)
			}
		}
		if value(t, g, sheet, "H6") != "" || value(t, g, sheet, "I3") != "" || value(t, g, sheet, "H3") != "Что исправить" {
			t.Errorf("%s: advice %q, next column %q", name, value(t, g, sheet, "H6"), value(t, g, sheet, "I3"))
		}
	}
}

func companyCSV(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list.csv")
	text := "ООО «Ромашка»;;;;;;\n\nТаб. №;ФИО;E-mail;Телефон;Дата приёма;Страна;Оклад\n" +
		"000123;Иванов Иван Петрович;ivanov@romashka.example;+7 916 123-45-67;01.02.2020;Россия;=1+1\n" +
		"000124;Петрова Анна;petrova at romashka;+7 916 123-45-68;01.02.2020;Россия;\n" +
		";Сидоров Пётр Ильич;sidorov@romashka.example;+7 916 123-45-69;31.31.2020;Россия;\n" +
		"000126;;;12-34;01.02.2020;Россия;\n" +
		"000127;Смирнов Олег;smirnov@romashka.example;+7 916 123-45-70;01.02.2020;Россия;\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestATextListBecomesAWorkbookOfTheSameLines(t *testing.T) {
	marked, before := mark(t, companyCSV(t))
	again := parse(t, marked)
	for i, r := range again.rows {
		if fmt.Sprint(r.Row, codes(r)) != fmt.Sprint(before.rows[i].Row, codes(before.rows[i])) || r.Line != before.rows[i].Line {
			t.Errorf("%+v, before %+v", r, before.rows[i])
		}
	}
	f := open(t, marked)
	if value(t, f, "Список", "A4") != "000123" || value(t, f, "Список", "G4") != "'=1+1" || colourOf(t, f, "Список", "B7") != red || colourOf(t, f, "Список", "C5") != yellow {
		t.Errorf("cells %q %q", value(t, f, "Список", "A4"), value(t, f, "Список", "G4"))
	}
	if formula, _ := f.GetCellFormula("Список", "G4"); formula != "" {
		t.Errorf("a text has become the formula %q", formula)
	}
	if text := xmlOf(t, marked, firstSheet); !strings.Contains(text, `<autoFilter ref="A3:H8"/>`) || !strings.Contains(text, "pane ") {
		t.Errorf("no filter or frozen header: %.300s", text)
	}
}

func codes(r importers.Record) (all []tenancy.ProblemCode) {
	for _, p := range r.Problems {
		all = append(all, p.Code)
	}
	return all
}

// everything is what the archive holds, unpacked.
func everything(t testing.TB, path string) map[string]string {
	t.Helper()
	r, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := map[string]string{}
	for _, f := range r.File {
		part, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(f.Name, err)
		}
		all[f.Name] = string(text)
	}
	return all
}

func xmlOf(t testing.TB, path, part string) string { return everything(t, path)[part] }

func TestOfARowOfAnotherCountryOnlyTheReasonStays(t *testing.T) {
	foreigner := func(f *excelize.File) {
		row := []any{"000128", "Канарейкина Айгуль", "canary@romashka.example", "+7 701 123-45-67", "01.02.2021", "Казахстан", 5}
		if err := f.SetSheetRow("Штат", "A9", &row); err != nil {
			t.Fatal(err)
		}
		if err := f.SetCellFormula("Штат", "G9", "1+2"); err != nil {
			t.Fatal(err)
		}
	}
	headed := func(f *excelize.File) {
		foreigner(f)
		if err := f.AddComment("Штат", excelize.Comment{Cell: "B3", Author: "a", Paragraph: []excelize.RichTextRun{{Text: "как в паспорте"}}}); err != nil {
			t.Fatal(err)
		}
	}
	noted := func(f *excelize.File) {
		foreigner(f)
		if err := f.AddComment("Штат", excelize.Comment{Cell: "B9", Author: "a", Paragraph: []excelize.RichTextRun{{Text: "Канарейкина уедет"}}}); err != nil {
			t.Fatal(err)
		}
	}
	linked := func(f *excelize.File) {
		foreigner(f)
		if err := f.SetCellHyperLink("Штат", "C9", "mailto:canary@romashka.example", "External"); err != nil {
			t.Fatal(err)
		}
	}
	copied := func(f *excelize.File) {
		foreigner(f)
		if err := f.SetCellValue("Справка", "A7", "Канарейкина Айгуль"); err != nil {
			t.Fatal(err)
		}
	}
	streamed := func(f *excelize.File) { // its texts stand in its cells
		foreigner(f)
		w, err := f.NewStreamWriter("Справка")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.SetRow("A7", []any{"Канарейкина Айгуль"}), w.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(*excelize.File){
		"own": foreigner, "own, with a comment elsewhere": headed, "anew, for a comment names her": noted,
		"anew, for a link goes to her": linked, "anew, for another sheet names her": copied, "anew, for another sheet may name her": streamed,
	} {
		path := company(t, change)
		if text := fmt.Sprint(everything(t, path)); !strings.Contains(text, "Канарейкина") {
			t.Fatal("the canary is not in the list")
		}
		marked, before := mark(t, path)
		for part, text := range everything(t, marked) {
			for _, canary := range []string{"Канарейкина", "canary@", "701", "000128"} {
				if strings.Contains(text, canary) {
					t.Errorf("%s: %q is still in %s", name, canary, part)
				}
			}
		}
		f := open(t, marked)
		if own := len(f.GetSheetList()) == 2; own != strings.HasPrefix(name, "own") {
			t.Errorf("%s: sheets %v", name, f.GetSheetList())
		}
		sheet := f.GetSheetList()[0]
		advice := value(t, f, sheet, "H9")
		if advice == "" || value(t, f, sheet, "A9") != "" || value(t, f, sheet, "G9") != "" || value(t, f, sheet, "B8") != "Смирнов Олег" {
			t.Errorf("%s: advice %q", name, advice)
		}
		again := parse(t, marked)
		if len(again.rows) != len(before.rows)-1 || again.rows[len(again.rows)-1].Row.Department != "" {
			t.Errorf("%s: %d rows of %d", name, len(again.rows), len(before.rows))
		}
	}
}

func TestMain(m *testing.M) {
	importers.WorkIfAsked()
	os.Exit(m.Run())
}

// TestAMarkedWorkbookIsMarkedInAnotherLanguage goes through what is stored: the
// marking without secrets, and a child process.
func TestAMarkedWorkbookIsMarkedInAnotherLanguage(t *testing.T) {
	for name, path := range map[string]string{"xlsx": company(t, nil), "csv": companyCSV(t)} {
		marked, before := mark(t, path)
		text, err := json.Marshal(Marking{Options: russianList(), Summary: before.summary, Language: tenancy.English}.Kept())
		if err != nil {
			t.Fatal(err)
		}
		var m Marking
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := MarkIsolated(context.Background(), marked, m, each(before.problems), &out); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		english := filepath.Join(t.TempDir(), "english.xlsx")
		if err := os.WriteFile(english, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		f := open(t, english)
		sheet := f.GetSheetList()[0]
		if value(t, f, sheet, "H3") != "What to correct" || !strings.Contains(value(t, f, sheet, "H6"), "personnel number") || value(t, f, sheet, "I3") != "" {
			t.Errorf("%s: %q %q", name, value(t, f, sheet, "H3"), value(t, f, sheet, "H6"))
		}
		if again := parse(t, english); len(again.rows) != len(before.rows) || len(again.problems) != len(before.problems) {
			t.Errorf("%s: %d rows, %d problems", name, len(again.rows), len(again.problems))
		}
	}
}

func TestAChildThatDiesIsNoWorkbook(t *testing.T) {
	var out bytes.Buffer
	err := MarkIsolated(context.Background(), filepath.Join(t.TempDir(), "none"), Marking{}, each(nil), &out)
	if err == nil {
		t.Error("a list that is not there was marked")
	}
}

func TestMacrosAreLeftOut(t *testing.T) {
	path := withMacros(t, company(t, nil))
	before := parse(t, company(t, nil)) // whether such a file is taken is the importer's matter
	marked := filepath.Join(t.TempDir(), "marked.xlsx")
	var out bytes.Buffer
	if err := Mark(context.Background(), path, Marking{Options: russianList(), Summary: before.summary, Language: tenancy.Kazakh}, each(before.problems), &out); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(marked, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for part, text := range everything(t, marked) {
		if strings.Contains(part, "vba") || strings.Contains(strings.ToLower(text), "vbaproject") || strings.Contains(text, "macroEnabled") {
			t.Errorf("%s: macros are left", part)
		}
	}
	if got := parse(t, marked); !reflect.DeepEqual(got.rows, before.rows) {
		t.Error("another list without macros")
	}
	if f := open(t, marked); value(t, f, "Штат", "H3") != "Нені түзету керек" {
		t.Error("the advice is not in Kazakh")
	}
}

// withMacros makes a workbook of the kind .xlsm of one without.
func withMacros(t testing.TB, path string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "list.xlsm")
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w := zip.NewWriter(out)
	parts := everything(t, path)
	parts["xl/vbaProject.bin"] = "\xd0\xcf\x11\xe0 macros"
	parts["[Content_Types].xml"] = strings.NewReplacer(
		"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml", "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
		"</Types>", `<Override PartName="/xl/vbaProject.bin" ContentType="application/vnd.ms-office.vbaProject"/></Types>`).Replace(parts["[Content_Types].xml"])
	parts["xl/_rels/workbook.xml.rels"] = strings.Replace(parts["xl/_rels/workbook.xml.rels"], "</Relationships>",
		`<Relationship Id="rId99" Type="http://schemas.microsoft.com/office/2006/relationships/vbaProject" Target="vbaProject.bin"/></Relationships>`, 1)
	for name, text := range parts {
		part, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestProblemsFoundLaterAreMarkedToo(t *testing.T) {
	marked, _ := mark(t, company(t, nil),
		tenancy.Problem{Code: "identity_changed", Severity: tenancy.SeverityError, Line: 8, Field: "employee_no", Message: "x"},
		tenancy.Problem{Code: "employee_unknown", Severity: tenancy.SeverityError, Line: 4, Field: "employee_no", Message: "x"},
		tenancy.Problem{Code: "rows_hidden", Severity: tenancy.SeverityWarning, Message: "of the file"})
	f := open(t, marked)
	if colourOf(t, f, "Штат", "A8") != red || !strings.HasPrefix(value(t, f, "Штат", "H8"), "A: ") || !strings.Contains(value(t, f, "Штат", "H4"), "увольнять некого") {
		t.Errorf("%q, %q", value(t, f, "Штат", "H8"), value(t, f, "Штат", "H4"))
	}
}

// TestSheetsOfOtherWriters marks sheets as other programs write them.
func TestSheetsOfOtherWriters(t *testing.T) {
	base := everything(t, company(t, nil))
	sheet := base["xl/worksheets/sheet1.xml"]
	for name, change := range map[string]func(string) string{
		"references left out": func(s string) string {
			return strings.NewReplacer(` r="A5"`, "", ` r="B5"`, "", ` r="C5"`, "", ` r="D5"`, "", ` r="E5"`, "", ` r="F5"`, "", ` r="G5"`, "").Replace(s)
		},
		"blanks and a comment between": func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(s, "<row ", "\n  <!-- <row > --><row "), "</c>", "</c>\n ")
		},
		"spans, widths to the end": func(s string) string {
			s = strings.ReplaceAll(s, "<row ", `<row spans="1:7" `)
			return strings.Replace(s, "</cols>", `<col min="3" max="16384" width="9" style="1"/></cols>`, 1)
		},
		"no widths": func(s string) string {
			from, to := strings.Index(s, "<cols>"), strings.Index(s, "</cols>")
			return s[:from] + s[to+len("</cols>"):]
		},
		"styled cells to the right": func(s string) string {
			at := strings.Index(s, `<row r="5"`)
			end := at + strings.Index(s[at:], "</row>")
			return s[:end] + `<c r="H5" s="1"/><c r="J5" s="1"/>` + s[end:]
		},
	} {
		parts := map[string]string{}
		for part, text := range base {
			parts[part] = text
		}
		if parts["xl/worksheets/sheet1.xml"] = change(sheet); parts["xl/worksheets/sheet1.xml"] == sheet {
			t.Errorf("%s: nothing was changed", name)
		}
		path := filepath.Join(t.TempDir(), "list.xlsx")
		writeParts(t, path, parts)
		marked, before := mark(t, path)
		again := parse(t, marked)
		if len(before.problems) == 0 || !reflect.DeepEqual(again.rows, before.rows) {
			t.Errorf("%s: another list:\n%+v\n%+v", name, again.rows, before.rows)
		}
		f := open(t, marked)
		if colourOf(t, f, "Штат", "C5") != yellow || value(t, f, "Штат", "H3") == "" || value(t, f, "Штат", "H5") == "" || value(t, f, "Штат", "B5") != "Петрова Анна" {
			t.Errorf("%s: %q %q", name, value(t, f, "Штат", "H3"), value(t, f, "Штат", "H5"))
		}
	}
}

func writeParts(t testing.TB, path string, parts map[string]string) {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range parts {
		part, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheNameOfTheAdviceIsInTheDictionary(t *testing.T) {
	for _, name := range []string{adviceName.Ru, adviceName.Kk, adviceName.En} {
		if !importers.IsAdvice(name) {
			t.Errorf("%q would be read as a column of the list", name)
		}
	}
}
