package keycloak

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// The client that the tests sign in with.
const (
	signInClient   = "sign-in-test"
	signInRedirect = "https://app.example/callback"
)

// browser signs people in through the pages that Keycloak shows them.
type browser struct {
	t      *testing.T
	base   string // of the realm
	client *http.Client
}

func newBrowser(t *testing.T, keycloakURL, realm string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, base: keycloakURL + "/realms/" + realm, client: &http.Client{
		Jar: jar,
		CheckRedirect: func(next *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(next.URL.String(), signInRedirect) {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}}
}

// page is what Keycloak shows: a form, or at the end the way back with a code.
type page struct {
	action string
	text   string
	back   *url.URL
}

var (
	formAction = regexp.MustCompile(`(?s)<form[^>]*\saction="([^"]+)"`)
	anyTag     = regexp.MustCompile(`(?s)<(script|style).*?</(script|style)>|<[^>]*>`)
)

func (b *browser) read(response *http.Response, err error) page {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	if location := response.Header.Get("Location"); location != "" {
		back, err := url.Parse(location)
		if err != nil {
			b.t.Fatal(err)
		}
		return page{back: back}
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	p := page{text: strings.Join(strings.Fields(anyTag.ReplaceAllString(string(body), " ")), " ")}
	if m := formAction.FindSubmatch(body); m != nil {
		p.action = html.UnescapeString(string(m[1]))
	}
	return p
}

func (b *browser) open(client, redirect, scope string, extra url.Values) page {
	b.t.Helper()
	query := url.Values{"client_id": {client}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {scope}}
	for k, v := range extra {
		query[k] = v
	}
	return b.read(b.client.Get(b.base + "/protocol/openid-connect/auth?" + query.Encode()))
}

func (b *browser) submit(p page, fields map[string]string) page {
	b.t.Helper()
	if p.action == "" {
		b.t.Fatalf("there is no form on the page: %s", p.text)
	}
	form := url.Values{}
	for k, v := range fields {
		form.Set(k, v)
	}
	return b.read(b.client.PostForm(p.action, form))
}

// tokens changes the code of the way back for tokens.
func (b *browser) tokens(p page, client, redirect string, extra url.Values) (map[string]any, error) {
	b.t.Helper()
	if p.back == nil {
		return nil, fmt.Errorf("not signed in; the page says: %s", p.text)
	}
	code := p.back.Query().Get("code")
	if code == "" {
		return nil, errors.New("no code in the way back: " + p.back.Query().Get("error_description"))
	}
	form := url.Values{"grant_type": {"authorization_code"}, "client_id": {client}, "redirect_uri": {redirect}, "code": {code}}
	for k, v := range extra {
		form[k] = v
	}
	return b.token(form)
}

// token asks the token endpoint.
func (b *browser) token(form url.Values) (map[string]any, error) {
	b.t.Helper()
	response, err := b.client.PostForm(b.base+"/protocol/openid-connect/token", form)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	var document map[string]any
	if err := json.NewDecoder(response.Body).Decode(&document); err != nil {
		b.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%d %v: %v", response.StatusCode, document["error"], document["error_description"])
	}
	return document, nil
}
