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
func adminConfig(t testing.TB) Config {
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
func realmName(t testing.TB, admin *Client) string {
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
