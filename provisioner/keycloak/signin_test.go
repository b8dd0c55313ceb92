package keycloak

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
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

// browser signs people in through the pages that Keycloak shows them.
type browser struct {
	t        *testing.T
	base     string // of the realm
	client   *http.Client
	verifier string // of PKCE
}

func newBrowser(t *testing.T, keycloakURL, realm string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, base: keycloakURL + "/realms/" + realm, verifier: rand.Text() + rand.Text(), client: &http.Client{
		Jar: jar,
		CheckRedirect: func(next *http.Request, _ []*http.Request) error {
			if !strings.HasPrefix(next.URL.String(), keycloakURL) {
				return http.ErrUseLastResponse // the way back to the application
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
	if location := response.Header.Get("Location"); location != "" && response.StatusCode < 400 {
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

func (b *browser) open(client, redirect, scope string) page {
	b.t.Helper()
	challenge := sha256.Sum256([]byte(b.verifier))
	query := url.Values{
		"client_id": {client}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {scope},
		"code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
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

// signIn gives the name on one page, so that Keycloak may send its owner to
// his company's sign-in, and the password on the next.
func (b *browser) signIn(p page, name, password string) page {
	b.t.Helper()
	p = b.submit(p, map[string]string{"username": name})
	return b.submit(p, map[string]string{"username": name, "password": password})
}

// tokens changes the code of the way back for tokens.
func (b *browser) tokens(p page, client, redirect string) (map[string]any, error) {
	b.t.Helper()
	if p.back == nil {
		return nil, fmt.Errorf("not signed in; the page says: %s", p.text)
	}
	code := p.back.Query().Get("code")
	if code == "" {
		return nil, errors.New("no code in the way back: " + p.back.Query().Get("error_description"))
	}
	return b.token(url.Values{
		"grant_type": {"authorization_code"}, "client_id": {client}, "redirect_uri": {redirect}, "code": {code}, "code_verifier": {b.verifier},
	})
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

// claims reads what a token says; who signed it is not looked at here.
func claims(t *testing.T, token any) map[string]any {
	t.Helper()
	parts := strings.Split(token.(string), ".")
	if len(parts) != 3 {
		t.Fatalf("not a token: %v", token)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}
