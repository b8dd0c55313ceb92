package keycloak

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/targettest"
)

// TestTokenOfAnEmployee signs an imported employee in and reads what his token
// says of him: who he is to Opora, and nothing personal.
func TestTokenOfAnEmployee(t *testing.T) {
	w := newWorld(t)
	w.mustApply()
	people := w.worker().People(w.realm)
	a := targettest.Person("cdek", 1)
	if _, err := people.CreateAccounts(t.Context(), []provisioner.Account{a}); err != nil {
		t.Fatal(err)
	}
	if offered, err := people.OfferActivation(t.Context(), a.ID, "lark-7k2m-9qfe"); err != nil || !offered {
		t.Fatal(offered, err)
	}
	tokens, ok := activate(t, w, a, "lark-7k2m-9qfe")
	if !ok {
		t.Fatal("he could not sign in")
	}
	got := claims(t, tokens["access_token"])
	for name, want := range map[string]any{
		"sub": string(a.ID), "tenant": "cdek", "country": "RU", "aud": "opora-api", "azp": signInClient, "typ": "Bearer",
	} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if lives := got["exp"].(float64) - got["iat"].(float64); lives != 120 {
		t.Errorf("the token lives %v s, want 120", lives)
	}
	roles := got["realm_access"].(map[string]any)["roles"].([]any)
	slices.SortFunc(roles, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	if diff := cmp.Diff([]any{"employee", "offline_access"}, roles); diff != "" {
		t.Errorf("roles: %s", diff)
	}
	known := []string{"acr", "aud", "auth_time", "azp", "country", "exp", "iat", "iss", "jti", "realm_access", "scope", "sid", "sub", "tenant", "typ"}
	names := slices.Sorted(maps.Keys(got))
	if diff := cmp.Diff(known, names); diff != "" {
		t.Errorf("claims: %s", diff)
	}
	// What the account's owner may ask for, and what he may not set.
	b := newBrowser(t, w.admin.config.URL, w.realm)
	p := b.open(signInClient, signInRedirect, "openid profile email")
	p = b.signIn(p, a.Email, ownPassword)
	tokens, err := b.tokens(p, signInClient, signInRedirect)
	if err != nil {
		t.Fatal(err)
	}
	if got := claims(t, tokens["access_token"]); got["family_name"] != a.LastName || got["email"] != a.Email {
		t.Errorf("asked for, name and address are %v and %v", got["family_name"], got["email"])
	}
}

// TestNobodyGivesHimselfATenant tries to, as an administrator and by a partial
// import, with an attribute that the profile does not know.
func TestNobodyGivesHimselfATenant(t *testing.T) {
	w := newWorld(t)
	w.mustApply()
	a := targettest.Person("cdek", 1)
	people := w.worker().People(w.realm)
	if _, err := people.CreateAccounts(t.Context(), []provisioner.Account{a}); err != nil {
		t.Fatal(err)
	}
	body := map[string]any{"attributes": map[string]any{"tenant": []string{"avito"}}}
	_, err := w.admin.send(t.Context(), http.MethodPut, w.admin.realmPath(w.realm, "users", string(a.ID)), body, nil)
	t.Logf("Keycloak's answer: %v", err)
	if _, err := people.OfferActivation(t.Context(), a.ID, "lark-7k2m-9qfe"); err != nil {
		t.Fatal(err)
	}
	tokens, ok := activate(t, w, a, "lark-7k2m-9qfe")
	if !ok {
		t.Fatal("he could not sign in")
	}
	if got := claims(t, tokens["access_token"])["tenant"]; got != "cdek" {
		t.Errorf("tenant %v, want cdek", got)
	}
}

// TestStaffNeedASecondFactor signs an HR admin in: his password is right, and
// Keycloak asks him to set up a second factor before it lets him in.
func TestStaffNeedASecondFactor(t *testing.T) {
	w := newWorld(t)
	w.mustApply()
	staff := map[string]any{
		"username": "hr.staff", "enabled": true, "groups": []string{"/tenants/cdek/hr"},
		"credentials": []map[string]any{{"type": "password", "value": ownPassword}},
	}
	if _, err := w.admin.send(t.Context(), http.MethodPost, w.admin.realmPath(w.realm, "users"), staff, nil); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, w.admin.config.URL, w.realm)
	p := b.signIn(b.open("console", "https://console.ponimayu.example/callback", "openid"), "hr.staff", ownPassword)
	if p.back != nil || !strings.Contains(p.text, "FreeOTP") {
		t.Errorf("after his password he gets %v %s", p.back, p.text)
	}
}
