package book_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// A file is well read when the people on it come out: these tests hold the
// readers to what importers.Parse says of lists in every format.

func russianList() importers.Options {
	return importers.Options{
		Country: tenancy.Country{Code: "RU", PhoneRegion: "RU", NationalIDs: []tenancy.NationalIDKind{tenancy.SNILS, tenancy.INN}},
		Today:   tenancy.Date{Year: 2026, Month: 11, Day: 21},
	}
}

// parsed is what Parse gave.
type parsed struct {
	records []importers.Record
	summary importers.Summary
}

// rows returns the records that are people's.
func (p parsed) rows() (rows []importers.Record) {
	for _, r := range p.records {
		if r.Skipped == "" {
			rows = append(rows, r)
		}
	}
	return rows
}

// reasons returns why lines were skipped, by line.
func (p parsed) reasons() map[int]importers.Reason {
	reasons := map[int]importers.Reason{}
	for _, r := range p.records {
		if r.Skipped != "" {
			reasons[r.Line] = r.Skipped
		}
	}
	return reasons
}

func codes(r importers.Record) []tenancy.ProblemCode {
	all := []tenancy.ProblemCode{}
	for _, p := range r.Problems {
		all = append(all, p.Code)
	}
	return all
}

// parseBytes parses content as if it were uploaded.
func parseBytes(t testing.TB, content []byte, opts importers.Options) (parsed, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := parseFile(path, opts)
	if err != nil && len(p.records) > 0 {
		t.Errorf("%d records were handed over before the error %v", len(p.records), err)
	}
	if got := p.summary.Rows + p.summary.Skipped; err == nil && got != len(p.records) {
		t.Errorf("the summary counts %d lines, %d were handed over", got, len(p.records))
	}
	return p, err
}

func parseFile(path string, opts importers.Options) (p parsed, err error) {
	p.summary, err = importers.Parse(context.Background(), path, opts, func(r importers.Record) error {
		p.records = append(p.records, r)
		return nil
	})
	return p, err
}

func mustParse(t testing.TB, content []byte, opts importers.Options) parsed {
	t.Helper()
	p, err := parseBytes(t, content, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// wantFileProblem parses what must be refused whole, and checks the code and,
// when it is not 0, the line.
func wantFileProblem(t testing.TB, content []byte, code tenancy.ProblemCode, line int) tenancy.Problem {
	t.Helper()
	_, err := parseBytes(t, content, russianList())
	p, ok := book.ProblemOf(err)
	if !ok || p.Code != code || line != 0 && p.Line != line {
		t.Errorf("got %v (line %d), want %s at line %d", err, p.Line, code, line)
	}
	if ok && (p.Message == "" || p.Severity != tenancy.SeverityError) {
		t.Errorf("problem without message or severity: %+v", p)
	}
	return p
}

// parseReader is parseBytes without a test of its own, for properties.
func parseReader(content []byte) (p parsed, err error) {
	file, err := os.CreateTemp("", "list")
	if err != nil {
		return p, err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(content)
	if err := errors.Join(err, file.Close()); err != nil {
		return p, err
	}
	return parseFile(file.Name(), russianList())
}
