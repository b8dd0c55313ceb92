package token

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/ponimayu/opora/internal/tenancy"
)

// issuer is a stand-in for a realm: it has keys and publishes them.
type issuer struct {
	t     *testing.T
	url   string
	asked atomic.Int64
	mu    sync.Mutex
	keys  []jose.JSONWebKey // public
	down  bool
	slow  time.Duration
}

func newIssuer(t *testing.T) *issuer {
	i := &issuer{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		i.mu.Lock()
		down, keys, slow := i.down, i.keys, i.slow
		i.mu.Unlock()
		time.Sleep(slow)
		if down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: keys})
	}))
	t.Cleanup(server.Close)
	i.url = server.URL
	return i
}

func (i *issuer) publish(keys ...jose.JSONWebKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = nil
	for _, key := range keys {
		i.keys = append(i.keys, key.Public())
	}
}

func (i *issuer) setDown(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

var testRSA = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func rsaKey(id string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: testRSA(), KeyID: id, Algorithm: "RS256", Use: "sig"}
}

func ecKey(id string) jose.JSONWebKey {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return jose.JSONWebKey{Key: key, KeyID: id, Algorithm: "ES256", Use: "sig"}
}

// clock is a time that tests move.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}
func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

const (
	testIssuer = "https://keycloak.example/realms/ponimayu"
	employeeID = "0193b6f2-7d5a-7c11-9a55-3d1f5b0e7a01"
)

// goodClaims is what Keycloak writes for an HR admin, at the clock's time.
func goodClaims(c *clock) map[string]any {
	return map[string]any{
		"iss": testIssuer, "sub": employeeID, "typ": "Bearer", "aud": []string{"opora-api", "account"},
		"exp": c.now().Add(2 * time.Minute).Unix(), "iat": c.now().Unix(), "country": "RU", "hr_of": []string{"cdek"},
		"realm_access":    map[string]any{"roles": []string{"hr-admin", "offline_access", "booking-core"}},
		"resource_access": map[string]any{"opora-api": map[string]any{"roles": []string{"booking-core"}}, "account": map[string]any{"roles": []string{"payments"}}},
	}
}

func with(claims map[string]any, pairs ...any) map[string]any {
	c := maps.Clone(claims)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == nil {
			delete(c, pairs[i].(string))
			continue
		}
		c[pairs[i].(string)] = pairs[i+1]
	}
	return c
}

