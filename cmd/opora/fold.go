package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// folder is a writer to a terminal that breaks long lines at blanks, under the
// last column of the line. Elsewhere lines stay whole: programs read them.
type folder struct {
	out   io.Writer
	width int // 0: nothing is broken
	held  bytes.Buffer
}

// newFolder returns a folder for where the output goes. Whoever writes into it
// calls flush in the end.
func newFolder(out io.Writer) *folder {
	f := &folder{out: out}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		f.width, _, _ = term.GetSize(int(file.Fd()))
	}
	return f
}

// Write implements io.Writer.
func (f *folder) Write(b []byte) (int, error) { return f.held.Write(b) }

// flush writes everything.
func (f *folder) flush() error {
	for line := range strings.Lines(f.held.String()) {
		if _, err := io.WriteString(f.out, fold(line, f.width)); err != nil {
			return err
		}
	}
	f.held.Reset()
	return nil
}

// fold breaks a line that is wider than a terminal. A width of less than 40 is
// no terminal that anybody reads tables on.
func fold(line string, width int) string {
	line = strings.TrimRight(line, " \n")
	if width < 40 || utf8.RuneCountInString(line) <= width {
		return line + "\n"
	}
	indent := hanging(line, width)
	var b strings.Builder
	at := 0
	for _, word := range strings.SplitAfter(line, " ") {
		length := utf8.RuneCountInString(word)
		if at > indent && at+utf8.RuneCountInString(strings.TrimRight(word, " ")) > width {
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		}
		b.WriteString(word)
		at += length
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// hanging is where the last column of a line begins, not too far to the right: behind
// two blanks or more.
func hanging(line string, width int) int {
	indent, blanks := 0, 0
	for i, r := range []rune(line) {
		if i > width*3/5 {
			break
		}
		switch {
		case r == ' ':
			blanks++
		case blanks >= 2:
			indent, blanks = i, 0
		default:
			blanks = 0
		}
	}
	return indent
}
