package workbooks

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/tenancy"
)

// divide splits a list and reads every part as its country would.
func divide(t *testing.T, path string) (*Split, map[tenancy.CountryCode]read) {
	t.Helper()
	s, err := SplitByCountry(context.Background(), path, russianList())
	if err != nil {
		t.Fatal(err)
	}
	parts, total := map[tenancy.CountryCode]read{}, 0
	for i, part := range s.Parts {
		name := filepath.Join(t.TempDir(), "part")
		out, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := s.Write(context.Background(), i, out)
		if err := errors.Join(err, out.Close(), s.Verify(context.Background(), i, name)); err != nil || rows != part.Rows {
			t.Fatalf("%s: %d rows of %d, %v", part.Country, rows, part.Rows, err)
		}
		total += rows
		parts[part.Country] = parse(t, name)
	}
	if total != s.Rows {
		t.Errorf("%d rows of %d", total, s.Rows)
	}
	return s, parts
}

const mixedCSV = "Список;;;\nТаб. №;ФИО;Телефон;Страна проживания\n" +
	"Склад;;;\n" +
	"001;Иванов Иван;+79161234567;Россия\n" +
	"002;Үлгібаева Әсел;+77011234567;Казахстан\n" +
	"Цех;;;\n" +
	"003;Мысалов Ерлан;+77011234568;Қазақстан\n" +
	"004;Петров Пётр;+79161234568;\n" +
	"005;\"Сидоров; Олег\";+79161234569;РФ\n" +
	"Итого;;;5\n"

func TestAMixedListIsDivided(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(path, []byte(mixedCSV), 0o600); err != nil {
		t.Fatal(err)
	}
	s, parts := divide(t, path)
	if len(s.Parts) != 3 || s.Parts[0] != (Part{"KZ", 2}) || s.Parts[1] != (Part{"RU", 2}) || s.Parts[2] != (Part{UnknownCountry, 1}) || !s.CSV || s.Rows != 5 {
		t.Fatalf("%+v", s.Parts)
	}
	kz := parts["KZ"].rows
	if kz[0].Row.EmployeeNo != "002" || kz[0].Row.Department != "Склад" || kz[1].Row.Department != "Цех" || kz[0].Row.LastName != "Үлгібаева" {
		t.Errorf("%+v", kz)
	}
	if ru := parts["RU"]; ru.rows[1].Row.Department != "Цех" || len(ru.problems) != 0 && ru.problems[0].Code == importers.CountryMismatch || ru.skipped[1] != importers.Title {
		t.Errorf("%+v %v", ru.rows, ru.skipped)
	}
}

// What would be a formula where a part is opened is none, in every format.
func TestAPartHoldsNoFormulas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list.csv")
	rows := "Таб. №;ФИО;Отдел;Телефон;Страна проживания\n001;Иванов Иван;=cmd|' /C calc'!A0;+79161234567;Россия\n002;Петров Пётр;@SUM(1);;Россия\n"
	if err := os.WriteFile(path, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	s, parts := divide(t, path)
	if ru := parts["RU"].rows; len(ru) != 2 || ru[0].Row.Phone != "+79161234567" {
		t.Errorf("%+v", ru)
	}
	var text strings.Builder
	if _, err := s.Write(t.Context(), 0, &text); err != nil || !strings.Contains(text.String(), ";'=cmd|") || !strings.Contains(text.String(), ";'@SUM(1)") {
		t.Errorf("%v %q", err, text.String())
	}
	marked, _ := mark(t, path, tenancy.Problem{Code: importers.NameMissing, Severity: tenancy.SeverityError, Line: 2, Field: "last_name"})
	f := open(t, marked)
	if got := value(t, f, f.GetSheetList()[0], "C2") + value(t, f, f.GetSheetList()[0], "D2"); got != "'=cmd|' /C calc'!A0+79161234567" {
		t.Errorf("%q", got)
	}
}

// A department in a merged cell holds for rows whose part does not have its
// first line; numbers, dates and leading zeros stay what they are.
func TestAMixedWorkbookIsDivided(t *testing.T) {
	path := company(t, func(f *excelize.File) {
		for cell, v := range map[string]any{"F5": "Казахстан", "F6": "Казахстан", "F8": "", "H3": "Отдел", "H4": "Склад", "E4": 43862, "G5": 1500.5, "A6": "000125", "B7": "Кузнецов Пётр"} {
			if err := f.SetCellValue("Штат", cell, v); err != nil {
				t.Fatal(err)
			}
		}
		style, err := f.NewStyle(&excelize.Style{NumFmt: 14})
		if err := errors.Join(err, f.SetCellStyle("Штат", "E4", "E4", style), f.MergeCell("Штат", "H4", "H6")); err != nil {
			t.Fatal(err)
		}
	})
	before := parse(t, path)
	s, parts := divide(t, path)
	if s.CSV || len(s.Parts) != 3 {
		t.Fatalf("%+v", s.Parts)
	}
	byNo := map[tenancy.EmployeeNo]importers.Row{}
	for _, part := range parts {
		for _, r := range part.rows {
			byNo[r.Row.EmployeeNo] = r.Row
		}
	}
	for _, r := range before.rows {
		if got := byNo[r.Row.EmployeeNo]; got != r.Row {
			t.Errorf("%+v has become %+v", r.Row, got)
		}
	}
	if byNo["000124"].Department != "Склад" || byNo["000123"].HiredOn.String() != "2020-02-01" {
		t.Errorf("%+v", byNo)
	}
}

// A part is text that we write: a spreadsheet must not run what it holds, and it
// reads as before.
func TestPartsOfTextHoldNoFormula(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list.csv")
	list := "Таб. №;ФИО;Телефон;Страна;Отдел\n001;Иванов Иван;+79161234567;РФ;=cmd|'/c calc'!A1\n002;Осин Олег;'+79161234568;РФ;@SUM(1)\n"
	if err := os.WriteFile(path, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := SplitByCountry(context.Background(), path, russianList())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := s.Write(context.Background(), 0, &out); err != nil {
		t.Fatal(err)
	}
	want := "\ufeffТаб. №;ФИО;Телефон;Страна;Отдел\r\n001;Иванов Иван;'+79161234567;РФ;'=cmd|'/c calc'!A1\r\n002;Осин Олег;'+79161234568;РФ;'@SUM(1)\r\n"
	if out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestAListWithoutACountryIsNotDivided(t *testing.T) {
	path := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(path, []byte("Таб. №;ФИО\n1;Иванов Иван\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := SplitByCountry(context.Background(), path, russianList())
	var p tenancy.Problem
	if !errors.As(err, &p) || p.Code != NoCountryColumn {
		t.Errorf("%v", err)
	}
}
