// Package memory is Keycloak in maps, with the quirks of the real one that
// matter to us: it is for pure tests and rehearsals, and provisioner/targettest
// holds it to the same answers as a real Keycloak.
package memory

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
)

// People is a realm's accounts in a map. Use NewPeople.
type People struct {
	mu       sync.Mutex
	tenants  []tenancy.TenantSlug
	accounts map[tenancy.EmployeeID]*held
	refuse   map[tenancy.EmployeeID]bool
}

// held is an account with what only Keycloak knows of it.
type held struct {
	provisioner.Account
	code      string // the one-time password that waits
	activated bool
	sessions  int
}

var _ provisioner.People = (*People)(nil)

// NewPeople returns a realm that has the tenants' groups and no accounts.
func NewPeople(tenants ...tenancy.TenantSlug) *People {
	return &People{tenants: tenants, accounts: map[tenancy.EmployeeID]*held{}, refuse: map[tenancy.EmployeeID]bool{}}
}

// Refuse makes the realm refuse to create the account, whatever it holds.
func (p *People) Refuse(id tenancy.EmployeeID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse[id] = true
}

// Activate does what the account's owner does with a one-time password: he
// signs in with it and sets his own. It reports whether the code was right.
func (p *People) Activate(id tenancy.EmployeeID, code string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.accounts[id]
	if !ok || !a.Enabled || a.activated || a.code == "" || a.code != code {
		return false
	}
	a.code, a.activated, a.sessions = "", true, a.sessions+1
	return true
}

// Sessions returns how many sessions the account has.
func (p *People) Sessions(id tenancy.EmployeeID) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a, ok := p.accounts[id]; ok {
		return a.sessions
	}
	return 0
}

// CreateAccounts implements provisioner.People.
func (p *People) CreateAccounts(_ context.Context, accounts []provisioner.Account) ([]provisioner.Outcome, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	outcomes := make([]provisioner.Outcome, len(accounts))
	for i, a := range accounts {
		outcomes[i] = p.create(a)
	}
	return outcomes, nil
}

func (p *People) create(a provisioner.Account) provisioner.Outcome {
	a.Login, a.Email = strings.ToLower(a.Login), strings.ToLower(a.Email)
	no := func(code, message string) provisioner.Outcome {
		return provisioner.Outcome{ID: a.ID, Code: code, Message: message}
	}
	switch {
	case a.Login == "" || a.Email != "" && !strings.Contains(strings.Trim(a.Email, "@"), "@") || p.refuse[a.ID]:
		return no("keycloak_refused", "the account's values are not ones Keycloak takes")
	case !slices.Contains(p.tenants, a.Tenant):
		return no("tenant_absent", "the tenant's group is not in Keycloak; apply the catalogue first")
	case p.accounts[a.ID] != nil:
		return provisioner.Outcome{ID: a.ID, Done: true}
	case p.other(a.ID, func(b *held) bool { return b.Login == a.Login }):
		return no("login_taken", "another account of the realm has this login")
	case a.Email != "" && p.other(a.ID, func(b *held) bool { return b.Email == a.Email }):
		return no("email_taken", "another account of the realm has this e-mail address")
	}
	p.accounts[a.ID] = &held{Account: a}
	return provisioner.Outcome{ID: a.ID, Done: true}
}

// other reports whether an account with another id is like that.
func (p *People) other(id tenancy.EmployeeID, like func(*held) bool) bool {
	for other, a := range p.accounts {
		if other != id && like(a) {
			return true
		}
	}
	return false
}

// UpdateAccount implements provisioner.People.
func (p *People) UpdateAccount(_ context.Context, want provisioner.Account) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.accounts[want.ID]
	if !ok {
		return missing()
	}
	want.Login, want.Email, want.Tenant = strings.ToLower(want.Login), strings.ToLower(want.Email), a.Tenant
	clash := p.other(want.ID, func(b *held) bool {
		return b.Login == want.Login || want.Email != "" && b.Email == want.Email
	})
	if clash {
		return tenancy.E(tenancy.Conflict, "email_taken", "another account of the realm has this login or address")
	}
	a.Account = want
	return nil
}

// DisableAccount implements provisioner.People.
func (p *People) DisableAccount(_ context.Context, id tenancy.EmployeeID) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.accounts[id]
	if !ok {
		return missing()
	}
	a.Enabled, a.sessions = false, 0
	return nil
}

// ObserveAccounts implements provisioner.People.
func (p *People) ObserveAccounts(_ context.Context, ids []tenancy.EmployeeID) (map[tenancy.EmployeeID]provisioner.Account, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := map[tenancy.EmployeeID]provisioner.Account{}
	for _, id := range ids {
		if a, ok := p.accounts[id]; ok {
			found[id] = a.Account
		}
	}
	return found, nil
}

// DeleteAccount implements provisioner.People.
func (p *People) DeleteAccount(_ context.Context, id tenancy.EmployeeID) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.accounts, id)
	return nil
}

// OfferActivation implements provisioner.People.
func (p *People) OfferActivation(_ context.Context, id tenancy.EmployeeID, code string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.accounts[id]
	switch {
	case !ok:
		return false, missing()
	case a.activated:
		return false, nil
	}
	a.code = code
	return true, nil
}

// WithdrawActivation implements provisioner.People.
func (p *People) WithdrawActivation(_ context.Context, id tenancy.EmployeeID) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, ok := p.accounts[id]
	if !ok {
		return missing()
	}
	a.code = ""
	return nil
}

func missing() error {
	return tenancy.E(tenancy.NotFound, "account_missing", "Keycloak has no account with this id; make it first")
}
