package entitlement_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Who decides from an employee's record, as it was sent, answers as who
// decides from the employee himself.
func TestARecordDecidesAsTheEmployee(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms, err := entitlement.Compile(drawTenant(t), []tenancy.SpecialistType{{Code: "psychologist"}, {Code: "coach"}, {Code: "lawyer"}})
		if err != nil {
			t.Fatal(err)
		}
		employee, q := drawEmployee(t), drawQuery(t)
		sent, err := json.Marshal(terms.Record(employee, 7))
		if err != nil {
			t.Fatal(err)
		}
		var received entitlement.Record
		if err := json.Unmarshal(sent, &received); err != nil {
			t.Fatal(err)
		}
		subject := terms.SubjectOf(received)
		got := entitlement.Decide(entitlement.Snapshot{Terms: terms, Subject: subject, Revision: "r"}, q)
		if diff := cmp.Diff(entitlement.Decide(entitlement.NewSnapshot(terms, employee, "r"), q), got, cmp.Comparer(time.Time.Equal)); diff != "" {
			t.Fatalf("(-employee +record):\n%s", diff)
		}
	})
}
