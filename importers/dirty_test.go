package importers

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Each file of testdata/dirty is a list as somebody may send it; the text beside
// it says what must be understood. The README there tells how both are written.
func TestDirtyLists(t *testing.T) {
	expectations, err := filepath.Glob("testdata/dirty/*.txt")
	if err != nil || len(expectations) < 45 {
		t.Errorf("%d lists, want at least 45 (%v)", len(expectations), err)
	}
	for _, expected := range expectations {
		name := strings.TrimSuffix(expected, ".txt")
		lists, err := filepath.Glob(name + ".*")
		lists = slices.DeleteFunc(lists, func(file string) bool { return file == expected })
		if err != nil || len(lists) != 1 {
			t.Errorf("%s is the expectation of %v", expected, lists)
			continue
		}
		t.Run(filepath.Base(lists[0]), func(t *testing.T) { readDirtyList(t, lists[0], expected) })
	}
}

func readDirtyList(t *testing.T, list, expected string) {
	text, err := os.ReadFile(expected)
	if err != nil {
		t.Fatal(err)
	}
	opts, want := toldOptions(t, string(text))
	got := outcome(t, list, opts)
	if slices.Equal(got, want) {
		return
	}
	for i := range max(len(got), len(want)) {
		g, w := at(got, i), at(want, i)
		if g != w {
			t.Errorf("line %d of the expectation\n got  %s\n want %s", i+1, g, w)
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// toldOptions reads the lines of an expectation: remarks after "#", options
// after "with", and what must come out.
func toldOptions(t *testing.T, text string) (Options, []string) {
	t.Helper()
	opts := russianList()
	var want []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		told, isOption := strings.CutPrefix(line, "with ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case isOption:
			tell(t, &opts, told)
		default:
			want = append(want, line)
		}
	}
	return opts, want
}

func tell(t *testing.T, opts *Options, told string) {
	t.Helper()
	name, value, _ := strings.Cut(told, " ")
	field, text, _ := strings.Cut(value, "=")
	switch name {
	case "country":
		if value == "KZ" {
			opts.Country = kazakhstan
		}
	case "sheet":
		opts.Sheet = value
	case "header-line":
		opts.HeaderLine, _ = strconv.Atoi(value)
	case "map":
		if opts.Mapping == nil {
			opts.Mapping = Mapping{}
		}
		opts.Mapping[Field(field)] = text
	case "name":
		if opts.Names == nil {
			opts.Names = map[string]Field{}
		}
		opts.Names[field] = Field(text)
	case "entity":
		opts.LegalEntities = append(opts.LegalEntities, tenancy.LegalEntity{Code: tenancy.LegalEntityCode(field), Name: text})
	default:
		t.Fatalf("no option %q", name)
	}
}

// outcome is what a list was understood as, a line each.
func outcome(t *testing.T, list string, opts Options) []string {
	t.Helper()
	var records []Record
	summary, err := Parse(context.Background(), list, opts, func(r Record) error {
		records = append(records, r)
		return nil
	})
	if p, ok := book.ProblemOf(err); ok {
		return []string{strings.TrimSpace(fmt.Sprintf("error %s %s", p.Code, placeOf(p)))}
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{
		fmt.Sprintf("%s %s: header %d, rows %d, ok %d, rejected %d, skipped %d", summary.Format, summary.Encoding, summary.HeaderLine, summary.Rows, summary.OK, summary.Rejected, summary.Skipped),
		"columns " + columnsOf(summary.Mapping),
	}
	for _, name := range summary.Outdated {
		lines = append(lines, "outdated "+name)
	}
	for _, p := range summary.Problems {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("remark %s %s", p.Code, placeOf(p))))
	}
	for _, r := range records {
		lines = append(lines, recordLines(t, r)...)
	}
	return lines
}

func placeOf(p tenancy.Problem) string {
	var said []string
	if p.Line > 0 {
		said = append(said, "line "+strconv.Itoa(p.Line))
	}
	if p.Column != "" {
		said = append(said, "column "+p.Column)
	}
	return strings.Join(said, " ")
}

func columnsOf(m Mapping) string {
	var all []string
	for field, column := range m {
		all = append(all, column+"="+string(field))
	}
	slices.SortFunc(all, func(a, b string) int {
		x, _, _ := strings.Cut(a, "=")
		y, _, _ := strings.Cut(b, "=")
		return cmp.Or(len(x)-len(y), strings.Compare(x, y))
	})
	return strings.Join(all, " ")
}

// labels are how the fields of a row are called in an expectation, in order.
var labels = [][2]string{
	{"email", "email"}, {"phone", "phone"}, {"department", "dept"}, {"position", "job"}, {"legal_entity", "entity"}, {"hired_on", "hired"},
	{"left_on", "left"}, {"birth_date", "born"}, {"country", "country"}, {"segment", "segment"}, {"national_id", "id"},
}

func recordLines(t *testing.T, r Record) []string {
	t.Helper()
	if r.Skipped != notSkipped {
		return []string{fmt.Sprintf("%d %s", r.Line, r.Skipped)}
	}
	state := "ok"
	if !r.OK {
		state = "bad"
	}
	values := map[string]any{}
	text, err := json.Marshal(r.Row)
	if err == nil {
		err = json.Unmarshal(text, &values)
	}
	if err != nil {
		t.Fatal(err)
	}
	parts := []string{fmt.Sprintf("%d %s %s", r.Line, state, cmp.Or(string(r.Row.EmployeeNo), "-"))}
	if name := strings.TrimRight(strings.Join([]string{r.Row.LastName, r.Row.FirstName, r.Row.MiddleName}, ", "), ", "); name != "" {
		parts = append(parts, name)
	}
	for _, l := range labels {
		if v, ok := values[l[0]]; ok {
			parts = append(parts, fmt.Sprintf("%s %v", l[1], v))
		}
	}
	lines := []string{strings.Join(parts, " | ")}
	for _, p := range r.Problems {
		lines = append(lines, fmt.Sprintf("  %s %s", cmp.Or(p.Column, "-"), p.Code))
	}
	return lines
}
