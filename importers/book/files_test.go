package book_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// formatFolder holds files that other programs wrote; README.md there tells which.
const formatFolder = "testdata/formats"

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
				problem, refused := book.ProblemOf(err)
				switch {
				case size == 0 && problem.Code == book.FileEmpty:
				case refused && problem.Code == book.FileDamaged:
				case err != nil:
					t.Fatalf("cut at %d of %d: %v", size, len(content), err)
				case kilobyte && !harmless(content[size:]):
					t.Fatalf("cut at %d of %d: not refused", size, len(content))
				case !slices.EqualFunc(p.rows(), whole.rows(), func(a, b importers.Record) bool { return a.Row == b.Row }):
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
	files, err := filepath.Glob(filepath.Join(formatFolder, "*.*"))
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
			content, err := os.ReadFile(filepath.Join(formatFolder, name))
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
		content, err := os.ReadFile(filepath.Join(formatFolder, "staff."+ext))
		if err != nil {
			t.Fatal(err)
		}
		o := russianList()
		o.Sheet = "уволенные"
		if p := mustParse(t, content, o); p.summary.OK != 1 || p.summary.Sheet != "Уволенные" || len(p.summary.Problems) != 0 {
			t.Errorf("%s: %+v", ext, p.summary)
		}
		for sheet, code := range map[string]tenancy.ProblemCode{"Справочник": importers.HeaderNotFound, "Служебный": importers.HeaderNotFound, "Нет": book.SheetMissing} {
			o.Sheet = sheet
			if _, err := parseBytes(t, content, o); !hasCode(err, code) {
				t.Errorf("%s, sheet %s: %v", ext, sheet, err)
			}
		}
	}
}

func hasCode(err error, code tenancy.ProblemCode) bool {
	p, ok := book.ProblemOf(err)
	return ok && p.Code == code
}

func formatFile(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(formatFolder, name))
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
