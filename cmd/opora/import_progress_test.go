package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

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

// TestEveryLineOfProgressEnds: what a file or a recorded terminal gets must not
// run into what is written next, and what is said over a bar stands alone.
func TestEveryLineOfProgressEnds(t *testing.T) {
	recorded, slave := openTerminal(t)
	p := newImportProgress(slave)
	p.tell(roster.Import{Progress: &roster.Progress{Phase: roster.ReadingRows, Rows: 900}})
	p.end()
	b := make([]byte, 200)
	n, err := recorded.Read(b)
	if err != nil || string(b[:n]) != "parsing: 900 rows\r\n" {
		t.Errorf("%q %v", b[:n], err)
	}
	var out strings.Builder
	drawn := &importProgress{w: &out, terminal: true}
	drawn.tell(roster.Import{Progress: &roster.Progress{Phase: roster.Sending, Rows: 1, Of: 2}})
	drawn.wait("waiting for a worker")
	if !strings.HasSuffix(out.String(), "\r\x1b[Kwaiting for a worker\n") {
		t.Errorf("%q", out.String())
	}
}

// openTerminal opens a terminal that has no width.
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no terminals here")
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Skip("no terminals here")
	}
	t.Cleanup(func() { _ = slave.Close() })
	return master, slave
}
