package provisioner_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/memory"
	"github.com/ponimayu/opora/provisioner/targettest"
	"github.com/ponimayu/opora/realms"
)

var update = flag.Bool("update", false, "write what is printed into the stories")

// TestStories reads have.yaml and want.yaml of each story and compares the
// printed plan with plan.txt.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no stories", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			have, want := readStory(t, section(archive, "have.yaml").Data), readStory(t, section(archive, "want.yaml").Data)
			plan := provisioner.Plan{Country: "RU", Realm: want.State.Realm, Ops: provisioner.Diff(have, want.State)}
			var printed strings.Builder
			if err := provisioner.Print(&printed, plan); err != nil {
				t.Fatal(err)
			}
			expected := section(archive, "plan.txt")
			if *update {
				expected.Data = []byte(printed.String())
				if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(expected.Data), printed.String()); diff != "" {
				t.Errorf("the plan (-want +got):\n%s", diff)
			}
		})
	}
}

func section(archive *txtar.Archive, name string) *txtar.File {
	for i := range archive.Files {
		if archive.Files[i].Name == name {
			return &archive.Files[i]
		}
	}
	archive.Files = append(archive.Files, txtar.File{Name: name})
	return &archive.Files[len(archive.Files)-1]
}

// readStory reads a list of objects, each under its kind; `ours: false` makes
// one somebody else's.
func readStory(t *testing.T, text []byte) provisioner.Observed {
	t.Helper()
	var document struct {
		Objects []map[string]any `yaml:"objects"`
	}
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	observed := provisioner.Observed{Ours: map[realms.Ref]bool{}}
	var objects []realms.Object
	for _, line := range document.Objects {
		ours := true
		if said, ok := line["ours"].(bool); ok {
			ours = said
			delete(line, "ours")
		}
		for kind, body := range line {
			o := decodeObject(t, realms.Kind(kind), body)
			objects = append(objects, o)
			observed.Ours[o.Ref()] = ours
		}
	}
	observed.State = realms.NewState("ponimayu", objects...)
	return observed
}

func decodeObject(t *testing.T, kind realms.Kind, body any) realms.Object {
	t.Helper()
	text, err := json.Marshal(map[string]any{"kind": kind, "object": body})
	if err != nil {
		t.Fatal(err)
	}
	o, err := realms.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// states draws a state as a subset of the objects that the sample compiles to,
// some of them changed.
func states(t *rapid.T, name string) realms.State {
	all, err := realms.Compile(targettest.Sample("ponimayu"), "RU")
	if err != nil {
		t.Fatal(err)
	}
	var some []realms.Object
	for i, o := range all.Objects {
		if rapid.IntRange(0, 3).Draw(t, fmt.Sprintf("%s %d", name, i)) == 0 {
			continue
		}
		if group, ok := o.(*realms.Group); ok && rapid.Bool().Draw(t, fmt.Sprintf("%s changes %d", name, i)) {
			group.Attributes = map[string][]string{"note": {name}}
		}
		some = append(some, o)
	}
	return realms.NewState("ponimayu", some...)
}

// TestDiffProperties checks what holds for any two states: nothing is done to
// a state that is as wanted, what is not ours is in no op but an adoption, the
// order of the input does not matter, and an op survives being stored.
func TestDiffProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		have, want := provisioner.Observed{State: states(t, "have"), Ours: map[realms.Ref]bool{}}, states(t, "want")
		for i, o := range have.State.Objects {
			if rapid.IntRange(0, 4).Draw(t, fmt.Sprintf("ours %d", i)) > 0 {
				have.Ours[o.Ref()] = true
			}
		}
		ops := provisioner.Diff(have, want)
		for _, op := range ops {
			foreign := op.From != nil && !have.Ours[op.Ref] && !op.Ref.Kind.Setting()
			if foreign != (op.Verb == provisioner.Adopt) {
				t.Fatalf("%s, and ours is %v", op, have.Ours[op.Ref])
			}
			if op.Verb == provisioner.Remove && op.Ref.Kind.Setting() {
				t.Fatalf("%s: a setting cannot be removed", op)
			}
		}
		shuffled := slices.Clone(want.Objects)
		slices.Reverse(shuffled)
		if again := provisioner.Diff(have, realms.NewState("ponimayu", shuffled...)); text(t, again) != text(t, ops) {
			t.Fatal("the same states gave another plan")
		}
		var stored []provisioner.Op
		if err := json.Unmarshal([]byte(text(t, ops)), &stored); err != nil || text(t, stored) != text(t, ops) {
			t.Fatalf("an op changed by being stored: %v", err)
		}
		ours := map[realms.Ref]bool{}
		for _, o := range want.Objects {
			ours[o.Ref()] = true
		}
		if left := provisioner.Diff(provisioner.Observed{State: want, Ours: ours}, want); len(left) > 0 {
			t.Fatalf("to do in a state that is as wanted: %v", left)
		}
	})
}

func text(t *rapid.T, ops []provisioner.Op) string {
	b, err := json.Marshal(ops)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestApplyProperties walks a realm in memory through random catalogues: after
// each apply there is nothing left to do.
func TestApplyProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target, registry := memory.NewRealms(), memory.NewRegistry()
		for step := range rapid.IntRange(1, 4).Draw(t, "steps") {
			catalogue := targettest.Sample("ponimayu")
			catalogue.Tenants = slices.DeleteFunc(catalogue.Tenants, func(x tenancy.Tenant) bool {
				return rapid.Bool().Draw(t, fmt.Sprintf("%d without %s", step, x.Slug))
			})
			domains := rapid.Permutation([]string{"a.example", "b.example", "c.example", "d.example"}).Draw(t, fmt.Sprintf("domains %d", step))
			for i := range catalogue.Tenants {
				catalogue.Tenants[i].Domains = domains[i : i+1]
			}
			want, err := realms.Compile(catalogue, "RU")
			if err != nil {
				t.Fatal(err)
			}
			have, err := provisioner.Observe(t.Context(), target, registry, "ponimayu")
			if err != nil {
				t.Fatal(err)
			}
			if err := provisioner.Apply(t.Context(), provisioner.Diff(have, want), "ponimayu", target, registry, nil); err != nil {
				t.Fatal(err)
			}
			if have, err = provisioner.Observe(t.Context(), target, registry, "ponimayu"); err != nil {
				t.Fatal(err)
			}
			if left := provisioner.Diff(have, want); len(left) > 0 {
				t.Fatalf("step %d: still to do: %v", step, left)
			}
		}
	})
}
