package importers

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/text/encoding/charmap"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

var update = flag.Bool("update", false, "write what is parsed into the stories")

// Each story in testdata holds options.json (a few of Options), list.csv, and
// the lines that `opora roster parse` prints for it.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { tellStory(t, file) })
	}
}

func tellStory(t *testing.T, file string) {
	story, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string][]byte{}
	for _, f := range story.Files {
		parts[f.Name] = f.Data
	}
	list := parts["list.csv"]
	if text, ok := parts["list.windows-1251.csv"]; ok {
		if list, err = charmap.Windows1251.NewEncoder().Bytes(text); err != nil {
			t.Fatal(err)
		}
	}
	got := parseToLines(t, list, storyOptions(t, parts["options.json"]))
	if *update {
		for i := range story.Files {
			if story.Files[i].Name == "lines.jsonl" {
				story.Files[i].Data = got
			}
		}
		if err := os.WriteFile(file, txtar.Format(story), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := parts["lines.jsonl"]; !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func storyOptions(t *testing.T, text []byte) Options {
	t.Helper()
	told := struct {
		Country       string
		LegalEntities []tenancy.LegalEntity `json:"legal_entities"`
		Segments      []tenancy.Segment
	}{}
	if err := json.Unmarshal(text, &told); err != nil {
		t.Fatal(err)
	}
	o := Options{Country: russia, Today: testDay, LegalEntities: told.LegalEntities, Segments: told.Segments}
	if told.Country == "KZ" {
		o.Country = kazakhstan
	}
	return o
}

// parseToLines gives the lines of `opora roster parse`, without the problems'
// sentences: those are told in problem.go alone.
func parseToLines(t *testing.T, list []byte, o Options) []byte {
	t.Helper()
	p, err := parseBytes(t, list, o)
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	lines.SetEscapeHTML(false)
	encode := func(v any) {
		if err := lines.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	if problem, ok := book.ProblemOf(err); ok {
		problem.Message = "…"
		encode(FileProblem(problem))
		return b.Bytes()
	}
	for _, r := range p.records {
		for i := range r.Problems {
			r.Problems[i].Message = "…"
		}
		encode(r)
	}
	encode(p.summary)
	return b.Bytes()
}
