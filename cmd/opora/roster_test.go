package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// parseRoster runs "opora roster parse" in this process.
func parseRoster(t *testing.T, args ...string) (code int, lines []map[string]any, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(context.Background(), append([]string{"roster", "parse"}, args...), strings.NewReader(""), &out, &errs)
	for _, text := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		if text == "" {
			continue
		}
		var l map[string]any
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		lines = append(lines, l)
	}
	return code, lines, errs.String()
}

const demo = "../../templates/demo"

func TestRosterParseReadsTheSamples(t *testing.T) {
	for file, want := range map[string]struct {
		tenant   string
		ok       float64
		rejected float64
	}{
		"cdek-ru.xlsx": {"cdek", 37, 3}, "cdek-kz.csv": {"cdek", 24, 0}, "avito-ru.csv": {"avito", 30, 0}, "sber-ru.xlsx": {"sber", 36, 0}, "romashka-ru.csv": {"romashka", 15, 0},
	} {
		country := "RU"
		if strings.Contains(file, "-kz") {
			country = "kz"
		}
		code, lines, stderr := parseRoster(t, filepath.Join(demo, "rosters", file), "--country", country, "--catalogue", filepath.Join(demo, "catalogue"), "--tenant", want.tenant)
		if code != 0 || stderr != "" || len(lines) == 0 {
			t.Errorf("%s: exit %d, %d lines, %s", file, code, len(lines), stderr)
			continue
		}
		if s := lines[len(lines)-1]; s["type"] != "summary" || s["ok"] != want.ok || s["rejected"] != want.rejected {
			t.Errorf("%s: %v, want %v", file, s, want)
		}
	}
}

func TestRosterParseKnowsTheTenantsLegalEntities(t *testing.T) {
	_, lines, _ := parseRoster(t, filepath.Join(demo, "rosters", "sber-ru.xlsx"), "--country", "RU", "--catalogue", filepath.Join(demo, "catalogue"), "--tenant", "sber")
	seen := map[any]int{}
	for _, l := range lines {
		if l["type"] == "row" {
			seen[l["legal_entity"]]++
		}
	}
	if seen["bank"] != 33 || seen["tech"] != 3 || len(seen) != 2 {
		t.Errorf("legal entities %v", seen)
	}
}

func TestRosterParseAnswersAFileThatIsNoList(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Иванов.xlsx")
	if err := os.WriteFile(path, []byte("%PDF-1.7"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, lines, stderr := parseRoster(t, path, "--country", "RU")
	if code != 1 || len(lines) != 1 || lines[0]["type"] != "error" || lines[0]["code"] != "file_format" || stderr != "" {
		t.Errorf("exit %d, %v, %q", code, lines, stderr)
	}
}

func TestRosterParseRefusesWhatItIsNotTold(t *testing.T) {
	sample := filepath.Join(demo, "rosters", "romashka-ru.csv")
	for _, args := range [][]string{
		{sample}, {sample, "--country", "XX"}, {sample, "--country", "RU", "--tenant", "cdek"}, {filepath.Join(t.TempDir(), "none.xlsx"), "--country", "RU"},
		{sample, "--country", "KZ", "--catalogue", filepath.Join(demo, "catalogue"), "--tenant", "romashka"},
	} {
		if code, lines, stderr := parseRoster(t, args...); code != 1 || len(lines) != 0 || stderr == "" {
			t.Errorf("%v: exit %d, %v, %q", args, code, lines, stderr)
		}
	}
}

func TestFilesThatWereWrittenAreToldAsJSON(t *testing.T) {
	to := filepath.Join(t.TempDir(), "empty.xlsx")
	stdout, stderr, code := opora(t, "roster", "template", "--country", "RU", "-o", to, "--output", "json")
	var told struct{ File string }
	if err := json.Unmarshal([]byte(stdout), &told); err != nil || told.File != to || code != 0 {
		t.Errorf("exit %d, %q %q %v", code, stdout, stderr, err)
	}
	stdout, stderr, code = opora(t, "roster", "template", "--country", "RU", "-o", to, "--output", "json")
	var refused struct{ Code string }
	if err := json.Unmarshal([]byte(stderr), &refused); code != 1 || stdout != "" || err != nil || refused.Code != "file_exists" {
		t.Errorf("exit %d, %q %q %v", code, stdout, stderr, err)
	}
}
