package postgres_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

var platform = tenancy.Actor{ID: "platform-1", Roles: []tenancy.Role{tenancy.RolePlatformAdmin}}

// soldOffice is an office whose tenant cdek has bought soldTo, for the years
// around today.
func soldOffice(t testing.TB) (*office, tenancy.Date) {
	o := newOffice(t)
	sold := soldTo("cdek", 6)
	sold.Countries = part().Countries
	sold.Tenants[0].LegalEntities = part().Tenants[1].LegalEntities
	today := today()
	sold.Tenants[0].Contracts[0].From, sold.Tenants[0].Contracts[0].Until = today.AddDays(-200), today.AddDays(200)
	sold.Tenants = append(sold.Tenants, part().Tenants[0])
	if err := o.db.StoreCatalogue(t.Context(), sold, "r1"); err != nil {
		t.Fatal(err)
	}
	return o, today
}

// today is the day in the office's country.
func today() tenancy.Date {
	zone, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		panic(err)
	}
	return tenancy.DateOf(time.Now().In(zone))
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	var e *tenancy.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestOverride(t *testing.T) {
	o, today := soldOffice(t)
	id := hire(t, o.db, "cdek", "Бухгалтер")
	e := reader(t, o.db)
	limit := func() int {
		s, err := e.Snapshot(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return entitlement.Decide(s, entitlement.Query{EmployeeID: id, SpecialistType: "psychologist", At: time.Now()}).Limit
	}
	asked := entitlement.OverrideRequest{Grant: "talk", Amount: 2, From: today.AddDays(-3), Until: today.AddDays(30), Reason: entitlement.Goodwill, Reference: "HELP-17"}
	made, isNew, err := o.AddOverride(t.Context(), platform, id, asked, "k1")
	if err != nil || !isNew || made.Author != "platform-1" || made.State != entitlement.OverrideCurrent {
		t.Fatalf("%+v %v %v", made, isNew, err)
	}
	within(t, "an override holds", func() bool { return limit() == 8 })

	again, isNew, err := o.AddOverride(t.Context(), platform, id, asked, "k1")
	if err != nil || isNew || again != made {
		t.Errorf("the same request made %+v, %v, %v", again, isNew, err)
	}
	other := asked
	other.Amount = 3
	_, _, err = o.AddOverride(t.Context(), platform, id, other, "k1")
	wantCode(t, "another request under the same key", err, "key_reused")

	coming := asked
	coming.From = today.AddDays(5)
	planned, _, err := o.AddOverride(t.Context(), platform, id, coming, "")
	if err != nil || planned.State != entitlement.OverridePlanned {
		t.Fatalf("%+v %v", planned, err)
	}
	for _, end := range []struct {
		id    entitlement.OverrideID
		state entitlement.OverrideState
		until tenancy.Date
	}{{made.ID, entitlement.OverrideEnded, today}, {planned.ID, entitlement.OverrideWithdrawn, today.AddDays(5)}} {
		ended, err := o.EndOverride(t.Context(), operator, id, end.id)
		if err != nil || ended.State != end.state || ended.Until != end.until || ended.EndedBy != "op" || ended.EndedAt.IsZero() {
			t.Errorf("%+v %v", ended, err)
		}
		again, err := o.EndOverride(t.Context(), platform, id, end.id)
		if err != nil || again != ended {
			t.Errorf("ended again: %+v, was %+v, %v", again, ended, err)
		}
	}
	within(t, "an override that was ended", func() bool { return limit() == 6 })
	again, isNew, err = o.AddOverride(t.Context(), platform, id, asked, "k1")
	if err != nil || isNew || again.ID != made.ID || again.State != entitlement.OverrideEnded {
		t.Errorf("a late repetition of the request made %+v, %v, %v", again, isNew, err)
	}

	all, err := o.Overrides(t.Context(), platform, id)
	if err != nil || len(all) != 2 || all[0].ID != made.ID || all[1].ID != planned.ID {
		t.Errorf("%+v %v", all, err)
	}
	var audited int
	err = o.db.ReadContour(t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), `SELECT count(*) FROM audit WHERE action = 'entitlement.override' AND subject = $1 AND allowed`, string(id)).Scan(&audited)
	})
	if err != nil || audited < 5 {
		t.Errorf("%d audited, %v", audited, err)
	}
}

