// Package targettest is the exam that every target of the provisioner passes:
// Keycloak in memory always, a real Keycloak where the tests have one. What
// memory and Keycloak do differently is found here and nowhere else.
package targettest

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
)

// PeopleUnderTest is a realm with the groups of the tenants "cdek" and
// "avito", and what the exam needs beyond the interface.
type PeopleUnderTest struct {
	provisioner.People
	// Activate does what the account's owner does with a one-time password:
	// he signs in with it and sets his own. It reports whether he got in.
	Activate func(account provisioner.Account, code string) bool
	// Sessions returns how many sessions the account has, offline ones too.
	Sessions func(id tenancy.EmployeeID) int
}

// People examines a target's accounts. The exams have people of their own, so
// that open may give them all the same realm.
func People(t *testing.T, open func(t *testing.T) PeopleUnderTest) {
	exams := map[string]func(*testing.T, PeopleUnderTest){
		"creates with our ids":              createsWithOurIDs,
		"creating again changes nothing":    creatingAgainChangesNothing,
		"bad rows do not stop good ones":    badRowsDoNotStopGoodOnes,
		"updates what differs":              updatesWhatDiffers,
		"refuses an address that is taken":  refusesATakenAddress,
		"disabling ends sessions":           disablingEndsSessions,
		"an owner is not offered a code":    anOwnerIsNotOfferedACode,
		"a code is replaced or taken back":  aCodeIsReplacedOrTakenBack,
		"deleting is final and repeatable":  deletingIsFinalAndRepeatable,
		"an absent account is told as such": anAbsentAccountIsToldAsSuch,
	}
	for name, exam := range exams {
		t.Run(name, func(t *testing.T) { exam(t, open(t)) })
	}
}

// Person returns a made-up account of the tenant; n makes it different from
// the others of its test.
func Person(tenant tenancy.TenantSlug, n int) provisioner.Account {
	unique := strings.ToLower(rand.Text()[:6])
	return provisioner.Account{
		ID:        tenancy.EmployeeID(uuid.NewString()),
		Tenant:    tenant,
		Login:     fmt.Sprintf("%s-%s%03d", tenant, unique, n),
		Email:     fmt.Sprintf("person%d.%s@%s.example", n, unique, tenant),
		FirstName: "Мария",
		LastName:  fmt.Sprintf("Иванова-%d", n),
		Enabled:   true,
	}
}

func createsWithOurIDs(t *testing.T, p PeopleUnderTest) {
	want := []provisioner.Account{Person("cdek", 1), Person("avito", 2), Person("cdek", 3)}
	want[2].Email, want[2].LastName = "", "" // a courier without an address, known by one name
	want[1].Enabled = false
	createAll(t, p, want...)
	wantAccounts(t, p, want...)
}

func creatingAgainChangesNothing(t *testing.T, p PeopleUnderTest) {
	a := Person("cdek", 1)
	createAll(t, p, a)
	changed := a
	changed.LastName, changed.Login = "Другая", a.Login+"x"
	createAll(t, p, changed, Person("cdek", 2))
	wantAccounts(t, p, a)
}

func badRowsDoNotStopGoodOnes(t *testing.T, p PeopleUnderTest) {
	there := Person("cdek", 0)
	createAll(t, p, there)
	var accounts []provisioner.Account
	for n := range 30 {
		accounts = append(accounts, Person("cdek", 100+n))
	}
	accounts[3].Login = there.Login
	accounts[11].Email = there.Email
	accounts[17].Email = "not an address"
	accounts[23].Tenant = "nobody"
	want := map[int]string{3: "login_taken", 11: "email_taken", 17: "keycloak_refused", 23: "tenant_absent"}

	outcomes, err := p.CreateAccounts(t.Context(), accounts)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range outcomes {
		if o.ID != accounts[i].ID || o.Done != (want[i] == "") || o.Code != want[i] || o.Unknown {
			t.Errorf("row %d: outcome %+v, want code %q", i, o, want[i])
		}
		if strings.Contains(o.Message, accounts[i].LastName) || accounts[i].Email != "" && strings.Contains(o.Message, accounts[i].Email) {
			t.Errorf("row %d: personal data in %q", i, o.Message)
		}
	}
	found := observe(t, p, accounts...)
	if len(found) != len(accounts)-len(want) {
		t.Errorf("%d accounts exist, want %d", len(found), len(accounts)-len(want))
	}
}

func updatesWhatDiffers(t *testing.T, p PeopleUnderTest) {
	a := Person("cdek", 1)
	createAll(t, p, a)
	a.FirstName, a.LastName, a.Email = "Анна", "Смирнова", "anna."+a.Email
	mustUpdate(t, p, a)
	mustUpdate(t, p, a)
	wantAccounts(t, p, a)
	a.Email, a.LastName, a.Enabled, a.Login = "", "", false, a.Login+"-2"
	mustUpdate(t, p, a)
	wantAccounts(t, p, a)
}

