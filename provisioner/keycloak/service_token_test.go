package keycloak

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ponimayu/opora/api/token"
	"github.com/ponimayu/opora/internal/tenancy"
)

// serviceToken is what a client of the realm gets for itself; scope asks for more.
func (w *world) serviceToken(client, scope string) string {
	w.t.Helper()
	secret, err := w.admin.Realms("RU").Secret(w.t.Context(), w.realm, client)
	if err != nil {
		w.t.Fatal(err)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}}
	if scope != "" {
		form.Set("scope", scope)
	}
	answer, err := http.PostForm(w.admin.config.URL+"/realms/"+w.realm+"/protocol/openid-connect/token", form)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	var got struct {
		Token string `json:"access_token"`
		Error string `json:"error"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil {
		w.t.Fatal(err)
	}
	if got.Token == "" {
		return got.Error
	}
	return got.Token
}

// TestTokensOfServices has the verifier read what Keycloak gives to the booking
// core and to payments: each its own role, and the scope to ask who pays to
// payments alone.
func TestTokensOfServices(t *testing.T) {
	w := newWorld(t)
	w.mustApply()
	issuer := w.admin.config.URL + "/realms/" + w.realm
	verifier := token.NewVerifier(token.Config{Issuer: issuer, Audience: "opora-api", Country: "RU"}, token.NewKeySet(issuer+"/protocol/openid-connect/certs"))
	for client, want := range map[string]struct {
		roles  []tenancy.Role
		scoped bool
	}{
		"booking-core": {[]tenancy.Role{tenancy.RoleBookingCore}, false},
		"payments":     {[]tenancy.Role{tenancy.RolePayments}, true},
	} {
		raw := w.serviceToken(client, "")
		got := claims(t, raw)
		scope, _ := got["scope"].(string)
		if slices.Contains(strings.Fields(scope), "payments") != want.scoped {
			t.Errorf("%s: the scope is %q", client, scope)
		}
		actor, err := verifier.Verify(t.Context(), raw)
		if diff := cmp.Diff(want.roles, actor.Roles); err != nil || diff != "" {
			t.Errorf("%s: %v %s", client, err, diff)
		}
		for _, name := range []string{"tenant", "hr_of", "specialist_types", "email"} {
			if got[name] != nil {
				t.Errorf("%s: %s is %v", client, name, got[name])
			}
		}
	}
	// The scope is not to be had by asking for it.
	if got := w.serviceToken("booking-core", "payments"); got != "invalid_scope" {
		t.Errorf("the booking core asked for the scope and got %.20s…", got)
	}
}
