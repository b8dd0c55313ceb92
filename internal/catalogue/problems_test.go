package catalogue_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ponimayu/opora/internal/catalogue"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Each file of testdata is a broken catalogue and what is said of it. Its
// first line says whether the schema refuses it too ("schema: refuses" some of
// its documents each alone, "takes" or "cannot see" what is wrong).
func TestProblems(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(stories) < 20 {
		t.Fatalf("%d stories, %v", len(stories), err)
	}
	schema := published(t)
	for _, story := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(story), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(story)
			if err != nil {
				t.Fatal(err)
			}
			folder, want := fstest.MapFS{}, ""
			_, verdict, _ := strings.Cut(string(archive.Comment), "schema: ")
			for _, file := range archive.Files {
				if file.Name == "problems.txt" {
					want = string(file.Data)
					continue
				}
				folder[file.Name] = &fstest.MapFile{Data: file.Data}
				refused := !strings.HasPrefix(file.Name, ".") && strings.HasSuffix(file.Name, ".yaml") && validateAll(schema, file.Data) != nil
				if strings.HasPrefix(verdict, "refuses") && !refused {
					t.Errorf("the schema takes %s", file.Name)
				}
				if strings.HasPrefix(verdict, "takes") && refused {
					t.Errorf("the schema refuses %s", file.Name)
				}
			}
			_, problems := catalogue.Load(folder, catalogue.Options{})
			got := written(problems)
			if *update {
				rewrite(t, story, archive, got)
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func written(problems []tenancy.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%s:%d:%s %s %s: %s\n", p.File, p.Line, p.Column, p.Severity, p.Code, p.Message)
	}
	return b.String()
}

func rewrite(t *testing.T, story string, archive *txtar.Archive, problems string) {
	t.Helper()
	var files []txtar.File
	for _, file := range archive.Files {
		if file.Name != "problems.txt" {
			files = append(files, file)
		}
	}
	archive.Files = append(files, txtar.File{Name: "problems.txt", Data: []byte(problems)})
	if err := os.WriteFile(story, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The design's tenant, alone in a folder, is a catalogue.
func TestDesignSampleAlone(t *testing.T) {
	const document = `tenant: cdek
name: {ru: СДЭК, kk: СДЭК, en: CDEK}
domains: [cdek.example]
legal_entities: [{code: global, name: ООО «СДЭК-Глобал», default: true}]
segments: [{id: couriers, when: {position: [Курьер]}}]
contracts:
  - id: cdek-ru-2026
    country: RU
    time_zone: Europe/Moscow
    from: 2026-01-01
    until: 2027-01-01                 # exclusive
    seats: 50000
    grace_days: 14
    grants:
      - {id: talk, specialist_types: [psychologist, coach], amount: 6, per: employee, window: calendar_year, audience: [employee], priority: 10}
      - {id: law, specialist_types: [lawyer], amount: 500, per: tenant, window: contract, priority: 10}
      - {id: extra, specialist_types: [psychologist], amount: 2, per: employee, window: rolling, days: 90, segments: [couriers], valid_from: 2026-06-01, priority: 20}
`
	loaded, problems := catalogue.Load(fstest.MapFS{"deep/er/cdek.yml": {Data: []byte(document)}}, catalogue.Options{})
	if len(problems) > 0 {
		t.Fatal(written(problems))
	}
	fromSample, _ := sample(t).Tenant("cdek")
	if diff := cmp.Diff(fromSample.Contracts[0], loaded.Tenants[0].Contracts[0]); diff != "" {
		t.Errorf("the sample's contract is not the design's (-sample +design):\n%s", diff)
	}
}

func TestRevision(t *testing.T) {
	load := func(files fstest.MapFS) string {
		loaded, problems := catalogue.Load(files, catalogue.Options{})
		if len(problems) > 0 {
			t.Fatal(written(problems))
		}
		return catalogue.Revision(loaded)
	}
	const a, b = "tenant: a\nname: {ru: А}\n", "tenant: b\nname: {ru: Б}\n"
	one := load(fstest.MapFS{"x.yaml": {Data: []byte(a + "---\n" + b)}})
	other := load(fstest.MapFS{"a/1.yml": {Data: []byte(b)}, "b/2.yaml": {Data: []byte("# hello\n" + a)}})
	changed := load(fstest.MapFS{"x.yaml": {Data: []byte(a + "suspended: true\n---\n" + b)}})
	if one != other || one == changed || len(one) != 64 {
		t.Errorf("revisions %s, %s, %s", one, other, changed)
	}
}

// A letter and its mark may be two characters in a file; they are one in the catalogue.
func TestTextsAreNFC(t *testing.T) {
	loaded, problems := catalogue.Load(fstest.MapFS{"a.yaml": {Data: []byte("tenant: a\nname: {ru: Чаи\u0306}\n")}}, catalogue.Options{})
	if len(problems) > 0 || loaded.Tenants[0].Name.Ru != "Чай" {
		t.Errorf("read %+q, %s", loaded.Tenants[0].Name.Ru, written(problems))
	}
}

// Whatever the file, the loader answers; without errors, what it read is
// written back and read again the same.
func FuzzLoad(f *testing.F) {
	stories, _ := filepath.Glob("testdata/*.txtar")
	for _, story := range stories {
		archive, err := txtar.ParseFile(story)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			f.Add(file.Data)
		}
	}
	for _, tenant := range sample(f).Tenants {
		document, err := catalogue.Marshal(tenant)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(document)
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		loaded, problems := catalogue.Load(fstest.MapFS{"f.yaml": {Data: source}}, catalogue.Options{})
		if len(loaded.Tenants) == 0 && len(problems) == 0 && !strings.Contains(string(source), ":") {
			t.Fatal("nothing read, and nothing said of it")
		}
		if !catalogue.OK(problems) {
			return
		}
		for _, tenant := range loaded.Tenants {
			document, err := catalogue.Marshal(tenant)
			if err != nil {
				t.Fatal(err)
			}
			again, problems := catalogue.Load(fstest.MapFS{"f.yaml": {Data: document}}, catalogue.Options{})
			if len(again.Tenants) != 1 {
				t.Fatalf("%s\n%s", document, written(problems))
			}
			if own := len(loaded.Countries) == 2 && len(loaded.SpecialistTypes) == 8; own && catalogue.OK(problems) {
				if diff := cmp.Diff(tenant, again.Tenants[0]); diff != "" {
					t.Fatal(diff)
				}
			}
		}
	})
}
