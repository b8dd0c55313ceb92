package keycloak

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/Nerzal/gocloak/v13"
	"golang.org/x/sync/errgroup"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
)

// People is a realm's part that holds employees' accounts. It implements
// provisioner.People. Its client needs manage-realm (for partial imports),
// manage-users and query-groups in the realm.
type People struct {
	client *Client
	realm  string
	groups knownGroups
	// importing holds a place for each partial import on the way.
	importing chan struct{}
}

var _ provisioner.People = (*People)(nil)

// People returns the accounts of the realm.
func (c *Client) People(realm string) *People {
	return &People{client: c, realm: realm, importing: make(chan struct{}, c.config.MaxInFlight-c.config.MaxInFlight/4)}
}

// atOnce is how many calls one method of People keeps in flight; the client's
// own bound holds for all of them together.
const atOnce = 4

// tenantsGroup is where the groups of tenants stand.
const tenantsGroup = "/tenants/"

// employeesGroup is the path of the group that an employee of the tenant is in.
func employeesGroup(tenant tenancy.TenantSlug) string {
	return tenantsGroup + string(tenant) + "/employees"
}

// ObserveAccounts implements provisioner.People. Keycloak keeps logins and
// addresses in lower case, so that is how they come back.
func (p *People) ObserveAccounts(ctx context.Context, ids []tenancy.EmployeeID) (map[tenancy.EmployeeID]provisioner.Account, error) {
	var mu sync.Mutex
	found := make(map[tenancy.EmployeeID]provisioner.Account, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, id := range ids {
		group.Go(func() error {
			user, err := p.user(ctx, id)
			if tenancy.KindOf(err) == tenancy.NotFound {
				return nil
			}
			if err != nil {
				return err
			}
			tenant, err := p.tenantOf(ctx, id)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			found[id] = account(user, tenant)
			return nil
		})
	}
	return found, group.Wait()
}

func account(user gocloak.User, tenant tenancy.TenantSlug) provisioner.Account {
	return provisioner.Account{
		ID:        tenancy.EmployeeID(gocloak.PString(user.ID)),
		Tenant:    tenant,
		Login:     gocloak.PString(user.Username),
		Email:     gocloak.PString(user.Email),
		FirstName: gocloak.PString(user.FirstName),
		LastName:  gocloak.PString(user.LastName),
		Enabled:   gocloak.PBool(user.Enabled),
	}
}

// UpdateAccount implements provisioner.People. Only what differs is sent:
// Keycloak reads an "enabled" that changes nothing as an order to forget
// lockouts, and credentials or required actions as orders to replace them.
func (p *People) UpdateAccount(ctx context.Context, want provisioner.Account) error {
	user, err := p.user(ctx, want.ID)
	if err != nil {
		return missing(err)
	}
	change, differs := difference(user, want)
	if !differs {
		return nil
	}
	_, err = p.client.send(ctx, http.MethodPut, p.path("users", string(want.ID)), change, nil)
	if statusOf(err) == http.StatusConflict {
		return tenancy.E(tenancy.Conflict, "email_taken", "another account of the realm has this login or address", err)
	}
	return err
}

// difference returns the part of a user that has to be written.
func difference(have gocloak.User, want provisioner.Account) (change gocloak.User, differs bool) {
	text := func(have *string, want string) *string {
		if gocloak.PString(have) == want {
			return nil
		}
		differs = true
		return &want
	}
	change.Username = text(have.Username, strings.ToLower(want.Login))
	change.FirstName = text(have.FirstName, want.FirstName)
	change.LastName = text(have.LastName, want.LastName)
	change.Email = text(have.Email, strings.ToLower(want.Email))
	if change.Email != nil {
		change.EmailVerified = gocloak.BoolP(false)
	}
	if gocloak.PBool(have.Enabled) != want.Enabled {
		differs = true
		change.Enabled = &want.Enabled
	}
	return change, differs
}

// DisableAccount implements provisioner.People. Nobody looks first whether the
// account is disabled already: hardly one is, and to say it again does nothing.
func (p *People) DisableAccount(ctx context.Context, id tenancy.EmployeeID) error {
	if _, err := p.client.send(ctx, http.MethodPut, p.path("users", string(id)), gocloak.User{Enabled: gocloak.BoolP(false)}, nil); err != nil {
		return missing(err)
	}
	return p.endSessions(ctx, id)
}

// endSessions ends every session of the account. Logging out ends the online
// ones and refuses all tokens issued so far; offline ones go client by client,
// with the consent that Keycloak lists them under.
func (p *People) endSessions(ctx context.Context, id tenancy.EmployeeID) error {
	if _, err := p.client.send(ctx, http.MethodPost, p.path("users", string(id), "logout"), nil, nil); err != nil {
		return missing(err)
	}
	var consents []struct {
		ClientID string `json:"clientId"`
	}
	if err := p.client.get(ctx, p.path("users", string(id), "consents"), &consents); err != nil {
		return missing(err)
	}
	for _, consent := range consents {
		_, err := p.client.send(ctx, http.MethodDelete, p.path("users", string(id), "consents", consent.ClientID), nil, nil)
		if err != nil && statusOf(err) != http.StatusNotFound {
			return err
		}
	}
	return nil
}

// DeleteAccount implements provisioner.People. Of accounts only those in a
// tenant's group are Opora's; another one is refused.
func (p *People) DeleteAccount(ctx context.Context, id tenancy.EmployeeID) error {
	tenant, err := p.tenantOf(ctx, id)
	if tenancy.KindOf(err) == tenancy.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if tenant == "" {
		return tenancy.E(tenancy.Conflict, "not_ours", "the account is in no tenant's group, so Opora did not make it and does not remove it")
	}
	_, err = p.client.send(ctx, http.MethodDelete, p.path("users", string(id)), nil, nil)
	if statusOf(err) == http.StatusNotFound {
		return nil
	}
	return err
}

// user reads one account.
func (p *People) user(ctx context.Context, id tenancy.EmployeeID) (gocloak.User, error) {
	var user gocloak.User
	err := p.client.get(ctx, p.path("users", string(id)), &user)
	return user, err
}

// tenantOf returns the tenant in whose employees group the account is, or "".
func (p *People) tenantOf(ctx context.Context, id tenancy.EmployeeID) (tenancy.TenantSlug, error) {
	var groups []gocloak.Group
	if err := p.client.get(ctx, p.path("users", string(id), "groups")+"?max=100", &groups); err != nil {
		return "", err
	}
	i := slices.IndexFunc(groups, func(g gocloak.Group) bool {
		path := gocloak.PString(g.Path)
		return strings.HasPrefix(path, tenantsGroup) && strings.HasSuffix(path, "/employees")
	})
	if i < 0 {
		return "", nil
	}
	slug, _ := strings.CutSuffix(strings.TrimPrefix(*groups[i].Path, tenantsGroup), "/employees")
	return tenancy.TenantSlug(slug), nil
}

func (p *People) path(parts ...string) string { return p.client.realmPath(p.realm, parts...) }

// missing says of an account that is not there what the caller can do.
func missing(err error) error {
	if statusOf(err) == http.StatusNotFound {
		return tenancy.E(tenancy.NotFound, "account_missing", "Keycloak has no account with this id; make it first", err)
	}
	return err
}