// sign returns a token of the claims; header adds to the protected header.
func sign(t *testing.T, key any, alg jose.SignatureAlgorithm, keyID string, claims any, header map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	if keyID != "" {
		options = options.WithHeader("kid", keyID)
	}
	for name, value := range header {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func newTestVerifier(i *issuer, c *clock) *Verifier {
	keys := NewKeySet(i.url)
	keys.now = c.now
	v := NewVerifier(Config{Issuer: testIssuer, Audience: "opora-api", Country: "RU"}, keys)
	v.now = c.now
	return v
}

func codeOf(err error) string {
	var e *tenancy.Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return "no code"
	}
	return ""
}

func TestVerifyGood(t *testing.T) {
	i, c := newIssuer(t), newClock()
	_, edwards, _ := ed25519.GenerateKey(rand.Reader)
	elliptic, ed := ecKey("ec"), jose.JSONWebKey{Key: edwards, KeyID: "ed", Algorithm: "EdDSA", Use: "sig"}
	pss := jose.JSONWebKey{Key: testRSA(), KeyID: "pss", Algorithm: "PS256", Use: "sig"}
	i.publish(rsaKey("rsa"), elliptic, ed, pss)
	v := newTestVerifier(i, c)
	want := tenancy.Actor{ID: employeeID, Roles: []tenancy.Role{tenancy.RoleHRAdmin, tenancy.RoleBookingCore}, Tenants: []tenancy.TenantSlug{"cdek"}}
	for _, key := range []jose.JSONWebKey{rsaKey("rsa"), elliptic, ed, pss} {
		raw := sign(t, key.Key, jose.SignatureAlgorithm(key.Algorithm), key.KeyID, goodClaims(c), nil)
		for range 2 { // the second time from the kept verdict
			got, err := v.Verify(context.Background(), raw)
			if err != nil {
				t.Fatalf("%s: %v", key.Algorithm, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", key.Algorithm, diff)
			}
		}
	}
	if n := i.asked.Load(); n != 1 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

// TestARoleOfAScope: the role to ask who pays counts in a token of its scope only.
func TestARoleOfAScope(t *testing.T) {
	i, c := newIssuer(t), newClock()
	i.publish(rsaKey("rsa"))
	v := newTestVerifier(i, c)
	roles := map[string]any{"opora-api": map[string]any{"roles": []string{"payments", "booking-core"}}}
	both := []tenancy.Role{tenancy.RoleBookingCore, tenancy.RolePayments}
	for scope, want := range map[string][]tenancy.Role{
		"opora payments": both, "payments": both, "payments opora": both,
		"opora": both[:1], "": both[:1], "opora payments-test": both[:1], "opora:payments": both[:1], "PAYMENTS": both[:1],
	} {
		raw := sign(t, testRSA(), jose.RS256, "rsa", with(goodClaims(c), "scope", scope, "realm_access", nil, "resource_access", roles), nil)
		got, err := v.Verify(context.Background(), raw)
		slices.Sort(got.Roles)
		if err != nil || !slices.Equal(got.Roles, want) {
			t.Errorf("scope %q: %v %v, want %v", scope, got.Roles, err, want)
		}
	}
	raw := sign(t, testRSA(), jose.RS256, "rsa", with(goodClaims(c), "scope", nil, "resource_access", roles), nil)
	if got, err := v.Verify(context.Background(), raw); err != nil || slices.Contains(got.Roles, tenancy.RolePayments) {
		t.Errorf("no scope at all: %v %v", got.Roles, err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	i, c := newIssuer(t), newClock()
	known := rsaKey("known")
	unlabelled := jose.JSONWebKey{Key: testRSA(), KeyID: "unlabelled"}
	i.publish(known, unlabelled)
	good := goodClaims(c)
	signed := func(claims any) string { return sign(t, known.Key, jose.RS256, "known", claims, nil) }
	public, _ := x509.MarshalPKIXPublicKey(testRSA().Public())
	stranger := ecKey("stranger")
	strangerPublic := stranger.Public()
	part := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	unsigned := func(alg string) string {
		return part(map[string]any{"alg": alg, "typ": "JWT", "kid": "known"}) + "." + part(good) + "."
	}
	whole := signed(good)
	pieces := strings.Split(whole, ".")
	for _, tt := range []struct{ name, raw, code string }{
		{"alg none", unsigned("none"), "token_malformed"},
		{"alg None in mixed case", unsigned("nOnE"), "token_malformed"},
		{"HS256 with the public key", sign(t, public, jose.HS256, "known", good, nil), "token_malformed"},
		{"HS256 with the modulus", sign(t, testRSA().N.Bytes(), jose.HS256, "unlabelled", good, nil), "token_malformed"},
		{"RS512", sign(t, known.Key, jose.RS512, "known", good, nil), "token_malformed"},
		{"PS256 by a key for RS256", sign(t, known.Key, jose.PS256, "known", good, nil), "token_malformed"},
		{"expired", signed(with(good, "exp", c.now().Add(-time.Second).Unix())), "token_expired"},
		{"expires now", signed(with(good, "exp", c.now().Unix())), "token_expired"},
		{"never expires", signed(with(good, "exp", nil)), "token_expired"},
		{"exp as text", signed(with(good, "exp", "2099-01-01")), "token_malformed"},
		{"nbf in the future", signed(with(good, "nbf", c.now().Add(time.Minute).Unix())), "token_early"},
		{"iat in the future", signed(with(good, "iat", c.now().Add(time.Minute).Unix())), "token_early"},
		{"wrong issuer", signed(with(good, "iss", "https://evil.example/realms/ponimayu")), "token_issuer"},
		{"other realm of the same Keycloak", signed(with(good, "iss", "https://keycloak.example/realms/empatia")), "token_issuer"},
		{"issuer with a slash more", signed(with(good, "iss", testIssuer+"/")), "token_issuer"},
		{"wrong audience", signed(with(good, "aud", "account")), "token_audience"},
		{"audience that begins like ours", signed(with(good, "aud", []string{"opora-api-2"})), "token_audience"},
		{"no audience", signed(with(good, "aud", nil)), "token_audience"},
		{"ID token", signed(with(good, "typ", "ID")), "token_type"},
		{"refresh token", signed(with(good, "typ", "Refresh")), "token_type"},
		{"no type", signed(with(good, "typ", nil)), "token_type"},
		{"other country", signed(with(good, "country", "KZ")), "token_country"},
		{"no country", signed(with(good, "country", nil)), "token_country"},
		{"no subject", signed(with(good, "sub", nil)), "token_malformed"},
		{"logout token by its header", sign(t, known.Key, jose.RS256, "known", good, map[string]any{"typ": "logout+jwt"}), "token_malformed"},
		{"no kid", sign(t, known.Key, jose.RS256, "", good, nil), "token_malformed"},
		{"unknown kid", sign(t, known.Key, jose.RS256, "../../etc/passwd", good, nil), "token_key_unknown"},
		{"very long kid", sign(t, known.Key, jose.RS256, strings.Repeat("k", 200), good, nil), "token_malformed"},
		{"stranger's key under a known kid", sign(t, stranger.Key, jose.ES256, "unlabelled", good, nil), "token_signature"},
		{"stranger's key in the header (jwk)", sign(t, stranger.Key, jose.ES256, "stranger", good, map[string]any{"jwk": &strangerPublic}), "token_key_unknown"},
		{"stranger's address in the header (jku)", sign(t, stranger.Key, jose.ES256, "stranger", good, map[string]any{"jku": "https://evil.example/keys"}), "token_key_unknown"},
		{"payload changed", pieces[0] + "." + part(with(good, "sub", "someone-else")) + "." + pieces[2], "token_signature"},
		{"signature cut", whole[:len(whole)-8], "token_signature"},
		{"signature absent", pieces[0] + "." + pieces[1] + ".", "token_signature"},
		{"two parts", pieces[0] + "." + pieces[1], "token_malformed"},
		{"empty", "", "token_malformed"},
		{"payload is no object", signed("hello"), "token_malformed"},
		{"a megabyte", whole + strings.Repeat("A", 1<<20), "token_too_large"},
		{"a megabyte of kid", sign(t, known.Key, jose.RS256, strings.Repeat("k", 1<<20), good, nil), "token_too_large"},
		{"crit that nobody knows", sign(t, known.Key, jose.RS256, "known", good, map[string]any{"crit": []string{"x"}, "x": 1}), "token_signature"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := newTestVerifier(i, c)
			for range 2 { // a refusal must not become a verdict
				actor, err := v.Verify(context.Background(), tt.raw)
				if codeOf(err) != tt.code || tenancy.KindOf(err) != tenancy.Unauthenticated {
					t.Errorf("got %v, want %s", err, tt.code)
				}
				if actor.ID != "" || actor.Roles != nil {
					t.Errorf("refused, yet an actor: %v", actor)
				}
			}
		})
	}
	if _, err := newTestVerifier(i, c).Verify(context.Background(), whole); err != nil {
		t.Errorf("the token that all the others were made from is refused itself: %v", err)
	}
}

func TestVerdictEndsWithItsToken(t *testing.T) {
	i, c := newIssuer(t), newClock()
	i.publish(rsaKey("known"))
	v := newTestVerifier(i, c)
	raw := sign(t, testRSA(), jose.RS256, "known", goodClaims(c), nil)
	if _, err := v.Verify(context.Background(), raw); err != nil {
		t.Fatal(err)
	}
	c.advance(2 * time.Minute)
	if _, err := v.Verify(context.Background(), raw); codeOf(err) != "token_expired" {
		t.Errorf("two minutes later: %v", err)
	}
}

func TestVerdictEndsWithItsKey(t *testing.T) {
	i, c := newIssuer(t), newClock()
	next := ecKey("next")
	i.publish(rsaKey("known"))
	v := newTestVerifier(i, c)
	raw := sign(t, testRSA(), jose.RS256, "known", goodClaims(c), nil)
	if _, err := v.Verify(context.Background(), raw); err != nil {
		t.Fatal(err)
	}
	if err := v.keys.fetch(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(context.Background(), raw); err != nil || v.verdicts.young == nil {
		t.Fatalf("after a refresh without a change: %v", err)
	}
	i.publish(next)
	if err := v.keys.fetch(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(context.Background(), raw); codeOf(err) != "token_key_unknown" {
		t.Errorf("after its key went: %v", err)
	}
	i.publish(jose.JSONWebKey{Key: next.Key.(crypto.Signer), KeyID: "known", Algorithm: "ES256"})
	if err := v.keys.fetch(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(context.Background(), raw); err == nil {
		t.Error("another key under the same id took over the verdict")
	}
}
