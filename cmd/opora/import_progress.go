package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/ponimayu/opora/internal/roster"
)

// importProgress tells how far an import is: on a terminal one line with a bar,
// elsewhere a plain line for each phase and each tenth part of one.
type importProgress struct {
	w        io.Writer
	terminal bool
	phase    roster.Phase
	tenths   int
	waiting  string
}

func newImportProgress(w io.Writer) *importProgress {
	return &importProgress{w: w, terminal: redraws(w)}
}

// redraws reports whether a line of w can be written over. A terminal that says
// it is a dumb one, or that has no width, such as one that is only recorded,
// gets whole lines as a file does.
func redraws(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	width, _, err := term.GetSize(int(file.Fd()))
	return err == nil && width > 0
}

// tell shows the import as it is now.
func (p *importProgress) tell(i roster.Import) {
	switch {
	case i.Waiting != nil:
		p.wait(i.Waiting.Message)
	case i.Progress != nil:
		p.waiting = ""
		p.advance(*i.Progress)
	}
}

// wait says once why nothing happens.
func (p *importProgress) wait(why string) {
	if why == p.waiting {
		return
	}
	p.end()
	p.waiting = why
	fmt.Fprintln(p.w, why)
}

func (p *importProgress) advance(now roster.Progress) {
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%-10s %s", now.Phase, bar(now))
		return
	}
	tenths := 0
	if now.Of > 0 {
		tenths = now.Rows * 10 / now.Of
	}
	if now.Phase != p.phase || tenths > p.tenths {
		p.phase, p.tenths = now.Phase, tenths
		fmt.Fprintf(p.w, "%s: %s\n", now.Phase, amount(now))
	}
}

// barWidth is how many characters a bar has.
const barWidth = 24

// bar draws how much is done, where it is known how much there is.
func bar(now roster.Progress) string {
	if now.Of == 0 {
		return amount(now)
	}
	full := min(now.Rows*barWidth/now.Of, barWidth)
	return fmt.Sprintf("[%s%s] %3d %%  %s", strings.Repeat("█", full), strings.Repeat("·", barWidth-full), now.Rows*100/now.Of, amount(now))
}

func amount(now roster.Progress) string {
	what := "rows"
	if now.Phase == roster.Sending {
		what = "accounts in Keycloak"
	}
	switch {
	case now.Of > 0:
		return fmt.Sprintf("%d of %d %s", now.Rows, now.Of, what)
	case now.Rows > 0:
		return fmt.Sprintf("%d %s", now.Rows, what)
	}
	return "…"
}

// end leaves the line.
func (p *importProgress) end() {
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