func TestOverrideIsRefused(t *testing.T) {
	o, today := soldOffice(t)
	id := hire(t, o.db, "cdek", "")
	good := entitlement.OverrideRequest{Grant: "talk", Amount: 2, From: today, Until: today.AddDays(30), Reason: entitlement.Goodwill}
	for name, c := range map[string]struct {
		change func(*entitlement.OverrideRequest)
		code   string
	}{
		"no grant":                 {func(r *entitlement.OverrideRequest) { r.Grant = "" }, "field_missing"},
		"a grant nobody sold":      {func(r *entitlement.OverrideRequest) { r.Grant = "massage" }, "grant_unknown"},
		"after the contract":       {func(r *entitlement.OverrideRequest) { r.From, r.Until = today.AddDays(200), today.AddDays(230) }, "grant_unknown"},
		"longer than the contract": {func(r *entitlement.OverrideRequest) { r.Until = today.AddDays(201) }, "override_dates"},
		"before the contract":      {func(r *entitlement.OverrideRequest) { r.From = today.AddDays(-201) }, "override_dates"},
		"no days":                  {func(r *entitlement.OverrideRequest) { r.Until = r.From }, "override_dates"},
		"backwards":                {func(r *entitlement.OverrideRequest) { r.Until = r.From.AddDays(-1) }, "override_dates"},
		"without end":              {func(r *entitlement.OverrideRequest) { r.Until = tenancy.Date{} }, "field_missing"},
		"nothing":                  {func(r *entitlement.OverrideRequest) { r.Amount = 0 }, "field_invalid"},
		"too much":                 {func(r *entitlement.OverrideRequest) { r.Amount = 1001 }, "field_invalid"},
		"no reason":                {func(r *entitlement.OverrideRequest) { r.Reason = "" }, "field_missing"},
		"a reason in free words":   {func(r *entitlement.OverrideRequest) { r.Reason = "тревога" }, "reason_unknown"},
		"a reference in words":     {func(r *entitlement.OverrideRequest) { r.Reference = "after a divorce" }, "reference_invalid"},
		"a reference in capitals":  {func(r *entitlement.OverrideRequest) { r.Reference = "DEPRESSION-1" }, "reference_invalid"},
	} {
		asked := good
		c.change(&asked)
		_, _, err := o.AddOverride(t.Context(), platform, id, asked, "")
		wantCode(t, name, err, c.code)
		if err != nil && (strings.Contains(err.Error(), "тревога") || strings.Contains(err.Error(), "divorce")) {
			t.Errorf("%s: the words come back: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		actor tenancy.Actor
		id    tenancy.EmployeeID
		code  string
	}{
		"HR of the tenant":     {hr, id, "forbidden"},
		"HR of another tenant": {stranger, id, "employee_unknown"},
		"nobody":               {platform, tenancy.EmployeeID(uuid.NewString()), "employee_unknown"},
		"no id":                {platform, "17", "employee_unknown"},
	} {
		_, _, err := o.AddOverride(t.Context(), c.actor, c.id, good, "")
		wantCode(t, name+" adds", err, c.code)
		_, err = o.Overrides(t.Context(), c.actor, c.id)
		wantCode(t, name+" lists", err, c.code)
		_, err = o.EndOverride(t.Context(), c.actor, c.id, entitlement.OverrideID(uuid.NewString()))
		wantCode(t, name+" ends", err, c.code)
	}
	_, err := o.EndOverride(t.Context(), platform, id, entitlement.OverrideID(uuid.NewString()))
	wantCode(t, "ends what is not there", err, "override_unknown")
	another := hire(t, o.db, "avito", "")
	made, _, err := o.AddOverride(t.Context(), platform, id, good, "")
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.EndOverride(t.Context(), platform, another, made.ID)
	wantCode(t, "ends another's", err, "override_unknown")
	change(t, o.db, "cdek", `UPDATE person SET erased_at = now() WHERE id = $1`, id)
	_, err = o.Overrides(t.Context(), platform, id)
	wantCode(t, "of one who was erased", err, "employee_unknown")
}

// Twenty callers at once, each with its own key and twice: each key makes one,
// and together they make no more than are possible.
func TestOverridesTogether(t *testing.T) {
	o, today := soldOffice(t)
	id := hire(t, o.db, "cdek", "")
	var all sync.WaitGroup
	for n := range 2 * 25 {
		all.Go(func() {
			_, _, err := o.AddOverride(t.Context(), platform, id, entitlement.OverrideRequest{Grant: "talk", Amount: 1 + n%25, From: today, Until: today.AddDays(1), Reason: entitlement.Correction}, fmt.Sprint("k", n%25))
			var e *tenancy.Error
			if err != nil && (!errors.As(err, &e) || e.Code != "overrides_too_many") {
				t.Error(err)
			}
		})
	}
	all.Wait()
	made, err := o.Overrides(t.Context(), platform, id)
	amounts := map[int]bool{}
	for _, m := range made {
		amounts[m.Amount] = true
	}
	if err != nil || len(made) != 20 || len(amounts) != 20 {
		t.Errorf("%d made, of %d keys, %v", len(made), len(amounts), err)
	}
}
