//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// stack is the running stack, as its environment names it.
type stack struct {
	t               *testing.T
	opora, keycloak string
	realm, country  string
	header          http.Header // of every request, beside the usual
}

// newStack reads the environment. Without a stack a test fails: one that
// passes without it proves nothing.
func newStack(t *testing.T) *stack {
	t.Helper()
	return &stack{t: t, opora: need(t, "OPORA_URL"), keycloak: need(t, "KEYCLOAK_URL"), realm: need(t, "OPORA_REALM"), country: need(t, "OPORA_COUNTRY")}
}

func need(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set: run `make test`, or `opora dev --exec 'go test -tags e2e ./e2e/...'`", name)
	}
	return v
}

// endpoint is one of the realm's OpenID Connect addresses.
func (s *stack) endpoint(name string) string {
	return s.keycloak + "/realms/" + s.realm + "/protocol/openid-connect/" + name
}

// sources keep the tokens of the ready-made clients until they end.
var sources sync.Map

// token returns an access token of a ready-made client: BOOKING, PLATFORM,
// HR_CDEK, HR_CDEK2 or HR_AVITO.
func (s *stack) token(client string) string {
	s.t.Helper()
	id, secret := need(s.t, client+"_CLIENT_ID"), need(s.t, client+"_CLIENT_SECRET")
	config := clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: s.endpoint("token")}
	source, _ := sources.LoadOrStore(client, config.TokenSource(context.Background()))
	token, err := source.(oauth2.TokenSource).Token()
	if err != nil {
		s.t.Fatalf("%s gets no token: %v", client, err)
	}
	return token.AccessToken
}

// reply is an answer of the API.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// code is a problem's code, "" of another answer.
func (r reply) code() string {
	var p struct{ Code string }
	_ = json.Unmarshal(r.body, &p)
	return p.Code
}

func (r reply) String() string { return fmt.Sprintf("%d %s", r.status, r.body) }

// call asks the API as the bearer of a token; a body that is not a *http.Request
// body goes as JSON.
func (s *stack) call(token, method, path string, body any) reply {
	s.t.Helper()
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		content = bytes.NewReader(b)
	}
	return s.send(token, method, path, "application/json", content)
}

func (s *stack) send(token, method, path, contentType string, body io.Reader) reply {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, s.opora+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType)
	}
	maps.Copy(req.Header, s.header)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{answer.StatusCode, answer.Header, b}
}

// with returns the stack, asked with a header more.
func (s *stack) with(header http.Header) *stack {
	other := *s
	other.header = header
	return &other
}

// upload hands a roster in.
func (s *stack) upload(token, tenant string, file []byte, fields map[string]string) reply {
	s.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("file", "roster")
	if err != nil {
		s.t.Fatal(err)
	}
	_, _ = part.Write(file)
	for name, value := range fields {
		_ = form.WriteField(name, value)
	}
	_ = form.Close()
	return s.send(token, http.MethodPost, "/v1/tenants/"+tenant+"/imports", form.FormDataContentType(), &b)
}

// claims reads a token's claims without verifying it: the API does that.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatal("not a JWT")
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c
}
