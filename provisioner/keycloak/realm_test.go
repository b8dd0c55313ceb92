package keycloak

import (
	"context"
	"crypto/rand"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// adminConfig is the test Keycloak's administrator.
func adminConfig(t *testing.T) Config {
	t.Helper()
	read := func(name string) string {
		v := os.Getenv(name)
		if v == "" {
			t.Fatalf("%s is not set: run `make test`, or `opora dev --exec 'go test ./...'`", name)
		}
		return v
	}
	return Config{
		URL: read("KEYCLOAK_URL"), TokenRealm: "master",
		ClientID: read("KEYCLOAK_ADMIN_CLIENT_ID"), ClientSecret: read("KEYCLOAK_ADMIN_CLIENT_SECRET"),
	}
}

// realmName returns a realm name of the test's own and removes the realm when
// the test ends.
func realmName(t *testing.T, admin *Client) string {
	t.Helper()
	name := "test-" + strings.ToLower(rand.Text()[:10])
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_, err := admin.send(ctx, http.MethodDelete, admin.realmPath(name), nil, nil)
		if err != nil && statusOf(err) != http.StatusNotFound {
			t.Errorf("the test's realm stays behind: %v", err)
		}
	})
	return name
}

// bareRealm makes a realm with the groups of two tenants and a client to sign
// in with, and nothing else of ours.
func bareRealm(t *testing.T, admin *Client) string {
	t.Helper()
	name := realmName(t, admin)
	post := func(path string, body, out any) string {
		t.Helper()
		id, err := admin.send(t.Context(), http.MethodPost, path, body, out)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	post(admin.path("admin", "realms"), map[string]any{"realm": name, "enabled": true, "editUsernameAllowed": true}, nil)
	admin.tokens.forget()
	post(admin.realmPath(name, "clients"), map[string]any{
		"clientId": signInClient, "publicClient": true, "redirectUris": []string{signInRedirect},
		"optionalClientScopes": []string{"offline_access"}, "fullScopeAllowed": true,
	}, nil)
	profile := map[string]any{"attributes": []map[string]any{
		{"name": "username", "permissions": map[string]any{"view": []string{"admin", "user"}, "edit": []string{"admin"}}},
		{"name": "email", "permissions": map[string]any{"view": []string{"admin", "user"}, "edit": []string{"admin"}}},
		{"name": "firstName", "permissions": map[string]any{"view": []string{"admin", "user"}, "edit": []string{"admin"}}},
		{"name": "lastName", "permissions": map[string]any{"view": []string{"admin", "user"}, "edit": []string{"admin"}}},
	}}
	if _, err := admin.send(t.Context(), http.MethodPut, admin.realmPath(name, "users", "profile"), profile, nil); err != nil {
		t.Fatal(err)
	}
	type group struct {
		ID string `json:"id"`
	}
	var offline map[string]any // Keycloak's own role; without it no offline token is given
	if err := admin.get(t.Context(), admin.realmPath(name, "roles", "offline_access"), &offline); err != nil {
		t.Fatal(err)
	}
	tenants := post(admin.realmPath(name, "groups"), map[string]any{"name": "tenants"}, nil)
	for _, slug := range []string{"cdek", "avito"} {
		var tenant group
		post(admin.realmPath(name, "groups", tenants, "children"), map[string]any{"name": slug}, &tenant)
		var employees group
		post(admin.realmPath(name, "groups", tenant.ID, "children"), map[string]any{"name": "employees"}, &employees)
		post(admin.realmPath(name, "groups", employees.ID, "role-mappings", "realm"), []any{offline}, nil)
	}
	return name
}
