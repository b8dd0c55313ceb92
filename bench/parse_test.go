package main

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/rostergen"
)

// TestAMillionRowsToAPlanFitIntoMemory is the promise of 200 MB: from the bytes
// of a list to its stored plan, the child's peak and the server's growth
// together, each in a process without the race detector, as in a real server.
func TestAMillionRowsToAPlanFitIntoMemory(t *testing.T) {
	if os.Getenv("OPORA_TEST_LONG") == "" {
		t.Skip("a million rows take minutes: OPORA_TEST_LONG=1, or make test-all")
	}
	pgtest.URL(t) // or a sentence that says what is missing
	const rows = 1_000_000
	program := filepath.Join(t.TempDir(), "bench")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-race=false", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, list := range map[string]struct {
		format string
		ids    bool
	}{"csv": {format: "csv"}, "xlsx": {format: "xlsx"}, "csv with national ids": {"csv", true}} {
		t.Run(name, func(t *testing.T) {
			got := planIn(t, program, madeUpList(t, list.format, rows, list.ids))
			t.Logf("%d rows in %v: child %.0f MB, server %.0f MB more", got.Rows, got.Took, megabytes(got.Child), megabytes(got.Growth))
			if got.Rows != rows || got.Child < 10<<20 || got.Growth <= 0 {
				t.Fatalf("this measures nothing: %+v", got)
			}
			if sum := megabytes(got.Child + got.Growth); sum > wantedMemory {
				t.Errorf("it took %.0f MB, want at most %d", sum, wantedMemory)
			}
		})
	}
}

// planIn has the list planned by the program in a process of its own.
func planIn(t *testing.T, program, list string) (got turn) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, parseTurn, list)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &got)
	}
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// madeUpList writes ten columns of made-up people, with realistic dirt.
func madeUpList(t *testing.T, format string, rows int, ids bool) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "list."+format))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	b := bufio.NewWriter(file)
	o := rostergen.Options{Rows: rows, Seed: 11, Country: "RU", Dirt: 0.03, IDs: ids}
	if _, err := rostergen.Write(b, o, rostergen.File{Format: format, Titles: true}); err != nil {
		t.Fatal(err)
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}
