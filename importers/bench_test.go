package importers

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/xuri/excelize/v2"

	"github.com/ponimayu/opora/internal/rostergen"
)

// benchRows is large enough for the fixed costs not to matter.
const benchRows = 20_000

func benchFile(b *testing.B, format string) string {
	b.Helper()
	var list bytes.Buffer
	o := rostergen.Options{Rows: benchRows, Seed: 5, Country: "RU", Dirt: 0.02, IDs: true}
	if _, err := rostergen.Write(&list, o, rostergen.File{Format: format, Titles: true}); err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "list."+format)
	if err := os.WriteFile(path, list.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

func benchParse(b *testing.B, format string) {
	path := benchFile(b, format)
	b.ReportAllocs()
	for b.Loop() {
		rows := 0
		if _, err := Parse(context.Background(), path, russianList(), func(r Record) error {
			if r.Skipped == "" {
				rows++
			}
			return nil
		}); err != nil || rows != benchRows {
			b.Fatalf("%d rows: %v", rows, err)
		}
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkWorkbook reads, checks and hands over; BenchmarkExcelizeLoop is the
// yardstick: excelize's own streaming rows of the same file, without any check.
func BenchmarkWorkbook(b *testing.B) { benchParse(b, "xlsx") }

func BenchmarkText(b *testing.B) { benchParse(b, "csv") }

func BenchmarkExcelizeLoop(b *testing.B) {
	path := benchFile(b, "xlsx")
	b.ReportAllocs()
	for b.Loop() {
		if rows := excelizeLoop(b, path); rows < benchRows {
			b.Fatalf("%d rows", rows)
		}
	}
	b.ReportMetric(float64(benchRows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func excelizeLoop(b *testing.B, path string) int {
	f, err := excelize.OpenFile(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	rows, err := f.Rows(f.GetSheetName(0))
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		if _, err := rows.Columns(); err != nil {
			b.Fatal(err)
		}
		n++
	}
	return n
}
