package keycloak

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/targettest"
	"github.com/ponimayu/opora/realms"
)

// TestOwnSignIn gives a provider the addresses of its contour. That is no
// drift, and who has an address of the tenant is then sent there, a rostered
// employee without a password too; nobody else is.
func TestOwnSignIn(t *testing.T) {
	w := newWorld(t)
	w.mustApply()
	address := w.admin.realmPath(w.realm, "identity-provider", "instances", "avito")
	var provider document
	if err := w.admin.get(t.Context(), address, &provider); err != nil {
		t.Fatal(err)
	}
	provider["enabled"] = true
	for key, value := range map[string]string{
		"authorizationUrl": "https://login.avito.example/authorize", "tokenUrl": "https://login.avito.example/token",
		"clientId": "opora", "clientSecret": "kept by Keycloak", "clientAuthMethod": "client_secret_post",
	} {
		provider.part("config")[key] = value
	}
	if _, err := w.admin.send(t.Context(), http.MethodPut, address, provider, nil); err != nil {
		t.Fatal(err)
	}
	w.wantNothing(w.plan())

	rostered, other := targettest.Person("avito", 1), targettest.Person("cdek", 2)
	if _, err := w.worker().People(w.realm).CreateAccounts(t.Context(), []provisioner.Account{rostered, other}); err != nil {
		t.Fatal(err)
	}
	for name, sent := range map[string]bool{"stranger@avito.example": true, rostered.Email: true, other.Email: false, other.Login: false} {
		b := newBrowser(t, w.admin.config.URL, w.realm)
		p := b.submit(b.open(signInClient, signInRedirect, "openid"), map[string]string{"username": name})
		if got := p.back != nil && p.back.Host == "login.avito.example"; got != sent {
			t.Errorf("%s: sent to the company's sign-in: %v, want %v; %s", name, got, sent, p.text)
		}
	}

	// An update of ours leaves the contour's data in the provider.
	w.want = withProviderName(t, w.want, "Авито ID")
	w.mustApply()
	var after document
	if err := w.admin.get(t.Context(), address, &after); err != nil {
		t.Fatal(err)
	}
	if after["enabled"] != true || after.part("config").text("authorizationUrl") == "" || after.text("displayName") != "Авито ID" {
		t.Errorf("after an update the provider is %v", after)
	}
}

func withProviderName(t *testing.T, s realms.State, name string) realms.State {
	t.Helper()
	o, ok := s.Find(realms.Ref{Kind: realms.KindIdentityProvider, Key: "avito"})
	if !ok {
		t.Fatal("the sample has no provider avito")
	}
	o.(*realms.IdentityProvider).DisplayName = name
	return s
}

// TestRemovingAnOrganizationKeepsPeople makes an employee an unmanaged and
// another a managed member by hand. The organization of the first may go and
// he lives; that of the second is not removed, since Keycloak would delete him.
func TestRemovingAnOrganizationKeepsPeople(t *testing.T) {
	w := newWorld(t)
	w.mustApply()
	a := targettest.Person("sber", 1)
	if _, err := w.worker().People(w.realm).CreateAccounts(t.Context(), []provisioner.Account{a}); err != nil {
		t.Fatal(err)
	}
	s := session{Realms: w.admin.Realms("RU"), realm: w.realm}
	sber, err := s.findOrganization(t.Context(), "sber")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.send(t.Context(), http.MethodPost, s.path("organizations", sber.text("id"), "members"), string(a.ID), nil); err != nil {
		t.Fatal(err)
	}
	op := func(alias string) provisioner.Op {
		from := &realms.Organization{Alias: alias}
		return provisioner.Op{Verb: provisioner.Remove, Ref: from.Ref(), From: from}
	}
	if err := w.target.Execute(t.Context(), w.realm, op("sber")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.admin.People(w.realm).user(t.Context(), a.ID); err != nil {
		t.Errorf("the employee is gone with the organization: %v", err)
	}

	// Keycloak itself makes managed members of those it invites or brokers;
	// the request that asks for them is answered as Keycloak answers.
	lists := 0
	config := adminConfig(t)
	config.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		response, err := http.DefaultTransport.RoundTrip(r)
		if err == nil && strings.Contains(r.URL.RawQuery, "membershipType=MANAGED") {
			lists++
			response.Body.Close()
			response.Body = http.NoBody
			return respond(r, http.StatusOK, `[{"id":"1","membershipType":"MANAGED"}]`), nil
		}
		return response, err
	})
	err = New(config).Realms("RU").Execute(t.Context(), w.realm, op("cdek"))
	if tenancy.KindOf(err) != tenancy.Conflict || lists != 1 {
		t.Errorf("error %v after %d questions, want a refusal after one", err, lists)
	}
	if left, err := s.findOrganization(t.Context(), "cdek"); err != nil || left == nil {
		t.Errorf("the organization with managed members is gone: %v", err)
	}
}
