package workbooks

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/tenancy"
)

// TestEveryListComesBackAsItself marks each of the importer's real lists and
// uploads the marked workbook uncorrected: the same people with the same
// problems, whatever the list's format and however odd its layout.
func TestEveryListComesBackAsItself(t *testing.T) {
	marked := 0
	for _, folder := range []string{"testdata/dirty", "book/testdata/formats"} {
		paths, err := filepath.Glob("../importers/" + folder + "/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if comesBack(t, path, importers.Options{Country: russia, Today: today}) {
				marked++
			}
		}
	}
	if marked < 45 {
		t.Errorf("only %d lists could be read", marked)
	}
}

// comesBack reports whether the file is a list at all.
func comesBack(t *testing.T, path string, options importers.Options) bool {
	t.Helper()
	before, summary, err := peopleIn(path, options)
	if err != nil {
		return false // what is no list is the importer's matter
	}
	problems := []tenancy.Problem{}
	for _, r := range before {
		problems = append(problems, r.Problems...)
	}
	to := filepath.Join(t.TempDir(), "marked.xlsx")
	out, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	name := filepath.Base(path)
	if err := Mark(context.Background(), path, Marking{Options: options, Summary: summary, Language: tenancy.Russian}, each(problems), out); err != nil {
		t.Errorf("%s: %v", name, err)
		return true
	}
	f, err := excelize.OpenFile(to)
	if err != nil {
		t.Errorf("%s: excelize does not open it: %v", name, err)
		return true
	}
	defer f.Close()
	again := options
	again.Sheet = summary.Sheet
	after, _, err := peopleIn(to, again)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return true
	}
	want, got := told(before), told(after)
	if !slices.Equal(want, got) {
		t.Errorf("%s is another list when it comes back:\n%s\nwas\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return true
}

func peopleIn(path string, options importers.Options) (rows []importers.Record, summary importers.Summary, err error) {
	summary, err = importers.Parse(context.Background(), path, options, func(r importers.Record) error {
		if r.Skipped == "" {
			rows = append(rows, r)
		}
		return nil
	})
	return rows, summary, err
}

// told is what is compared of rows: those of another country are gone.
func told(rows []importers.Record) (all []string) {
	for _, r := range rows {
		if slices.Contains(codes(r), importers.CountryMismatch) {
			continue
		}
		all = append(all, fmt.Sprintf("%d %+v %v", r.Line, r.Row, codes(r)))
	}
	return all
}