func refusesATakenAddress(t *testing.T, p PeopleUnderTest) {
	a, b := Person("cdek", 1), Person("avito", 2)
	createAll(t, p, a, b)
	wanted := b
	wanted.Email = a.Email
	err := p.UpdateAccount(t.Context(), wanted)
	if tenancy.KindOf(err) != tenancy.Conflict {
		t.Errorf("error %v, want a conflict", err)
	}
	wantAccounts(t, p, b)
}

func disablingEndsSessions(t *testing.T, p PeopleUnderTest) {
	a := Person("cdek", 1)
	createAll(t, p, a)
	offer(t, p, a, "lark-7k2m-9qfe", true)
	if !p.Activate(a, "lark-7k2m-9qfe") {
		t.Fatal("the owner could not sign in with his code")
	}
	if p.Sessions(a.ID) == 0 {
		t.Fatal("he signed in and there is no session: the test would prove nothing")
	}
	for range 2 {
		if err := p.DisableAccount(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.Sessions(a.ID); n != 0 {
		t.Errorf("%d sessions live on", n)
	}
	a.Enabled = false
	wantAccounts(t, p, a)
}

func anOwnerIsNotOfferedACode(t *testing.T, p PeopleUnderTest) {
	a := Person("cdek", 1)
	createAll(t, p, a)
	offer(t, p, a, "lark-7k2m-9qfe", true)
	if !p.Activate(a, "lark-7k2m-9qfe") {
		t.Fatal("the owner could not sign in with his code")
	}
	offer(t, p, a, "wren-4x8p-2zhd", false)
	if p.Activate(a, "wren-4x8p-2zhd") {
		t.Error("a code opened an account that has an owner")
	}
	if err := p.WithdrawActivation(t.Context(), a.ID); err != nil {
		t.Error(err)
	}
	offer(t, p, a, "wren-4x8p-2zhd", false)
}

func aCodeIsReplacedOrTakenBack(t *testing.T, p PeopleUnderTest) {
	a := Person("cdek", 1)
	createAll(t, p, a)
	offer(t, p, a, "lark-7k2m-9qfe", true)
	offer(t, p, a, "wren-4x8p-2zhd", true)
	if p.Activate(a, "lark-7k2m-9qfe") {
		t.Error("the first code still opens the account")
	}
	for range 2 {
		if err := p.WithdrawActivation(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
	}
	if p.Activate(a, "wren-4x8p-2zhd") {
		t.Error("a withdrawn code opens the account")
	}
	offer(t, p, a, "finch-5t6n-1qwe", true)
	if !p.Activate(a, "finch-5t6n-1qwe") {
		t.Error("a code offered after a withdrawal does not open the account")
	}
}

func deletingIsFinalAndRepeatable(t *testing.T, p PeopleUnderTest) {
	a := Person("cdek", 1)
	createAll(t, p, a)
	for range 2 {
		if err := p.DeleteAccount(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
	}
	if found := observe(t, p, a); len(found) != 0 {
		t.Error("the account is still there")
	}
}

func anAbsentAccountIsToldAsSuch(t *testing.T, p PeopleUnderTest) {
	a := Person("cdek", 1)
	_, offered := p.OfferActivation(t.Context(), a.ID, "lark-7k2m-9qfe")
	for name, err := range map[string]error{
		"update": p.UpdateAccount(t.Context(), a), "disable": p.DisableAccount(t.Context(), a.ID),
		"offer": offered, "withdraw": p.WithdrawActivation(t.Context(), a.ID),
	} {
		if tenancy.KindOf(err) != tenancy.NotFound {
			t.Errorf("%s: error %v, want not found", name, err)
		}
	}
}

func createAll(t *testing.T, p PeopleUnderTest, accounts ...provisioner.Account) {
	t.Helper()
	outcomes, err := p.CreateAccounts(t.Context(), accounts)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range outcomes {
		if !o.Done || o.ID != accounts[i].ID {
			t.Fatalf("row %d: outcome %+v, want done", i, o)
		}
	}
}

func mustUpdate(t *testing.T, p PeopleUnderTest, a provisioner.Account) {
	t.Helper()
	if err := p.UpdateAccount(t.Context(), a); err != nil {
		t.Fatal(err)
	}
}

func offer(t *testing.T, p PeopleUnderTest, a provisioner.Account, code string, want bool) {
	t.Helper()
	offered, err := p.OfferActivation(t.Context(), a.ID, code)
	if err != nil || offered != want {
		t.Fatalf("offered %v, error %v; want %v", offered, err, want)
	}
}

func observe(t *testing.T, p PeopleUnderTest, accounts ...provisioner.Account) map[tenancy.EmployeeID]provisioner.Account {
	t.Helper()
	ids := make([]tenancy.EmployeeID, len(accounts))
	for i, a := range accounts {
		ids[i] = a.ID
	}
	found, err := p.ObserveAccounts(context.Background(), ids)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func wantAccounts(t *testing.T, p PeopleUnderTest, want ...provisioner.Account) {
	t.Helper()
	found := observe(t, p, want...)
	for _, a := range want {
		if diff := cmp.Diff(a, found[a.ID]); diff != "" {
			t.Errorf("account (-want +got):\n%s", diff)
		}
	}
}
