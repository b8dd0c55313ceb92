package workbooks

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/ponimayu/opora/internal/rostergen"
)

// BenchmarkMark marks a workbook of 20,000 rows, one in twenty of them bad.
func BenchmarkMark(b *testing.B) {
	path := filepath.Join(b.TempDir(), "list.xlsx")
	out, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := rostergen.Write(out, rostergen.Options{Country: "RU", Rows: 20000, Seed: 1, Dirt: 0.05, Domain: "firm.example"}, rostergen.File{Format: "xlsx"}); err != nil {
		b.Fatal(err)
	}
	if err := out.Close(); err != nil {
		b.Fatal(err)
	}
	read := parse(b, path)
	m := Marking{Options: russianList(), Summary: read.summary, Language: "ru"}
	b.ReportAllocs()
	for b.Loop() {
		if err := Mark(context.Background(), path, m, each(read.problems), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(20000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
