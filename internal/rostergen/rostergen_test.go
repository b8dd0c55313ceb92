package rostergen

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

func people(t *testing.T, o Options) map[int]Person {
	t.Helper()
	all := map[int]Person{}
	if err := o.People(func(i int, p Person) error { all[i] = p; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTheSameSeedGivesTheSamePeople(t *testing.T) {
	o := Options{Rows: 500, Seed: 9, Country: "KZ", IDs: true}
	all := people(t, o)
	if !reflect.DeepEqual(all, people(t, o)) {
		t.Error("the same options gave other people")
	}
	fewer := o
	fewer.Rows = 50
	for i, p := range people(t, fewer) {
		if p != all[i] {
			t.Errorf("person %d depends on the length of the list", i)
		}
	}
	o.Seed++
	if reflect.DeepEqual(all, people(t, o)) {
		t.Error("another seed gave the same people")
	}
	numbers := map[string]bool{}
	for _, p := range all {
		numbers[p.No] = true
	}
	if len(numbers) != len(all) {
		t.Errorf("%d personnel numbers for %d people", len(numbers), len(all))
	}
}

func TestChangedAndDropped(t *testing.T) {
	o := Options{Rows: 2000, Seed: 9, Country: "RU"}
	before := people(t, o)
	o.Changed, o.Drop = 0.1, 0.4
	after := people(t, o)
	changed := 0
	for i, p := range after {
		was := before[i]
		if p == was {
			continue
		}
		changed++
		if p.No != was.No || p.Last != was.Last || p.Email != was.Email || p.Position == was.Position {
			t.Errorf("a change made another person: %+v of %+v", p, was)
		}
	}
	if n := len(after); n < 1100 || n > 1300 {
		t.Errorf("%d of 2000 are left after dropping 40 %%", n)
	}
	if share := float64(changed) / float64(len(after)); share < 0.07 || share > 0.13 {
		t.Errorf("%.2f of the people changed, want about 0.1", share)
	}
}

// The sample files are those that this code makes.
func TestTheSamplesAreMadeHere(t *testing.T) {
	folder := filepath.Join("..", "..", "templates", "demo", "rosters")
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if want := slices.Sorted(maps.Keys(Samples)); !slices.Equal(names, want) {
		t.Errorf("files %v, samples %v: run go generate ./internal/rostergen", names, want)
	}
	for name := range Samples {
		want, err := Sample(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(folder, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what is made here (%v): run go generate ./internal/rostergen", name, err)
		}
	}
}

func TestUnknownFormats(t *testing.T) {
	for _, f := range []File{{Format: "xls"}, {Format: "csv", Encoding: "koi8-r"}} {
		if _, err := Write(&bytes.Buffer{}, Options{Rows: 1}, f); err == nil {
			t.Errorf("%+v was written", f)
		}
	}
}
