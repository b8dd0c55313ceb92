package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/workbooks"
)

// shownChanges bounds what a terminal is given; --output json has every change.
const shownChanges = 40

// pageOfChanges is how many changes are held at a time.
const pageOfChanges = 1000

// show writes an import with its changes, and ends with the status that tells
// whether it may go on: 2 when it is held, 1 when it failed.
func (i importing) show(found roster.Import) error {
	var err error
	if wantsJSON(i.cmd) {
		err = i.writeDocument(found)
	} else {
		var changes []roster.Change
		if changes, err = i.Changes(i.cmd.Context(), i.actor, found.ID, 0, shownChanges); err == nil {
			err = i.write(found, changes)
		}
	}
	switch {
	case err != nil:
		return err
	case found.State == roster.Held:
		return exitError{2}
	case found.State == roster.Failed:
		return exitError{1}
	}
	return nil
}

// writeDocument writes the import with all its changes as one JSON document,
// page by page: a plan may have a hundred thousand.
func (i importing) writeDocument(found roster.Import) error {
	found.Findings, found.Problems = roster.Told(found.Findings, i.lang), workbooks.AllTold(found.Problems, i.lang)
	head, err := json.Marshal(found)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(i.cmd.OutOrStdout())
	_, _ = out.Write(head[:len(head)-1]) // without its closing brace
	_, _ = out.WriteString(`,"changes":[`)
	for after, first := 0, true; ; {
		page, err := i.Changes(i.cmd.Context(), i.actor, found.ID, after, pageOfChanges)
		if err != nil {
			return err
		}
		for _, change := range page {
			line, err := json.Marshal(change)
			if err != nil {
				return err
			}
			if !first {
				_ = out.WriteByte(',')
			}
			_, _ = out.Write(line)
			after, first = change.N, false
		}
		if len(page) < pageOfChanges {
			break
		}
	}
	_, _ = out.WriteString("]}\n")
	return out.Flush()
}

// write writes an import for a person.
func (i importing) write(found roster.Import, changes []roster.Change) error {
	told, err := i.tally(found)
	if err != nil {
		return err
	}
	found.Findings = roster.Told(found.Findings, i.lang)
	out := newFolder(i.cmd.OutOrStdout())
	if err := writeImport(out, found, told, changes); err != nil {
		return err
	}
	return out.flush()
}

// print writes an import without its changes.
func (i importing) print(found roster.Import) error {
	if wantsJSON(i.cmd) {
		found.Findings, found.Problems = roster.Told(found.Findings, i.lang), workbooks.AllTold(found.Problems, i.lang)
		return json.NewEncoder(i.cmd.OutOrStdout()).Encode(found)
	}
	return i.write(found, nil)
}

func (i importing) printUndo(report roster.UndoReport) error {
	if wantsJSON(i.cmd) {
		return json.NewEncoder(i.cmd.OutOrStdout()).Encode(report)
	}
	out := i.cmd.OutOrStdout()
	fmt.Fprintf(out, "import %s is undone: %d reversed, %d kept, %d failed\n", report.Import.ID, len(report.Reversed), len(report.Kept), len(report.Failed))
	for _, c := range append(report.Kept, report.Failed...) {
		fmt.Fprintf(out, "  %s: %s %s %s: %s\n", c.State, c.Kind, c.EmployeeNo, cmp.Or(c.Name, "—"), c.Reason)
	}
	for _, said := range undoReasons {
		if slices.ContainsFunc(append(report.Kept, report.Failed...), func(c roster.Change) bool { return c.Reason == said[0] }) {
			fmt.Fprintf(out, "%s: %s\n", said[0], said[1])
		}
	}
	return nil
}

// undoReasons say what a reason means for whoever wanted the undo, and what can
// be done (decision 0034).
var undoReasons = [][2]string{
	{"changed_since", "something else was written since, which the undo would have overwritten; correct these with a list"},
	{"confirmed_since", "a list that was applied later shows the same, even if it changed nothing; undo that one first, then this one again"},
	{"too_late", "what later lists showed is not kept any more, so nobody can tell whether they confirmed it; correct these with a list"},
	{"erased", "the person's data have been erased; there is nothing to bring back"},
}

