package realms

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/ponimayu/opora/internal/tenancy"
)

func sample(code tenancy.CountryCode) tenancy.Catalogue {
	return tenancy.Catalogue{
		Countries:       []tenancy.Country{{Code: code, Realm: "realm", Languages: []tenancy.Language{"ru", "en"}}},
		SpecialistTypes: []tenancy.SpecialistType{{Code: "psychologist", Name: tenancy.Text{Ru: "Психолог"}}},
		Tenants: []tenancy.Tenant{{
			Slug: "avito", Name: tenancy.Text{Ru: "Авито"}, Domains: []string{"avito.example"},
			SSO:       []tenancy.SSO{{Country: code, Protocol: tenancy.OIDC, Alias: "avito"}},
			Contracts: []tenancy.Contract{{ID: "c", Country: code}},
		}, {
			Slug: "romashka", Contracts: []tenancy.Contract{{ID: "d", Country: code}},
		}},
	}
}

func mustCompile(t *testing.T, code tenancy.CountryCode, overlays ...string) State {
	t.Helper()
	var texts [][]byte
	for _, o := range overlays {
		texts = append(texts, []byte(o))
	}
	s, err := Compile(sample(code), code, texts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// every returns the objects of a type.
func every[T Object](s State) (all []T) {
	for _, o := range s.Objects {
		if x, ok := o.(T); ok {
			all = append(all, x)
		}
	}
	return all
}

// TestEveryClientIsSafe checks what must hold of every client that the
// baseline ever gets, not of the present ones only.
func TestEveryClientIsSafe(t *testing.T) {
	s := mustCompile(t, "RU")
	clients := every[*Client](s)
	if len(clients) == 0 {
		t.Fatal("no clients")
	}
	for _, c := range clients {
		if c.Implicit || c.DirectGrants || c.DeviceGrant || c.FullScope {
			t.Errorf("%s: implicit, direct or device grants or the full scope: %+v", c.ID, c)
		}
		if c.StandardFlow && c.PKCE != "S256" {
			t.Errorf("%s signs people in without PKCE", c.ID)
		}
		if c.StandardFlow != (len(c.RedirectURIs) > 0) {
			t.Errorf("%s: standard flow %v with redirects %q", c.ID, c.StandardFlow, c.RedirectURIs)
		}
		if c.Public && c.ServiceAccount {
			t.Errorf("%s is public and has a service account", c.ID)
		}
		for _, uri := range slices.Concat(c.RedirectURIs, c.AfterLogout) {
			if strings.ContainsAny(uri, "*$") || !strings.Contains(uri, ":/") {
				t.Errorf("%s: the address %q is not exact", c.ID, uri)
			}
		}
	}
}

// TestRightsInKeycloak checks that only the workers' client has rights in
// Keycloak itself, and which.
func TestRightsInKeycloak(t *testing.T) {
	for _, a := range every[*Access](mustCompile(t, "RU")) {
		for _, role := range slices.Concat(a.TokenRoles, a.ServiceAccount) {
			if strings.HasPrefix(role, "realm-management/") && a.Client != "opora-people" {
				t.Errorf("%s holds %s", a.Client, role)
			}
			if strings.HasSuffix(role, "/realm-admin") || strings.HasSuffix(role, "/impersonation") {
				t.Errorf("%s holds %s", a.Client, role)
			}
		}
		if a.Client != "opora-people" && a.Client != "booking-core" && a.Client != "payments" && len(a.ServiceAccount) > 0 {
			t.Errorf("%s has a service account with %q", a.Client, a.ServiceAccount)
		}
	}
}

// TestReferencesHold checks that what an object refers to is made by the state
// itself, or by Keycloak in every realm.
func TestReferencesHold(t *testing.T) {
	s := mustCompile(t, "RU")
	builtIn := []string{"offline_access", "basic", "acr", "profile", "email"}
	has := func(kind Kind, key string) bool {
		_, ok := s.Find(Ref{kind, key})
		return ok || slices.Contains(builtIn, key) || strings.HasPrefix(key, "realm-management/") || strings.HasPrefix(key, "account/")
	}
	role := func(of Object, name string) {
		if kind := map[bool]Kind{true: KindClientRole, false: KindRole}[strings.Contains(name, "/")]; !has(kind, name) {
			t.Errorf("%s refers to the role %s", of.Ref(), name)
		}
	}
	for _, o := range s.Objects {
		switch o := o.(type) {
		case *Group:
			for _, r := range o.Roles {
				role(o, r)
			}
			if parent := o.Path[:strings.LastIndex(o.Path, "/")]; parent != "" && !has(KindGroup, parent) {
				t.Errorf("%s has no parent", o.Ref())
			}
		case *Access:
			for _, r := range slices.Concat(o.TokenRoles, o.ServiceAccount) {
				role(o, r)
			}
		case *Client:
			for _, scope := range slices.Concat(o.Scopes, o.OptionalScopes) {
				if !has(KindScope, scope) {
					t.Errorf("%s refers to the scope %s", o.Ref(), scope)
				}
			}
		case *SignIn:
			if !has(KindFlow, o.Browser) || !has(KindFlow, o.FirstBroker) {
				t.Errorf("%s refers to flows that are not there", o.Ref())
			}
		}
	}
}

// TestNoMembersByThemselves: the step that makes members of an organization
// would have them deleted with it.
func TestNoMembersByThemselves(t *testing.T) {
	for _, f := range every[*Flow](mustCompile(t, "RU")) {
		if text, _ := json.Marshal(f); strings.Contains(string(text), "idp-add-organization-member") || strings.Contains(string(text), "idp-create-user") {
			t.Errorf("%s makes accounts or members by itself", f.Alias)
		}
	}
}

// TestNewCountryNeedsNoCode compiles a country that nobody wrote an overlay for.
func TestNewCountryNeedsNoCode(t *testing.T) {
	uz := mustCompile(t, "UZ")
	client, _ := uz.Find(Ref{KindClient, "employee-web"})
	if got := client.(*Client).RedirectURIs; !slices.Equal(got, []string{"https://my.realm.example/callback"}) {
		t.Errorf("redirects %q", got)
	}
	scope, _ := uz.Find(Ref{KindScope, "opora"})
	if got := scope.(*Scope).Mappers["country"].Config["claim.value"]; got != "UZ" {
		t.Errorf("the country claim is %q", got)
	}
	if ru, uz := len(mustCompile(t, "RU").Objects), len(uz.Objects); ru != uz {
		t.Errorf("%d objects in one country, %d in the other", ru, uz)
	}
}

func TestOverlaysOfTheContour(t *testing.T) {
	s := mustCompile(t, "RU", `
addresses: {console: "http://127.0.0.1:8080/console"}
realm: {require_tls: none, tokens: {access: 90s}}
clients: {video: null}
`)
	console, _ := s.Find(Ref{KindClient, "console"})
	if got := console.(*Client).RedirectURIs; !slices.Equal(got, []string{"http://127.0.0.1:8080/console/callback"}) {
		t.Errorf("redirects %q", got)
	}
	realm := every[*Realm](s)[0]
	if realm.RequireTLS != "none" || realm.Tokens.Access.Seconds() != 90 || !realm.BruteForce.Protected {
		t.Errorf("realm %+v", realm)
	}
	if _, ok := s.Find(Ref{KindClient, "video"}); ok {
		t.Error("what the overlay takes out is still there")
	}
	for name, overlay := range map[string]string{
		"misspelt key":  "realm: {brute_farce: {protected: false}}",
		"not YAML":      "realm: [",
		"bad lifetime":  "realm: {tokens: {access: two minutes}}",
		"wrong address": "addresses: {console: [1]}",
	} {
		_, err := Compile(sample("RU"), "RU", []byte(overlay))
		var e *tenancy.Error
		if !errors.As(err, &e) || e.Code != "overlay_invalid" {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestCompileTenants(t *testing.T) {
	s := mustCompile(t, "RU")
	group, ok := s.Find(Ref{KindGroup, "/tenants/avito/employees"})
	if !ok || !slices.Equal(group.(*Group).Attributes["tenant"], []string{"avito"}) {
		t.Errorf("group %+v", group)
	}
	if _, ok := s.Find(Ref{KindOrganization, "avito"}); !ok {
		t.Error("a tenant with a domain has no organization")
	}
	if _, ok := s.Find(Ref{KindOrganization, "romashka"}); ok {
		t.Error("a tenant without domain or sign-in has an organization")
	}
	if _, err := Compile(sample("RU"), "KZ"); tenancy.KindOf(err) != tenancy.NotFound {
		t.Errorf("error %v", err)
	}
}

// TestStateAsJSON stores a state of every kind and reads it back.
func TestStateAsJSON(t *testing.T) {
	want := mustCompile(t, "RU")
	entries, err := Entries(sample("RU"))
	if err != nil {
		t.Fatal(err)
	}
	want = NewState(want.Realm, append(want.Objects, entries...)...)
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got State
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Objects) != len(want.Objects) {
		t.Fatalf("%d objects, want %d", len(got.Objects), len(want.Objects))
	}
	for i := range want.Objects {
		if changes := Compare(want.Objects[i], got.Objects[i]); len(changes) > 0 {
			t.Errorf("%s: %v", want.Objects[i].Ref(), changes)
		}
	}
}

func TestLifetime(t *testing.T) {
	for text, want := range map[string]string{"120s": "2m", "90s": "90s", "3600s": "1h", "0s": "0s", "720h": "720h"} {
		var l Lifetime
		if err := l.UnmarshalText([]byte(text)); err != nil || l.String() != want {
			t.Errorf("%s is %s, %v; want %s", text, l, err, want)
		}
	}
	for _, text := range []string{"", "2", "-1m", "1.5s", "two"} {
		var l Lifetime
		if l.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q passed", text)
		}
	}
}

// TestPasswordsAreForTenantsWithoutSignIn checks that nobody whose company
// signs him in can make a password on his account page.
func TestPasswordsAreForTenantsWithoutSignIn(t *testing.T) {
	s := mustCompile(t, "RU")
	for tenant, may := range map[string]bool{"romashka": true, "avito": false} {
		o, ok := s.Find(Ref{KindGroup, "/tenants/" + tenant + "/employees"})
		if !ok {
			t.Fatalf("%s has no group of employees", tenant)
		}
		if got := slices.Contains(o.(*Group).Roles, "account/manage-account"); got != may {
			t.Errorf("employees of %s may set a password: %v", tenant, got)
		}
	}
}
