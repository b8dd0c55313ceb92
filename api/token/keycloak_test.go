package token

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// keycloak is a real Keycloak with a realm of the test's own.
type keycloak struct {
	t           *testing.T
	base, realm string
	admin       string // access token of the administrator
}

func newKeycloak(t *testing.T) *keycloak {
	t.Helper()
	need := func(name string) string {
		v := os.Getenv(name)
		if v == "" {
			t.Fatalf("%s is not set: run `make test`, or `opora dev --exec 'go test ./...'`", name)
		}
		return v
	}
	k := &keycloak{t: t, base: need("KEYCLOAK_URL"), realm: "token-" + strings.ToLower(rand.Text()[:10])}
	signIn := func() {
		k.admin = k.token("master", need("KEYCLOAK_ADMIN_CLIENT_ID"), need("KEYCLOAK_ADMIN_CLIENT_SECRET"))["access_token"]
	}
	signIn()
	k.call("POST", "", map[string]any{"realm": k.realm, "enabled": true, "accessTokenLifespan": 120}, nil)
	signIn() // a token taken before a realm was made does not reach it
	t.Cleanup(func() {
		signIn()
		k.call("DELETE", "/"+k.realm, nil, nil)
	})
	return k
}

// token takes tokens of a client for itself.
func (k *keycloak) token(realm, client, secret string) map[string]string {
	k.t.Helper()
	answer, err := http.PostForm(k.base+"/realms/"+realm+"/protocol/openid-connect/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}, "scope": {"openid"},
	})
	if err != nil {
		k.t.Fatal(err)
	}
	defer answer.Body.Close()
	var all map[string]any
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil || answer.StatusCode != 200 {
		k.t.Fatalf("%d %v %v", answer.StatusCode, all["error"], err)
	}
	texts := map[string]string{}
	for name, value := range all {
		texts[name], _ = value.(string)
	}
	return texts
}

// call asks the admin API below /admin/realms.
func (k *keycloak) call(method, path string, body, into any) {
	k.t.Helper()
	b, _ := json.Marshal(body)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, k.base+"/admin/realms"+path, bytes.NewReader(b))
	if err != nil {
		k.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+k.admin)
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		k.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	if answer.StatusCode >= 300 {
		k.t.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, text)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil {
			k.t.Fatal(err)
		}
	}
}

// service makes a client for the tests, for the audience and the country.
func (k *keycloak) service(name, audience, country string) {
	mapper := func(name, kind string, config map[string]string) map[string]any {
		config["access.token.claim"] = "true"
		return map[string]any{"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}
	}
	k.call("POST", "/"+k.realm+"/clients", map[string]any{
		"clientId": name, "secret": "s", "serviceAccountsEnabled": true, "standardFlowEnabled": false, "protocolMappers": []any{
			mapper("audience", "oidc-audience-mapper", map[string]string{"included.custom.audience": audience}),
			mapper("country", "oidc-hardcoded-claim-mapper", map[string]string{"claim.name": "country", "claim.value": country, "jsonType.label": "String"}),
		},
	}, nil)
}

// addKey gives the realm a signing key that comes before those it has, and
// returns its id.
func (k *keycloak) addKey(priority string) string {
	var realm struct{ ID string }
	k.call("GET", "/"+k.realm, nil, &realm)
	k.call("POST", "/"+k.realm+"/components", map[string]any{
		"name": "key-" + priority, "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider", "parentId": realm.ID,
		"config": map[string][]string{"priority": {priority}, "algorithm": {"RS256"}, "active": {"true"}, "enabled": {"true"}},
	}, nil)
	var made []struct{ ID string }
	k.call("GET", "/"+k.realm+"/components?name=key-"+priority, nil, &made)
	return made[0].ID
}

func TestRealKeycloak(t *testing.T) {
	k := newKeycloak(t)
	k.service("booking", "opora-api", "RU")
	k.service("elsewhere", "another-api", "RU")
	k.service("abroad", "opora-api", "KZ")
	old := k.addKey("200")

	issuer := k.base + "/realms/" + k.realm
	keys := NewKeySet(issuer + "/protocol/openid-connect/certs")
	v := NewVerifier(Config{Issuer: issuer, Audience: "opora-api", Country: "RU"}, keys)
	verify := func(raw string) (tenancy.Actor, error) { return v.Verify(t.Context(), raw) }

	first := k.token(k.realm, "booking", "s")
	if actor, err := verify(first["access_token"]); err != nil || actor.ID == "" || len(actor.Roles) != 0 {
		t.Fatalf("%v %v", actor, err)
	}
	for name, tt := range map[string]struct{ raw, code string }{
		"an ID token":         {first["id_token"], "token_type"},
		"of another audience": {k.token(k.realm, "elsewhere", "s")["access_token"], "token_audience"},
		"of another country":  {k.token(k.realm, "abroad", "s")["access_token"], "token_country"},
		"of another realm":    {k.admin, "token_key_unknown"},
	} {
		if _, err := verify(tt.raw); codeOf(err) != tt.code {
			t.Errorf("%s: %v, want %q", name, err, tt.code)
		}
	}

	// Keycloak signs with a new key: its first token is good at once.
	k.addKey("300")
	keys.now = func() time.Time { return time.Now().Add(Cooldown) } // the flood of unknown keys above is over
	second := k.token(k.realm, "booking", "s")["access_token"]
	if _, err := verify(second); err != nil {
		t.Fatalf("signed with a new key: %v", err)
	}
	if _, err := verify(first["access_token"]); err != nil {
		t.Errorf("signed with the key before, which is still there: %v", err)
	}
	// The old key is taken away: what it signed is refused after a refresh.
	k.call("DELETE", "/"+k.realm+"/components/"+old, nil, nil)
	if err := keys.fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := verify(first["access_token"]); codeOf(err) != "token_key_unknown" {
		t.Errorf("signed with a key that is gone: %v", err)
	}
	if _, err := verify(second); err != nil {
		t.Errorf("signed with the key that is there: %v", err)
	}
}
