package main

import (
	"fmt"
	"io"
)

// stepProgress tells how far a list of steps has come: on a terminal one line
// that changes, elsewhere a plain line at every tenth part.
type stepProgress struct {
	w        io.Writer
	terminal bool
	tenths   int
}

func newStepProgress(w io.Writer) *stepProgress {
	return &stepProgress{w: w, terminal: redraws(w)}
}

// step tells of the last step that was done.
func (p *stepProgress) step(name string, done, of int) {
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%3d %%  %d/%d  %.60s", done*100/of, done, of, name)
		return
	}
	if tenths := done * 10 / of; tenths > p.tenths {
		p.tenths = tenths
		fmt.Fprintf(p.w, "%3d %%  %d/%d\n", done*100/of, done, of)
	}
}

// end leaves the line.
func (p *stepProgress) end() {
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
