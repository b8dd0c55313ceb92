// Package provisioner turns what was decided into what Keycloak holds: have
// and want become a Plan of Ops, guards name its dangers, Apply carries it out.
// It knows neither HTTP nor SQL; provisioner/keycloak and provisioner/memory
// are the two targets, and provisioner/targettest is the exam both pass.
package provisioner

import (
	"context"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Account is an employee's account as Keycloak should hold it: no more of the
// person than signing in needs. Its id is the employee's, so an account can
// always be found again and making it twice is impossible.
type Account struct {
	ID        tenancy.EmployeeID
	Tenant    tenancy.TenantSlug // group /tenants/<slug>/employees
	Login     string             // username, opaque: "cdek-7k2m9q"
	Email     string             // only when free in the realm; never marked verified
	FirstName string
	LastName  string
	Enabled   bool
}

// Outcome is what became of one account in a batch.
type Outcome struct {
	ID      tenancy.EmployeeID
	Done    bool   // Keycloak holds the account as asked
	Unknown bool   // the answer was lost: observe before sending again
	Code    string // stable code when neither: "keycloak_refused", "login_taken", "email_taken", "id_taken"
	Message string // for the import's report, without personal data
}

// People is the part of a target that holds employees' accounts. Every method
// is safe to repeat. An error means that nothing is known of the whole call
// (tenancy.Unavailable may be tried again); what Keycloak refuses for a single
// account is an Outcome, never an error, and never stops the others.
type People interface {
	// CreateAccounts makes those that are missing, with their own ids, in the
	// tenant's employees group; one that is already there is left as it is.
	CreateAccounts(ctx context.Context, accounts []Account) ([]Outcome, error)
	// UpdateAccount writes names, login and e-mail; it never touches
	// credentials, required actions or lockouts, and Enabled only when it differs.
	UpdateAccount(ctx context.Context, account Account) error
	// DisableAccount disables the account and ends its sessions, offline ones too.
	DisableAccount(ctx context.Context, id tenancy.EmployeeID) error
	// ObserveAccounts reads those accounts that exist, by id.
	ObserveAccounts(ctx context.Context, ids []tenancy.EmployeeID) (map[tenancy.EmployeeID]Account, error)
	// DeleteAccount removes an account that Opora made; a missing one is success.
	DeleteAccount(ctx context.Context, id tenancy.EmployeeID) error
	// OfferActivation gives an account that was never activated a one-time
	// password, to be changed at the first sign-in. For an account that its
	// owner has activated it does nothing and says so in the result, which the
	// caller must not show to HR.
	OfferActivation(ctx context.Context, id tenancy.EmployeeID, code string) (offered bool, err error)
	// WithdrawActivation removes an unused one-time password.
	WithdrawActivation(ctx context.Context, id tenancy.EmployeeID) error
}
