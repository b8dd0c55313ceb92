package keycloak

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/targettest"
)

// TestPeople holds the worker's own client, with the rights that the catalogue
// gives it and no more, to the exam.
func TestPeople(t *testing.T) {
	w := newWorld(t)
	w.mustApply()
	people := w.worker().People(w.realm)
	targettest.People(t, func(t *testing.T) targettest.PeopleUnderTest {
		return targettest.PeopleUnderTest{
			People: people,
			Activate: func(a provisioner.Account, code string) bool {
				_, ok := activate(t, w, a, code)
				if !ok {
					// Two wrong tries within a second pass for a machine's
					// and are answered by a wait of a minute.
					time.Sleep(1100 * time.Millisecond)
				}
				return ok
			},
			Sessions: func(id tenancy.EmployeeID) int { return sessions(t, w.admin, w.realm, id) },
		}
	})
}

// worker returns a client with the credential of the workers.
func (w *world) worker() *Client {
	w.t.Helper()
	secret, err := w.admin.Realms("RU").Secret(w.t.Context(), w.realm, "opora-people")
	if err != nil {
		w.t.Fatal(err)
	}
	return New(Config{URL: w.admin.config.URL, TokenRealm: w.realm, ClientID: "opora-people", ClientSecret: secret})
}

const ownPassword = "correct horse battery staple"

// The application that the tests sign in with.
const (
	signInClient   = "employee-mobile"
	signInRedirect = "com.ponimayu.employee:/oauth/callback"
)

// activate signs in with a one-time password through the login page and
// chooses an own one. The tokens include an offline one, as the mobile
// application asks for.
func activate(t *testing.T, w *world, a provisioner.Account, code string) (map[string]any, bool) {
	t.Helper()
	b := newBrowser(t, w.admin.config.URL, w.realm)
	p := b.open(signInClient, signInRedirect, "openid offline_access")
	p = b.signIn(p, a.Login, code)
	if p.back == nil && strings.Contains(p.text, "Новый пароль") {
		p = b.submit(p, map[string]string{"username": a.Login, "password": code, "password-new": ownPassword, "password-confirm": ownPassword})
	}
	tokens, err := b.tokens(p, signInClient, signInRedirect)
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
