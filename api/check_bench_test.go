package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-jose/go-jose/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ponimayu/opora/api"
	"github.com/ponimayu/opora/api/token"
	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// known is a reader that has the employee in memory.
type known struct{ snapshot entitlement.Snapshot }

func (k known) Held(tenancy.EmployeeID) (entitlement.Snapshot, bool) { return k.snapshot, true }

func (k known) Snapshot(context.Context, tenancy.EmployeeID) (entitlement.Snapshot, error) {
	return k.snapshot, nil
}

// BenchmarkCheck is the handler's own work: the network and the database are
// left out, the verification of a real token is not. Beside it stands the
// least there can be, a chi handler that answers with the same bytes.
func BenchmarkCheck(b *testing.B) {
	raw, verifier := aToken(b)
	w := newWorld(b)
	server := api.New(api.Options{
		Tokens: verifier, Snapshots: known{entitlement.NewSnapshot(w.terms, anEmployee(), "12.3")}, Rosters: w, Employees: w,
		Metrics: prometheus.NewRegistry(), Ready: func(context.Context) error { return nil }, Log: slog.New(slog.DiscardHandler),
	})
	answer := httptest.NewRecorder()
	ask := func() *http.Request {
		r, _ := http.NewRequest("POST", "/v1/entitlements/check", bytes.NewReader([]byte(checkBody)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+raw)
		return r
	}
	server.ServeHTTP(answer, ask())
	if answer.Code != 200 {
		b.Fatal(answer.Body)
	}
	bare := chi.NewRouter()
	bare.Post("/v1/entitlements/check", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer.Body.Bytes())
	})
	for name, handler := range map[string]http.Handler{"opora": server, "bare": bare} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				handler.ServeHTTP(discard{http.Header{}}, ask())
			}
		})
	}
}

// discard is a response nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return io.Discard.Write(p) }
func (d discard) WriteHeader(int)             {}

// aToken returns an access token of the booking core and its verifier.
func aToken(b *testing.B) (string, *token.Verifier) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "RS256", Use: "sig"}}})
	}))
	b.Cleanup(issuer.Close)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "k"))
	if err != nil {
		b.Fatal(err)
	}
	claims, _ := json.Marshal(map[string]any{
		"iss": issuer.URL, "sub": nobody, "typ": "Bearer", "aud": "opora-api", "country": "RU",
		"exp": time.Now().Add(time.Hour).Unix(), "resource_access": map[string]any{"opora-api": map[string]any{"roles": []string{"booking-core"}}},
	})
	jws, err := signer.Sign(claims)
	if err != nil {
		b.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		b.Fatal(err)
	}
	return raw, token.NewVerifier(token.Config{Issuer: issuer.URL, Audience: "opora-api", Country: "RU"}, token.NewKeySet(issuer.URL))
}