func writeImport(out io.Writer, i roster.Import, told problemTally, changes []roster.Change) error {
	c := i.Counts
	fmt.Fprintf(out, "import    %s\ntenant    %s, list of mode %q\nstate     %s\n", i.ID, i.Tenant, i.Mode, i.State)
	if i.Summary != nil || c.Rows > 0 { // a file that could not be taken has none
		fmt.Fprintf(out, "rows      %d: %d new, %d changed, %d moved, %d leave, %d return, %d unchanged, %d rejected, %d held\n",
			c.Rows, c.Create, c.Update, c.Move, c.Leave, c.Return, c.Unchanged, c.Rejected, c.Held)
	}
	if c.Absent > 0 {
		fmt.Fprintf(out, "absent    %d who do not leave yet\n", c.Absent)
	}
	if i.Summary != nil {
		writeSummary(out, *i.Summary)
	}
	if i.Waiting != nil {
		fmt.Fprintf(out, "waiting   %s\n", i.Waiting.Message)
	}
	if i.Ops > 0 {
		fmt.Fprintf(out, "keycloak  %d of %d done, %d refused\n", i.Done, i.Ops, c.Failed)
	}
	for _, f := range i.Findings {
		state := "to be accepted by another person"
		if f.Accepted {
			state = "accepted"
		}
		fmt.Fprintf(out, "finding   %s: %s (limit %d; %s)\n", f.Code, f.Message, f.Limit, state)
	}
	writeAccept(out, i)
	told.write(out)
	if i.ErrorWorkbook {
		fmt.Fprintf(out, "correct   opora roster errors %s -o FILE.xlsx writes the list with these marked\n", i.ID)
	}
	return writeChanges(out, changes, c.Create+c.Update+c.Move+c.Leave+c.Return)
}

// writeAccept says how a held import goes on.
func writeAccept(out io.Writer, i roster.Import) {
	var open []string
	for _, f := range i.Findings {
		if !f.Accepted {
			open = append(open, f.Code)
		}
	}
	if i.State == roster.Held && len(open) > 0 {
		fmt.Fprintf(out, "accept    opora roster approve %s --as ANOTHER --accept %s lets it be applied\n", i.ID, strings.Join(open, ","))
	}
}

// writeSummary says how the file was understood, in the order of its columns.
func writeSummary(out io.Writer, s roster.Summary) {
	where := fmt.Sprintf("%s, %s", s.Format, s.Encoding)
	if s.Sheet != "" {
		where += fmt.Sprintf(", sheet %q", s.Sheet)
	}
	fmt.Fprintf(out, "file      %s, header on line %d\n", where, s.HeaderLine)
	if len(s.OtherSheets) > 0 {
		fmt.Fprintf(out, "not read  the sheets %q look like lists too\n", s.OtherSheets)
	}
	fields := slices.SortedFunc(maps.Keys(s.Mapping), func(a, b string) int {
		x, y := s.Mapping[a], s.Mapping[b]
		return cmp.Or(byLetters(x, y), cmp.Compare(a, b))
	})
	for n, field := range fields {
		fields[n] = s.Mapping[field] + "=" + field
	}
	fmt.Fprintf(out, "columns   %s\n", strings.Join(fields, " "))
	var unread []string
	for _, letter := range slices.SortedFunc(maps.Keys(s.Unread), byLetters) {
		unread = append(unread, fmt.Sprintf("%s «%s»", letter, s.Unread[letter]))
	}
	if len(unread) > 0 {
		fmt.Fprintf(out, "not read  columns %s\n", strings.Join(unread, ", "))
	}
	writeSkipped(out, s)
}

// byLetters compares the letters of columns as they stand from left to right.
func byLetters(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }

// shownNotes is how many lines are named that were taken for remarks.
const shownNotes = 20

// writeSkipped says which lines are no people. Somebody may have been taken for
// a remark below the list, so that those are named.
func writeSkipped(out io.Writer, s roster.Summary) {
	var skipped []string
	for _, reason := range slices.Sorted(maps.Keys(s.Skipped)) {
		skipped = append(skipped, fmt.Sprintf("%d %s", s.Skipped[reason], reason))
	}
	if len(skipped) > 0 {
		fmt.Fprintf(out, "skipped   %s\n", strings.Join(skipped, ", "))
	}
	var notes []string
	for _, line := range s.SkippedLines["note"] {
		if len(notes) < shownNotes {
			notes = append(notes, fmt.Sprint(line))
		}
	}
	if len(notes) == 0 {
		return
	}
	more := ""
	if s.Skipped["note"] > len(notes) {
		more = " …"
	}
	fmt.Fprintf(out, "notes     %d lines were taken for remarks, not for people: %s%s\n", s.Skipped["note"], strings.Join(notes, ", "), more)
}

// writeChanges writes the first changes of all.
func writeChanges(out io.Writer, changes []roster.Change, all int) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for n, c := range changes {
		if n == 0 {
			fmt.Fprintln(table, "LINE\tCHANGE\tNUMBER\tWHO\tOLD → NEW")
		}
		line := "—"
		if c.Line > 0 {
			line = fmt.Sprint(c.Line)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", line, c.Kind, c.EmployeeNo, cmp.Or(c.Name, "—"), fieldsText(c.Fields))
	}
	if err := table.Flush(); err != nil || len(changes) < shownChanges || all <= len(changes) {
		return err
	}
	_, err := fmt.Fprintf(out, "… and %d more; --output json has them all\n", all-len(changes))
	return err
}

func fieldsText(fields []roster.FieldChange) string {
	parts := make([]string, len(fields))
	for i, f := range fields {
		switch {
		case f.Old == "":
			parts[i] = f.Field + ": " + f.New
		case f.New == "":
			parts[i] = f.Field + ": " + f.Old + " → nothing"
		default:
			parts[i] = f.Field + ": " + f.Old + " → " + f.New
		}
	}
	return strings.Join(parts, "; ")
}
