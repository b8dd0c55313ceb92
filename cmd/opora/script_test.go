package main

import (
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ponimayu/opora/importers"
)

// The stories of testdata/script run `opora` as people do.
func TestMain(m *testing.M) {
	importers.WorkIfAsked() // a worker within a test reads lists in a child of the test's binary
	testscript.Main(m, map[string]func(){"opora": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"answers": answers},
	})
}

var revision = regexp.MustCompile(`"revision":"[0-9a-f]{16}"`)

// answers FILE compares the standard output with FILE, whatever the revision:
// that one changes with every word of the built-in base.
func answers(ts *testscript.TestScript, _ bool, args []string) {
	got := revision.ReplaceAllString(ts.ReadFile("stdout"), `"revision":"REVISION"`)
	if diff := cmp.Diff(ts.ReadFile(args[0]), got); diff != "" {
		ts.Fatalf("answers (-want +got):\n%s", diff)
	}
}
