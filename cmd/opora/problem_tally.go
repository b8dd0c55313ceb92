package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/workbooks"
)

// What a terminal is given of an import's problems: each on a line of its own,
// but those of one code on many rows together, so that none drowns the others.
const (
	shownAlone = 10 // rows with one code, each on a line of its own
	shownLines = 10 // numbers of lines that stand for all of them
	shownCodes = 40 // codes
)

// problemTally gathers an import's problems by severity and code. It stays
// small however many there are.
type problemTally struct {
	columns map[string]string // letters of the columns, by field
	kinds   []*problemKind
}

// problemKind are the problems of one severity and code.
type problemKind struct {
	severity tenancy.Severity
	code     tenancy.ProblemCode
	count    int
	same     bool // all of them say the same
	first    []tenancy.Problem
}

// tally gathers all problems of an import, page by page.
func (i importing) tally(found roster.Import) (problemTally, error) {
	found.Problems = workbooks.AllTold(found.Problems, i.lang)
	told := tallyOf(found)
	if found.ProblemsTotal <= len(found.Problems) {
		return told, nil
	}
	told.kinds = nil
	for after := 0; ; {
		problems, next, err := i.Problems(i.cmd.Context(), i.actor, found.ID, after, pageOfChanges)
		if err != nil {
			return told, err
		}
		for _, p := range problems {
			told.add(workbooks.Told(p, i.lang))
		}
		if after = next; after == 0 {
			return told, nil
		}
	}
}

// tallyOf gathers the problems that an import holds itself.
func tallyOf(i roster.Import) (t problemTally) {
	if i.Summary != nil {
		t.columns = i.Summary.Mapping
	}
	for _, p := range i.Problems {
		t.add(p)
	}
	return t
}

func (t *problemTally) add(p tenancy.Problem) {
	at := slices.IndexFunc(t.kinds, func(k *problemKind) bool { return k.severity == p.Severity && k.code == p.Code })
	if at < 0 {
		at = len(t.kinds)
		t.kinds = append(t.kinds, &problemKind{severity: p.Severity, code: p.Code, same: true})
	}
	k := t.kinds[at]
	k.count++
	k.same = k.same && (k.count == 1 || k.first[0].Message == p.Message)
	if len(k.first) < max(shownAlone, shownLines) {
		k.first = append(k.first, p)
	}
}

// write writes what is wrong first, then the warnings; those shown one by one
// in the order of the list, then what is on many rows.
func (t problemTally) write(out io.Writer) {
	for _, errors := range []bool{true, false} {
		var alone []tenancy.Problem
		var many []*problemKind
		for n, k := range t.kinds {
			switch {
			case errors != (k.severity == tenancy.SeverityError) || n >= shownCodes:
			case k.count > shownAlone:
				many = append(many, k)
			default:
				alone = append(alone, k.first...)
			}
		}
		slices.SortStableFunc(alone, func(a, b tenancy.Problem) int { return cmp.Compare(a.Line, b.Line) })
		for _, p := range alone {
			fmt.Fprintf(out, "%-8s  %s%s (%s)\n", p.Severity, t.placeOf(p), p.Message, p.Code)
		}
		for _, k := range many {
			k.write(out)
		}
	}
	if len(t.kinds) > shownCodes {
		fmt.Fprintf(out, "…         and problems of %d more codes; --output json has them\n", len(t.kinds)-shownCodes)
	}
}

// write writes problems that stand on many rows as one line.
func (k problemKind) write(out io.Writer) {
	lines := make([]string, 0, shownLines)
	for _, p := range k.first[:min(len(k.first), shownLines)] {
		if p.Line > 0 {
			lines = append(lines, fmt.Sprint(p.Line))
		}
	}
	where := ""
	if len(lines) > 0 {
		where = ": " + strings.Join(lines, ", ") + " …"
	}
	fmt.Fprintf(out, "%-8s  %s on %d rows%s\n", k.severity, k.code, k.count, where)
	if says := k.first[0].Message; k.same && says != "" {
		fmt.Fprintf(out, "          %s\n", says)
	}
}

func (t problemTally) placeOf(p tenancy.Problem) string {
	column := cmp.Or(p.Column, t.columns[p.Field])
	switch {
	case p.Line == 0:
		return ""
	case column == "":
		return fmt.Sprintf("line %d: ", p.Line)
	}
	return fmt.Sprintf("line %d, column %s: ", p.Line, column)
}
