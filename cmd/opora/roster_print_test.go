package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

func TestAHeldImportSaysHowItGoesOnAndWhereAProblemIs(t *testing.T) {
	held := roster.Import{
		ID: "i-1", State: roster.Held,
		Findings: []roster.Finding{{Code: "absent_many"}, {Code: "absent_week", Accepted: true}, {Code: "seats_exceeded"}},
		Summary:  &roster.Summary{Mapping: map[string]string{"phone": "D"}},
		Problems: []tenancy.Problem{{Line: 7, Field: "phone", Message: "says otherwise", Code: "person_differs"}, {Line: 8, Field: "email", Message: "so does this", Code: "x"}},
	}
	var out bytes.Buffer
	if err := writeImport(&out, held, tallyOf(held), []roster.Change{{Kind: roster.Leave, EmployeeNo: "17", Name: "Примеров Иван"}}); err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"opora roster approve i-1 --as ANOTHER --accept absent_many,seats_exceeded ", "line 7, column D: says", "line 8: so", "17      Примеров Иван"} {
		if !strings.Contains(out.String(), said) {
			t.Errorf("%q is not in\n%s", said, out.String())
		}
	}
	held.State = roster.Cancelled
	out.Reset()
	if err := writeImport(&out, held, tallyOf(held), nil); err != nil || strings.Contains(out.String(), "approve") {
		t.Errorf("a cancelled import: %v\n%s", err, out.String())
	}
}

func TestAnUndoExplainsWhatItKept(t *testing.T) {
	var out bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	cmd.Flags().String("output", "human", "")
	kept := roster.Change{Kind: roster.Hire, EmployeeNo: "17", State: "kept", Reason: "confirmed_since"}
	if err := (importing{cmd: cmd}).printUndo(roster.UndoReport{Kept: []roster.Change{kept, kept}}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "undo that one first"); n != 1 || strings.Contains(out.String(), "too_late") {
		t.Errorf("explained %d times:\n%s", n, out.String())
	}
}

func TestErrorsDoNotDrownInWarnings(t *testing.T) {
	i := roster.Import{ID: "i-1", State: roster.Planned, Summary: &roster.Summary{}}
	for line := 2; line < 42; line++ {
		i.Problems = append(i.Problems, tenancy.Problem{Line: line, Code: "contact_missing", Severity: tenancy.SeverityWarning, Message: "nobody can be written to"})
	}
	i.Problems = append(i.Problems, tenancy.Problem{Line: 50, Code: "name_missing", Severity: tenancy.SeverityError, Message: "no name"}, tenancy.Problem{Line: 3, Code: "date_order", Severity: tenancy.SeverityError, Message: "dates"})
	var out bytes.Buffer
	if err := writeImport(&out, i, tallyOf(i), nil); err != nil {
		t.Fatal(err)
	}
	want := "error     line 3: dates (date_order)\nerror     line 50: no name (name_missing)\n" +
		"warning   contact_missing on 40 rows: 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 …\n          nobody can be written to\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("it says\n%s\nnot\n%s", out.String(), want)
	}
}

func TestAFileThatCannotBeTakenHasNoRows(t *testing.T) {
	failed := roster.Import{ID: "i-1", State: roster.Failed, Problems: []tenancy.Problem{{Code: "file_corrupt", Severity: tenancy.SeverityError, Message: "damaged"}}}
	var out bytes.Buffer
	if err := writeImport(&out, failed, tallyOf(failed), nil); err != nil || strings.Contains(out.String(), "rows") || !strings.Contains(out.String(), "damaged") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestWhatWasNotReadIsNamed(t *testing.T) {
	var out bytes.Buffer
	writeSummary(&out, roster.Summary{
		Unread:  map[string]string{"AA": "Стол", "G": "Руководитель"},
		Skipped: map[string]int{"note": 25, "total": 1}, SkippedLines: map[string][]int{"note": {41, 42}, "total": {40}},
	})
	for _, said := range []string{"not read  columns G «Руководитель», AA «Стол»\n", "skipped   25 note, 1 total\n", "notes     25 lines were taken for remarks, not for people: 41, 42 …\n"} {
		if !strings.Contains(out.String(), said) {
			t.Errorf("%q is not in\n%s", said, out.String())
		}
	}
}
