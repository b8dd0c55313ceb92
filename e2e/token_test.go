//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2/clientcredentials"
)

const anybody = "00000000-0000-4000-8000-000000000000"

// masterClient is the administrator of this development stack.
func masterClient(t *testing.T, s *stack) *clientcredentials.Config {
	t.Helper()
	return &clientcredentials.Config{
		ClientID: need(t, "KEYCLOAK_ADMIN_CLIENT_ID"), ClientSecret: need(t, "KEYCLOAK_ADMIN_CLIENT_SECRET"),
		TokenURL: s.keycloak + "/realms/master/protocol/openid-connect/token",
	}
}

// TestTokensThatAreNotGood sends what is no access token of this realm for
// this service and has not expired.
func TestTokensThatAreNotGood(t *testing.T) {
	s := newStack(t)
	good := s.token("BOOKING")
	if r := s.check(good, anybody, time.Now(), nil); r.status != 200 {
		t.Fatalf("the token that the others are made of: %s", r)
	}
	parts := strings.Split(good, ".")
	changed := claims(t, good)
	changed["sub"] = anybody
	b, _ := json.Marshal(changed)
	payload := base64.RawURLEncoding.EncodeToString(b)
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	other, err := masterClient(t, s).Token(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"another subject":         parts[0] + "." + payload + "." + parts[2],
		"cut":                     good[:len(good)-10],
		"without a signature":     parts[0] + "." + parts[1] + ".",
		"signed by nobody":        none + "." + parts[1] + ".",
		"of another realm":        other.AccessToken,
		"no token":                "nonsense",
		"longer than any of ours": good + strings.Repeat("A", 9<<10),
	} {
		r := s.check(token, anybody, time.Now(), nil)
		if r.status != 401 || !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer ") || r.code() == "" {
			t.Errorf("%s: %s", name, r)
		}
	}
}

// TestExpiredToken waits until a token has run out. It was used before, so its
// verdict is known: that must not outlive it.
func TestExpiredToken(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	config := clientcredentials.Config{ClientID: need(t, "BOOKING_CLIENT_ID"), ClientSecret: need(t, "BOOKING_CLIENT_SECRET"), TokenURL: s.endpoint("token")}
	token, err := config.Token(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	expires, _ := claims(t, token.AccessToken)["exp"].(float64)
	left := time.Until(time.Unix(int64(expires), 0))
	if left > 2*time.Minute+time.Second || left < 0 {
		t.Fatalf("an access token lives %v, not two minutes", left)
	}
	for ; time.Until(time.Unix(int64(expires), 0)) > time.Second; time.Sleep(500 * time.Millisecond) {
		if r := s.check(token.AccessToken, anybody, time.Now(), nil); r.status != 200 {
			t.Fatalf("still good, yet %s", r)
		}
	}
	time.Sleep(time.Until(time.Unix(int64(expires), 0)) + 10*time.Millisecond)
	if r := s.check(token.AccessToken, anybody, time.Now(), nil); r.status != 401 || r.code() != "token_expired" {
		t.Errorf("expired: %s", r)
	}
}
