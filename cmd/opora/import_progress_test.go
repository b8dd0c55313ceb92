package main

import (
	"strings"
	"testing"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

func TestProgressWithoutATerminal(t *testing.T) {
	var out strings.Builder
	p := newImportProgress(&out)
	waiting := roster.Import{Waiting: &tenancy.Problem{Message: "it waits"}}
	p.tell(waiting)
	p.tell(waiting)
	for _, now := range []roster.Progress{{Phase: roster.Scanning}, {Phase: roster.ReadingRows}, {Phase: roster.ReadingRows, Rows: 900}} {
		p.tell(roster.Import{Progress: &now})
	}
	for done := range 101 {
		p.tell(roster.Import{Progress: &roster.Progress{Phase: roster.Sending, Rows: done * 5, Of: 500}})
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 1+2+11 || lines[0] != "it waits" || lines[1] != "scanning: …" || lines[13] != "applying: 500 of 500 accounts in Keycloak" {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
}

func TestBar(t *testing.T) {
	for want, now := range map[string]roster.Progress{
		"[" + strings.Repeat("█", 12) + strings.Repeat("·", 12) + "]  50 %  50 of 100 rows": {Phase: roster.Comparing, Rows: 50, Of: 100},
		"1200 rows": {Phase: roster.ReadingRows, Rows: 1200},
		"[" + strings.Repeat("█", 24) + "] 100 %  3 of 3 accounts in Keycloak": {Phase: roster.Sending, Rows: 3, Of: 3},
	} {
		if got := bar(now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
