package keycloak

import (
	"net/url"
	"testing"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/targettest"
)

func TestPeople(t *testing.T) {
	targettest.People(t, func(t *testing.T) targettest.PeopleUnderTest {
		admin := New(adminConfig(t))
		realm := bareRealm(t, admin)
		return targettest.PeopleUnderTest{
			People: admin.People(realm),
			Activate: func(a provisioner.Account, code string) bool {
				_, ok := activate(t, admin, realm, a, code)
				return ok
			},
			Sessions: func(id tenancy.EmployeeID) int { return sessions(t, admin, realm, id) },
		}
	})
}

const ownPassword = "correct horse battery staple"

// activate signs in with a one-time password through the login page and
// chooses an own one. The tokens include an offline one, as the mobile
// application asks for.
func activate(t *testing.T, admin *Client, realm string, a provisioner.Account, code string) (map[string]any, bool) {
	t.Helper()
	b := newBrowser(t, admin.config.URL, realm)
	p := b.open(signInClient, signInRedirect, "openid offline_access", nil)
	p = b.submit(p, map[string]string{"username": a.Login, "password": code})
	if p.back == nil {
		p = b.submit(p, map[string]string{"username": a.Login, "password": code, "password-new": ownPassword, "password-confirm": ownPassword})
	}
	tokens, err := b.tokens(p, signInClient, signInRedirect, nil)
	if err != nil {
		t.Logf("activation: %v", err)
	}
	return tokens, err == nil
}

// sessions counts the account's sessions, offline ones too.
func sessions(t *testing.T, admin *Client, realm string, id tenancy.EmployeeID) int {
	t.Helper()
	var online, offline []any
	var clients []struct {
		ID string `json:"id"`
	}
	for address, out := range map[string]any{
		admin.realmPath(realm, "users", string(id), "sessions"):                          &online,
		admin.realmPath(realm, "clients") + "?clientId=" + url.QueryEscape(signInClient): &clients,
	} {
		if err := admin.get(t.Context(), address, out); err != nil {
			t.Fatal(err)
		}
	}
	if err := admin.get(t.Context(), admin.realmPath(realm, "users", string(id), "offline-sessions", clients[0].ID), &offline); err != nil {
		t.Fatal(err)
	}
	return len(online) + len(offline)
}
