package keycloak

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// groupSeen is how long a group that was found is taken to stand: asking for it
// costs Keycloak a fifth of what a batch does. One that has gone meanwhile shows
// by the refusal of the next batch, which asks anew.
const groupSeen = 30 * time.Second

// knownGroups remembers which tenants' groups stand in the realm, so that not
// every batch asks for its own.
type knownGroups struct {
	mu   sync.Mutex
	seen map[tenancy.TenantSlug]time.Time
}

func (k *knownGroups) knows(tenant tenancy.TenantSlug) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	at, ok := k.seen[tenant]
	return ok && time.Since(at) < groupSeen
}

func (k *knownGroups) saw(tenant tenancy.TenantSlug) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.seen == nil {
		k.seen = map[tenancy.TenantSlug]time.Time{}
	}
	k.seen[tenant] = time.Now()
}

func (k *knownGroups) forget(tenant tenancy.TenantSlug) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.seen, tenant)
}

// hasTenant reports whether the tenant's employees group stands in the realm.
func (p *People) hasTenant(ctx context.Context, tenant tenancy.TenantSlug) (bool, error) {
	if p.groups.knows(tenant) {
		return true, nil
	}
	parts := append([]string{"group-by-path"}, strings.Split(strings.Trim(employeesGroup(tenant), "/"), "/")...)
	err := p.client.get(ctx, p.path(parts...), nil)
	if statusOf(err) == http.StatusNotFound {
		return false, nil
	}
	if err == nil {
		p.groups.saw(tenant)
	}
	return err == nil, err
}

// withTenant returns the rows whose tenant's group stands; the others are
// refused.
func (p *People) withTenant(ctx context.Context, rows []row) (standing []row, err error) {
	groups := map[tenancy.TenantSlug]bool{}
	for _, r := range rows {
		there, asked := groups[r.account.Tenant]
		if !asked {
			if there, err = p.hasTenant(ctx, r.account.Tenant); err != nil {
				return nil, err
			}
			groups[r.account.Tenant] = there
		}
		if !there {
			r.refused("tenant_absent", "the tenant's group is not in Keycloak; apply the catalogue first")
			continue
		}
		standing = append(standing, r)
	}
	return standing, nil
}

// lookAgain forgets the groups of rows that were refused together and returns
// those whose group stands all the same.
func (p *People) lookAgain(ctx context.Context, rows []row) ([]row, error) {
	for _, r := range rows {
		p.groups.forget(r.account.Tenant)
	}
	return p.withTenant(ctx, rows)
}
