package importers

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ponimayu/opora/internal/tenancy"
)

const (
	formatFiles = "testdata/formats"
	demoRosters = "../templates/demo/rosters"
)

// The files in testdata/formats were written by other programs (README.md there
// tells which). Those with the same name up to the first dot hold the same
// list, and must give the same lines; so must the demo's workbook of that name.
func TestFormats(t *testing.T) {
	lists := map[string][]string{}
	files, _ := filepath.Glob(filepath.Join(formatFiles, "*"))
	demo, _ := filepath.Glob(filepath.Join(demoRosters, "*.xlsx"))
	for _, file := range append(files, demo...) {
		if ext := filepath.Ext(file); ext != ".jsonl" && ext != ".md" {
			name, _, _ := strings.Cut(filepath.Base(file), ".")
			lists[name] = append(lists[name], file)
		}
	}
	if len(lists) == 0 {
		t.Fatal("no files")
	}
	for name, files := range lists {
		t.Run(name, func(t *testing.T) { sameLines(t, filepath.Join(formatFiles, name+".jsonl"), files) })
	}
}

// sameLines compares what the files give with golden: first the lines, then a
// summary for each file.
func sameLines(t *testing.T, golden string, files []string) {
	var got, summaries, records bytes.Buffer
	for i, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines, summary := splitSummary(parseToLines(t, content, russianList()))
		if i == 0 {
			records.Write(lines)
		} else if !bytes.Equal(lines, records.Bytes()) {
			t.Errorf("%s and %s differ: got\n%s\nwant\n%s", file, files[0], lines, records.Bytes())
		}
		fmt.Fprintf(&summaries, "%s %s", filepath.Base(file), summary)
	}
	got.Write(records.Bytes())
	got.Write(summaries.Bytes())
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("got\n%s\nwant\n%s", got.Bytes(), want)
	}
}

// splitSummary leaves out what formats may differ in: some keep blank lines,
// and not all have names for their sheets.
func splitSummary(lines []byte) (records, summary []byte) {
	at := bytes.LastIndexByte(lines[:len(lines)-1], '\n') + 1
	for line := range bytes.Lines(lines[:at]) {
		if !bytes.HasSuffix(line, []byte(`"reason":"blank"}`+"\n")) {
			records = append(records, sheetName.ReplaceAll(line, nil)...)
		}
	}
	return records, lines[at:]
}

var sheetName = regexp.MustCompile(`"sheet":"[^"]*",`)

// Cut at any kilobyte, and in many places of the last two, a file of another
// program is refused whole, or (a tail without any rows) gives the same rows.
func TestAFileCutAnywhere(t *testing.T) {
	for _, file := range cuttable(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			whole := mustParse(t, content, russianList())
			for size := range content {
				kilobyte := size%1024 == 0
				if !kilobyte && (size < len(content)-2048 || size%37 != 0) {
					continue
				}
				p, err := parseReader(content[:size])
				problem, refused := isProblem(err)
				switch {
				case size == 0 && problem.Code == FileEmpty:
				case refused && problem.Code == FileDamaged:
				case err != nil:
					t.Fatalf("cut at %d of %d: %v", size, len(content), err)
				case kilobyte && !harmless(content[size:]):
					t.Fatalf("cut at %d of %d: not refused", size, len(content))
				case !slices.EqualFunc(p.rows(), whole.rows(), func(a, b Record) bool { return a.Row == b.Row }):
					t.Fatalf("cut at %d of %d: %d rows instead of %d", size, len(content), p.summary.Rows, whole.summary.Rows)
				}
			}
		})
	}
}

// harmless reports whether a tail may be missing: it is filling of the last
// sector, or closes elements that hold no table.
func harmless(tail []byte) bool {
	return len(bytes.Trim(tail, "\x00\xff")) == 0 || !bytes.Contains(tail, []byte("<t")) && bytes.Contains(tail, []byte("</html>"))
}

