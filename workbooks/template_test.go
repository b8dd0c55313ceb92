package workbooks

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

var kazakhstan = tenancy.Country{
	Code: "KZ", Name: tenancy.Text{Ru: "Казахстан", Kk: "Қазақстан", En: "Kazakhstan"}, PhoneRegion: "KZ",
	NationalIDs: []tenancy.NationalIDKind{tenancy.IIN}, Languages: []tenancy.Language{tenancy.Kazakh},
}

func templateOf(country tenancy.Country, lang tenancy.Language) Template {
	if country.Code == "RU" {
		country.Name = tenancy.Text{Ru: "Россия", Kk: "Ресей", En: "Russia"}
	}
	return Template{
		Country: country, Countries: []tenancy.Country{country, kazakhstan}, Language: lang,
		LegalEntities: []tenancy.LegalEntity{{Code: "a", Name: `ООО «Ромашка, "Север"»`, Default: true}, {Code: "b", Name: "АО Лютик"}},
		Segments:      []tenancy.Segment{{ID: "couriers", Name: tenancy.Text{Ru: "Курьеры", Kk: "Курьерлер"}}, {ID: "office"}},
	}
}

func writeTemplate(t testing.TB, template Template) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "template.xlsx")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := template.Write(out); err != nil {
		t.Fatal(err)
	}
	return path
}

// A template that was filled in with its own examples is read without any
// problem, in every country and language.
func TestAFilledTemplateHasNoProblems(t *testing.T) {
	ids := map[tenancy.CountryCode]string{"RU": "112-233-445 95", "KZ": "900605400013"}
	for _, country := range []tenancy.Country{russia, kazakhstan} {
		for _, lang := range []tenancy.Language{tenancy.Russian, tenancy.Kazakh, tenancy.English} {
			template := templateOf(country, lang)
			path := writeTemplate(t, template)
			w := making(template)
			f := open(t, path)
			sheet := f.GetSheetList()[0]
			for n := range 3 {
				for i, c := range w.columns {
					text := w.samples(c)[n]
					if n == 0 && (c.field == importers.FieldSNILS || c.field == importers.FieldIIN) {
						text = ids[country.Code]
					}
					if text == "" {
						continue
					}
					cell := fmt.Sprintf("%s%d", book.ColumnLetter(i), n+2)
					if err := f.SetCellStr(sheet, cell, text); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := f.Save(); err != nil {
				t.Fatal(err)
			}
			var rows []importers.Record
			options := importers.Options{Country: country, Today: today, LegalEntities: template.LegalEntities, Segments: template.Segments}
			summary, err := importers.Parse(context.Background(), path, options, func(r importers.Record) error {
				if r.Skipped == "" {
					rows = append(rows, r)
				}
				return nil
			})
			if err != nil || len(rows) != 3 || len(summary.Problems) != 0 || len(summary.Mapping) != len(w.columns) || len(summary.OtherSheets) != 0 {
				t.Fatalf("%s %s: %d rows, columns %v, other lists %v, %v, %v", country.Code, lang, len(rows), summary.Mapping, summary.OtherSheets, summary.Problems, err)
			}
			for _, r := range rows {
				for _, p := range r.Problems {
					t.Errorf("%s %s line %d: %v", country.Code, lang, r.Line, p)
				}
			}
			if r := rows[0].Row; r.EmployeeNo != "000123" || r.LegalEntity != "a" || r.Segment != "couriers" || r.NationalID == "" || r.Country != country.Code {
				t.Errorf("%s %s: %+v", country.Code, lang, r)
			}
		}
	}
}

func TestTheInstructionNamesEveryFormat(t *testing.T) {
	for _, lang := range []tenancy.Language{tenancy.Russian, tenancy.Kazakh, tenancy.English} {
		rows, err := open(t, writeTemplate(t, templateOf(russia, lang))).GetRows(helpSheet.InOrEnglish(lang))
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint(rows)
		for _, format := range []string{".xlsx", ".xlsm", ".xls", ".ods", ".csv", ".txt"} {
			if !strings.Contains(text, format+",") && !strings.Contains(text, format+")") {
				t.Errorf("%s: %s is not named", lang, format)
			}
		}
	}
}

func making(t Template) *template {
	return &template{Template: t, columns: templateColumns(t.Country)}
}

func TestAnEmptyTemplateHasNobody(t *testing.T) {
	for _, lang := range []tenancy.Language{tenancy.Russian, tenancy.Kazakh, tenancy.English} {
		got := parse(t, writeTemplate(t, templateOf(russia, lang)))
		if len(got.rows) != 0 || len(got.summary.OtherSheets) != 0 || got.summary.Sheet != listSheet.InOrEnglish(lang) {
			t.Errorf("%s: %d people in an empty template (%q, other lists %v)", lang, len(got.rows), got.summary.Sheet, got.summary.OtherSheets)
		}
		_, err := importers.Parse(context.Background(), writeTemplate(t, templateOf(russia, lang)),
			importers.Options{Country: russia, Sheet: exampleSheet.InOrEnglish(lang)}, func(importers.Record) error { return nil })
		if err == nil {
			t.Errorf("%s: the examples are read as a list", lang)
		}
	}
}

func TestATemplateGuidesWhoFillsIt(t *testing.T) {
	f := open(t, writeTemplate(t, templateOf(russia, tenancy.Russian)))
	sheet := f.GetSheetList()[0]
	rules, err := f.GetDataValidations(sheet)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, rule := range rules {
		kinds[rule.Type]++
		if rule.Type == "list" && !strings.Contains(rule.Formula1, choiceSheet.Ru) {
			t.Errorf("choices of %s are %s", rule.Sqref, rule.Formula1)
		}
	}
	if kinds["date"] != 3 || kinds["list"] != 3 || kinds["custom"] != 1 || kinds["textLength"] == 0 {
		t.Errorf("rules %v", kinds)
	}
	if comments, _ := f.GetComments(sheet); len(comments) != len(templateColumns(russia)) {
		t.Errorf("%d comments", len(comments))
	}
	for letter, format := range map[string]int{"A": 49, "F": 49, "O": 49} {
		id, _ := f.GetColStyle(sheet, letter)
		if style, _ := f.GetStyle(id); style.NumFmt != format {
			t.Errorf("column %s eats zeros: format %d", letter, style.NumFmt)
		}
	}
	if value(t, f, choiceSheet.Ru, "A2") != `ООО «Ромашка, "Север"»` || colourOf(t, f, sheet, "A1") != needColours[required] {
		t.Error("choices or colours are missing")
	}
}
