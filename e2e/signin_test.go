//go:build e2e

package e2e

import (
	"maps"
	"slices"
	"testing"
	"time"
)

// employee is somebody who can be signed in: what an activation sheet says.
type employee struct{ id, tenant, login, code string }

// standard are the claims that say nothing of the person beyond what the
// design gives every token: subject, tenant, country and roles.
var standard = []string{
	"acr", "allowed-origins", "aud", "auth_time", "azp", "country", "exp", "iat", "iss", "jti", "nonce", "realm_access", "scope", "sid", "sub",
	"tenant", "typ", "resource_access",
}

// signsIn follows an employee from the activation code on his sheet to tokens.
func signsIn(t *testing.T, s *stack, e employee) {
	const chosen = "Длинный пароль 2026"
	first := open(t, s, newBrowser(t), "openid")
	p := first.identify(e.login, e.code)
	for range 3 { // a worker hands the code over; that takes a moment
		if p.refused() {
			time.Sleep(3 * time.Second)
			p = first.identify(e.login, e.code)
		}
	}
	if p.back() || !p.NewPassword {
		t.Fatalf("the code does not lead to choosing a password: %+v", p)
	}
	if p = first.chooseOwn("short"); !p.NewPassword {
		t.Fatalf("a short password was taken: %+v", p)
	}
	got, err := first.tokens(first.chooseOwn(chosen), first.verifier)
	if err != nil {
		t.Fatal(err)
	}
	wantToken(t, s, e, got.Access)

	again := open(t, s, newBrowser(t), "openid")
	if p = again.identify(e.login, e.code); !p.refused() {
		t.Fatalf("the code still works: %+v", p)
	}
	p = again.identify(e.login, chosen)
	if _, err := again.tokens(p, "another-verifier-of-the-right-length-0123456789"); err == nil {
		t.Fatal("the code was exchanged without the verifier it was asked with")
	}
	again = open(t, s, newBrowser(t), "openid profile")
	if got, err = again.tokens(again.identify(e.login, chosen), again.verifier); err != nil {
		t.Fatalf("the chosen password: %v", err)
	}
	if id := claims(t, got.ID); id["sub"] != e.id || id["preferred_username"] != e.login {
		t.Errorf("who asks for the profile gets %v", id)
	}
	if r := s.call(got.Access, "GET", "/v1/employees/"+e.id, nil); r.status != 403 {
		t.Errorf("an employee reads HR's page of himself: %s", r)
	}
}

// wantToken looks at an access token that was asked for without any scope.
func wantToken(t *testing.T, s *stack, e employee, access string) {
	t.Helper()
	c := claims(t, access)
	if c["sub"] != e.id || c["tenant"] != e.tenant || c["country"] != s.country || c["typ"] != "Bearer" {
		t.Errorf("sub, tenant, country, typ are %v %v %v %v", c["sub"], c["tenant"], c["country"], c["typ"])
	}
	roles, _ := c["realm_access"].(map[string]any)
	if list, _ := roles["roles"].([]any); !slices.Contains(list, any("employee")) {
		t.Errorf("roles are %v", roles)
	}
	for name := range maps.Keys(c) {
		if !slices.Contains(standard, name) {
			t.Errorf("the token also says %s: %v", name, c[name])
		}
	}
}
