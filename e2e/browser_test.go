//go:build e2e

package e2e

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"
)

// The client that employees sign in with, and where it takes them back to.
const (
	employeeClient = "employee-web"
	callback       = "https://my.ponimayu.example/callback"
)

// newBrowser starts Chromium with a profile of its own. It reaches nothing but
// this machine; the way back to the application is answered by the test.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
		chromedp.Flag("accept-lang", "ru"), chromedp.WSURLReadTimeout(time.Minute))
	if path := os.Getenv("CHROMIUM"); path != "" {
		options = append(options, chromedp.ExecPath(path))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(allocator)
	t.Cleanup(closeTab)
	enable := fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: callback + "*"}}}
	if _, err := chromedp.Call(ctx, fetch.Enable, enable); err != nil {
		t.Fatalf("Chromium does not start (is it installed? CHROMIUM may name it): %v", err)
	}
	paused := chromedp.Events(ctx, fetch.RequestPaused)
	go func() {
		for event, err := range paused {
			if err != nil {
				return
			}
			_, _ = chromedp.Call(ctx, fetch.FulfillRequest, fetch.FulfillRequestParams{RequestID: event.RequestID, ResponseCode: http.StatusOK, Body: []byte("signed in")})
		}
	}()
	return ctx
}

// login is one attempt to sign in, from the application's address to its end.
type login struct {
	t        *testing.T
	s        *stack
	browser  context.Context
	verifier string
}

// page is what the browser shows.
type page struct {
	URL         string `json:"url"`
	Username    bool   `json:"username"`
	Password    bool   `json:"password"`
	NewPassword bool   `json:"newPassword"`
	Text        string `json:"text"`
}

// back reports whether the browser has come back to the application.
func (p page) back() bool { return strings.HasPrefix(p.URL, callback) }

const look = `(() => {
	const shown = s => { const e = document.querySelector(s); return !!e && e.offsetParent !== null };
	return {url: location.href, username: shown('input#username'), password: shown('input#password'), newPassword: shown('input#password-new'), text: document.body ? document.body.innerText.slice(0, 400) : ''};
})()`

// open goes to the sign-in page by authorization code with PKCE.
func open(t *testing.T, s *stack, browser context.Context, scope string) *login {
	t.Helper()
	l := &login{t: t, s: s, browser: browser, verifier: rand.Text() + rand.Text()}
	challenge := sha256.Sum256([]byte(l.verifier))
	query := url.Values{
		"client_id": {employeeClient}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {scope}, "state": {rand.Text()},
		"code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
	}
	if err := chromedp.Do(browser, chromedp.Navigate(s.endpoint("auth")+"?"+query.Encode())); err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *login) look() page {
	l.t.Helper()
	for range 100 { // between two pages there is nothing to look at
		if p, err := chromedp.Run(l.browser, chromedp.Evaluate[page](look)); err == nil && p.URL != "" {
			return p
		}
		time.Sleep(50 * time.Millisecond)
	}
	l.t.Fatal("the browser shows no page")
	return page{}
}

// submit types into fields, in order of pairs, and sends their form. It
// returns when another page is shown.
func (l *login) submit(pairs ...string) page {
	l.t.Helper()
	if _, err := chromedp.Run(l.browser, chromedp.Evaluate[bool](`document.querySelectorAll('input:not([type=hidden]):not([type=checkbox])').forEach(e => { e.value = '' }), window.stale = true`)); err != nil {
		l.t.Fatal(err)
	}
	var steps []chromedp.Action[chromedp.Void]
	for i := 0; i < len(pairs); i += 2 {
		steps = append(steps, chromedp.SendKeys(chromedp.CSS(pairs[i]), pairs[i+1]))
	}
	if err := chromedp.Do(l.browser, append(steps, chromedp.Submit(chromedp.CSS(pairs[0])))...); err != nil {
		l.t.Fatal(err)
	}
	for range 200 {
		fresh, err := chromedp.Run(l.browser, chromedp.Evaluate[bool](`!window.stale && document.readyState === 'complete'`))
		if err == nil && fresh {
			return l.look()
		}
		time.Sleep(50 * time.Millisecond)
	}
	l.t.Fatalf("the form led nowhere: %+v", l.look())
	return page{}
}

// identify gives a login and a password, on one page or on two; after a
// refusal the page remembers the login and asks for the password alone.
func (l *login) identify(name, password string) page {
	l.t.Helper()
	p := l.look()
	switch {
	case p.Username && p.Password:
		return l.submit("input#username", name, "input#password", password)
	case p.Username:
		p = l.submit("input#username", name)
	}
	if !p.Password {
		l.t.Fatalf("no password is asked for: %+v", p)
	}
	return l.submit("input#password", password)
}

// refused reports whether the page asks for the password again.
func (p page) refused() bool { return p.Password && !p.NewPassword && !p.back() }

// chooseOwn gives the employee's own password where a one-time code asks for it.
func (l *login) chooseOwn(password string) page {
	l.t.Helper()
	return l.submit("input#password-new", password, "input#password-confirm", password)
}

// tokens are what a sign-in gives.
type tokens struct {
	Access string `json:"access_token"`
	ID     string `json:"id_token"`
}

// tokens exchanges the code of the way back; verifier may be another one.
func (l *login) tokens(p page, verifier string) (tokens, error) {
	l.t.Helper()
	at, err := url.Parse(p.URL)
	if err != nil || !p.back() || at.Query().Get("code") == "" {
		return tokens{}, fmt.Errorf("not signed in: %+v", p)
	}
	answer, err := http.PostForm(l.s.endpoint("token"), url.Values{
		"grant_type": {"authorization_code"}, "client_id": {employeeClient}, "redirect_uri": {callback},
		"code": {at.Query().Get("code")}, "code_verifier": {verifier},
	})
	if err != nil {
		return tokens{}, err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return tokens{}, fmt.Errorf("%d %s", answer.StatusCode, b)
	}
	var got tokens
	return got, json.Unmarshal(b, &got)
}
