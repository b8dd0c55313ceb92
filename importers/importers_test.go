package importers

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/ponimayu/opora/internal/tenancy"
)

// The tests of ParseIsolated start this binary as the worker.
func TestMain(m *testing.M) {
	WorkIfAsked()
	if len(os.Args) == 2 && os.Args[1] == greedyCommand {
		beGreedy()
	}
	os.Exit(m.Run())
}

var (
	russia     = tenancy.Country{Code: "RU", PhoneRegion: "RU", NationalIDs: []tenancy.NationalIDKind{tenancy.SNILS, tenancy.INN}}
	kazakhstan = tenancy.Country{Code: "KZ", PhoneRegion: "KZ", NationalIDs: []tenancy.NationalIDKind{tenancy.IIN}}
	testDay    = tenancy.Date{Year: 2026, Month: 11, Day: 21}
)

func russianList() Options { return Options{Country: russia, Today: testDay} }

// parsed is what Parse gave.
type parsed struct {
	records []Record
	summary Summary
}

// rows returns the records that are people's.
func (p parsed) rows() []Record {
	var rows []Record
	for _, r := range p.records {
		if r.Skipped == "" {
			rows = append(rows, r)
		}
	}
	return rows
}

// reasons returns why lines were skipped, by line.
func (p parsed) reasons() map[int]Reason {
	reasons := map[int]Reason{}
	for _, r := range p.records {
		if r.Skipped != "" {
			reasons[r.Line] = r.Skipped
		}
	}
	return reasons
}

func codes(r Record) []tenancy.ProblemCode {
	all := []tenancy.ProblemCode{}
	for _, p := range r.Problems {
		all = append(all, p.Code)
	}
	return all
}

// parseBytes parses content as if it were uploaded.
func parseBytes(t testing.TB, content []byte, opts Options) (parsed, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var p parsed
	var err error
	p.summary, err = Parse(context.Background(), path, opts, func(r Record) error {
		p.records = append(p.records, r)
		return nil
	})
	if err != nil && len(p.records) > 0 {
		t.Errorf("%d records were handed over before the error %v", len(p.records), err)
	}
	if got := p.summary.Rows + p.summary.Skipped; err == nil && got != len(p.records) {
		t.Errorf("the summary counts %d lines, %d were handed over", got, len(p.records))
	}
	return p, err
}

func mustParse(t testing.TB, content []byte, opts Options) parsed {
	t.Helper()
	p, err := parseBytes(t, content, opts)
	if err != nil {
		t.Fatal(err)
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
	if _, err := file.Write(content); err != nil {
		return p, err
	}
	if err := file.Close(); err != nil {
		return p, err
	}
	p.summary, err = Parse(context.Background(), file.Name(), russianList(), func(r Record) error {
		p.records = append(p.records, r)
		return nil
	})
	return p, err
}
