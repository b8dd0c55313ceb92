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
	if err := writeImport(&out, held, []roster.Change{{Kind: roster.Leave, EmployeeNo: "17", Name: "Примеров Иван"}}); err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"opora roster approve i-1 --as ANOTHER --accept absent_many,seats_exceeded ", "line 7, column D: says", "line 8: so", "17      Примеров Иван"} {
		if !strings.Contains(out.String(), said) {
			t.Errorf("%q is not in\n%s", said, out.String())
		}
	}
	held.State = roster.Cancelled
	out.Reset()
	if err := writeImport(&out, held, nil); err != nil || strings.Contains(out.String(), "approve") {
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
