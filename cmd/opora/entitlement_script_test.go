package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/tenancy"
)

// TestEntitlementScripts runs the stories of testdata/entitlement as
// TestRosterScripts does those of lists, with something sold.
func TestEntitlementScripts(t *testing.T) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	sold := rosterCatalogue
	sold.SpecialistTypes = []tenancy.SpecialistType{{Code: "coach"}, {Code: "lawyer"}, {Code: "psychologist"}}
	sold.Tenants = []tenancy.Tenant{rosterCatalogue.Tenants[0]}
	cdek := &sold.Tenants[0]
	cdek.Segments = []tenancy.Segment{{ID: "couriers", When: tenancy.SegmentRule{Position: []string{"Курьер"}}}}
	cdek.Contracts = []tenancy.Contract{cdek.Contracts[0]}
	cdek.Contracts[0].Grants = []tenancy.Grant{
		{ID: "talk", SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist", "coach"}, Amount: 6, Per: tenancy.PerEmployee, Window: tenancy.CalendarYear, Priority: 10},
		{ID: "extra", SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist"}, Amount: 2, Per: tenancy.PerEmployee, Window: tenancy.CalendarYear, Segments: []tenancy.SegmentID{"couriers"}, Priority: 20},
	}
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/entitlement",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"importid": importID, "setid": setID},
		Setup: func(env *testscript.Env) error {
			url := pgtest.URL(t)
			env.Setenv("DATABASE_URL", url)
			env.Setenv("OPORA_KEY", hex.EncodeToString(secret))
			return workInMemory(t, url, secret, sold)
		},
	})
}

// setID NAME FILE sets NAME to the employee of the first change, or to the id,
// that FILE holds as JSON.
func setID(ts *testscript.TestScript, _ bool, args []string) {
	var found struct {
		ID      string
		Changes []struct {
			Employee string `json:"employee_id"`
		}
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &found))
	if len(found.Changes) > 0 {
		found.ID = found.Changes[0].Employee
	}
	ts.Setenv(args[0], found.ID)
}
