package importers

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const (
	formatFiles = "book/testdata/formats"
	demoRosters = "../templates/demo/rosters"
)

// The files in book/testdata/formats were written by other programs (README.md there
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