// cuttable are the files of formats that can be cut into something else than text.
func cuttable(t *testing.T) []string {
	files, err := filepath.Glob(filepath.Join(formatFiles, "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(file string) bool {
		return !slices.Contains([]string{".xls", ".xlsm", ".xlsx", ".ods", ".html"}, filepath.Ext(file))
	})
}

// A bit that flips is refused or changes at most what it hits: no row is lost
// without an error but by a flip in a text format's own markup.
func TestAFlippedBitAnywhere(t *testing.T) {
	for _, name := range []string{"staff.libreoffice.xls", "staff.xlwt.xls", "staff.libreoffice.ods", "staff.libreoffice.xlsx", "mac1904.libreoffice.html"} {
		t.Run(name, func(t *testing.T) {
			content, err := os.ReadFile(filepath.Join(formatFiles, name))
			if err != nil {
				t.Fatal(err)
			}
			whole := mustParse(t, content, russianList())
			refused := 0
			for at := 0; at < len(content); at += 1 + len(content)/160 {
				flipped := bytes.Clone(content)
				flipped[at] ^= 1 << (at % 8)
				p, err := parseReader(flipped)
				if err != nil {
					refused++
					continue
				}
				if p.summary.Sheet != whole.summary.Sheet {
					continue // the header was hit
				}
				if d := p.summary.Rows - whole.summary.Rows; d > 1 || d < -1 {
					t.Errorf("a bit of byte %d: %d rows instead of %d", at, p.summary.Rows, whole.summary.Rows)
				}
			}
			if refused == 0 {
				t.Error("no flip was refused")
			}
		})
	}
}

func TestSheetsByName(t *testing.T) {
	for _, ext := range []string{"libreoffice.xlsx", "libreoffice.ods", "libreoffice.xls", "xlwt.xls"} {
		content, err := os.ReadFile(filepath.Join(formatFiles, "staff."+ext))
		if err != nil {
			t.Fatal(err)
		}
		o := russianList()
		o.Sheet = "уволенные"
		if p := mustParse(t, content, o); p.summary.OK != 1 || p.summary.Sheet != "Уволенные" || len(p.summary.Problems) != 0 {
			t.Errorf("%s: %+v", ext, p.summary)
		}
		for sheet, code := range map[string]tenancy.ProblemCode{"Справочник": HeaderNotFound, "Служебный": HeaderNotFound, "Нет": SheetMissing} {
			o.Sheet = sheet
			if _, err := parseBytes(t, content, o); !hasCode(err, code) {
				t.Errorf("%s, sheet %s: %v", ext, sheet, err)
			}
		}
	}
}

func hasCode(err error, code tenancy.ProblemCode) bool {
	p, ok := isProblem(err)
	return ok && p.Code == code
}

func formatFile(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(formatFiles, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// The files in testdata/refused are named for the code of their problem.
func TestFilesThatAreRefused(t *testing.T) {
	files, _ := filepath.Glob("testdata/refused/*")
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code, _, _ := strings.Cut(filepath.Base(file), ".")
		wantFileProblem(t, content, tenancy.ProblemCode(code), 0)
	}
}

// The process that parses is bound in what it may open and use: each format
// must do with that.
func TestFormatsInIsolation(t *testing.T) {
	for _, ext := range []string{"libreoffice.xlsm", "libreoffice.ods", "xlwt.xls"} {
		rows := 0
		summary, err := ParseIsolated(context.Background(), filepath.Join(formatFiles, "staff."+ext), russianList(), func(r Record) error {
			if r.Skipped == "" {
				rows++
			}
			return nil
		})
		if err != nil || rows != 5 || summary.OK != 5 || len(summary.Problems) < 4 {
			t.Errorf("%s: %d rows, %+v, %v", ext, rows, summary, err)
		}
	}
	summary, err := ParseIsolated(context.Background(), filepath.Join(formatFiles, "sber-ru.html"), russianList(), func(Record) error { return nil })
	if err != nil || summary.OK != 36 {
		t.Errorf("html: %+v, %v", summary, err)
	}
}
