package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ponimayu/opora/client"
	"github.com/ponimayu/opora/client/clienttest"
)

// reply is an answer that Opora did not give.
func reply(status int, contentType, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Body: io.NopCloser(strings.NewReader(body))}
}

func isFeed(r *http.Request) bool     { return r.URL.Path == "/v1/changes" }
func isSnapshot(r *http.Request) bool { return r.URL.Path == "/v1/changes/snapshot" }
func isTerms(r *http.Request) bool    { return r.URL.Path == "/v1/changes/terms" }
func isToken(r *http.Request) bool    { return r.URL.Path == "/token" }

// times strikes the first n requests that are meant.
func times(n int64, meant func(*http.Request) bool, answer func() *http.Response) func(*http.Request) *http.Response {
	var count atomic.Int64
	return func(r *http.Request) *http.Response {
		if meant(r) && count.Add(1) <= n {
			return answer()
		}
		return nil
	}
}

// Opora, or its token endpoint, fails a few times in each way there is, at the
// start and later, and the client gets over it and answers what is right.
func TestGetsOverFailures(t *testing.T) {
	forms := map[string]func() *http.Response{
		"500":          func() *http.Response { return reply(500, "application/problem+json", `{"code":"internal"}`) },
		"503":          func() *http.Response { return reply(503, "application/problem+json", `{"code":"feed_not_ready"}`) },
		"a proxy's":    func() *http.Response { return reply(200, "text/html", "<html>sign in</html>") },
		"redirect":     func() *http.Response { r := reply(302, "", ""); r.Header.Set("Location", "/elsewhere"); return r },
		"no JSON":      func() *http.Response { return reply(200, "application/json", `{"items":[`) },
		"empty JSON":   func() *http.Response { return reply(200, "application/json", `{}`) },
		"no snapshot":  func() *http.Response { return reply(200, "application/x-ndjson", "") },
		"cut body":     func() *http.Response { r := reply(200, "application/json", ""); r.Body = io.NopCloser(cut{}); return r },
		"401":          func() *http.Response { return reply(401, "application/problem+json", `{"code":"token_expired"}`) },
		"429":          func() *http.Response { return reply(429, "application/problem+json", `{"code":"busy"}`) },
		"410":          func() *http.Response { return reply(410, "application/problem+json", `{"code":"cursor_expired"}`) },
		"400 cursor":   func() *http.Response { return reply(400, "application/problem+json", `{"code":"cursor_invalid"}`) },
		"wrong status": func() *http.Response { return reply(204, "", "") },
	}
	for where, meant := range map[string]func(*http.Request) bool{"token": isToken, "snapshot": isSnapshot, "feed": isFeed, "terms": isTerms} {
		for name, answer := range forms {
			t.Run(where+" "+name, func(t *testing.T) {
				t.Parallel()
				s := newServer(t)
				f := &fault{strike: times(4, meant, answer)}
				c := openReady(t, f.through(t, soon(s)), nil)
				check(t, c, ask(anna))
				s.SetTenants(carrier()) // asks for the terms
				s.Put(courier(boris))
				agrees(t, c, s, ask(anna))
				agrees(t, c, s, ask(boris))
				eventually(t, "fresh", func() bool { return c.State().Phase == client.Fresh })
			})
		}
	}
}

// cut is a body that breaks off.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// A snapshot that is cut after any of its lines, or in the middle of one, is
// refused, and so is one that holds fewer people than it says; nobody is ever
// answered from a part of one.
func TestACutSnapshotIsRefused(t *testing.T) {
	s := newServer(t)
	for n := range 5 {
		s.Put(courier(client.EmployeeID(fmt.Sprintf("0b0e7d7e-0000-4000-8000-%012d", n))))
	}
	var whole []byte
	{ // the snapshot as the server gives it
		f := &fault{}
		var once sync.Once
		f.strike = func(r *http.Request) *http.Response {
			if !isSnapshot(r) {
				return nil
			}
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Error(err)
				return nil
			}
			body, _ := io.ReadAll(answer.Body)
			once.Do(func() { whole = body })
			answer.Body = io.NopCloser(bytes.NewReader(body))
			return answer
		}
		openReady(t, f.through(t, soon(s)), nil).Close()
	}
	lines := bytes.SplitAfter(whole, []byte("\n"))
	lines = lines[:len(lines)-1]
	if len(lines) != 9 {
		t.Fatalf("%d lines: %s", len(lines), whole)
	}
	var bad [][]byte
	for i := range lines {
		before := bytes.Join(lines[:i], nil)
		bad = append(bad, before, append(bytes.Clone(before), lines[i][:len(lines[i])/2]...))
		if i > 0 && i < len(lines)-1 { // one line lost
			bad = append(bad, append(bytes.Clone(before), bytes.Join(lines[i+1:], nil)...))
		}
	}
	bad = append(bad,
		bytes.Join(append(lines[:1:1], lines...), nil),                                // two beginnings
		append(bytes.Clone(whole), lines[3]...),                                       // more after the end
		append(lines[1], bytes.Join(lines[2:], nil)...),                               // without its cursor
		bytes.Replace(whole, lines[1], append(bytes.Clone(lines[1]), lines[1]...), 1)) // terms twice
	var given atomic.Int64
	f := &fault{strike: func(r *http.Request) *http.Response {
		if n := int(given.Load()); isSnapshot(r) && n < len(bad) {
			given.Add(1)
			return reply(200, "application/x-ndjson", string(bad[n]))
		}
		return nil
	}}
	c := open(t, f.through(t, soon(s)), nil)
	for {
		a, err := c.Check(ask(anna))
		if err == nil {
			if !same(a.Decision, s.Decide(ask(anna))) {
				t.Errorf("answered from a bad snapshot: %+v", a)
			}
			break
		}
		if n := given.Load(); a.Allowed || !errors.Is(err, client.ErrUnavailable) || n > int64(len(bad)) {
			t.Fatalf("%+v, %v", a, err)
		}
		time.Sleep(time.Millisecond)
	}
	if n := given.Load(); n != int64(len(bad)) {
		t.Errorf("%d of %d bad snapshots were given: one was taken", n, len(bad))
	}
	if st := c.State(); st.Snapshots != 1 || st.Failures < int64(len(bad)) {
		t.Errorf("%+v", st)
	}
}

// slow is a body that gives a little, and then nothing until it is closed.
type slow struct {
	text   io.Reader
	closed chan struct{}
	once   *sync.Once
}

func (s slow) Read(b []byte) (int, error) {
	if n, err := s.text.Read(b); err == nil {
		return n, nil
	}
	<-s.closed
	return 0, errors.New("closed")
}

func (s slow) Close() error { s.once.Do(func() { close(s.closed) }); return nil }

// Answers that never come are given up, and asked for again.
func TestSlowAnswersAreGivenUp(t *testing.T) {
	for where, meant := range map[string]func(*http.Request) bool{"token": isToken, "snapshot": isSnapshot, "feed": isFeed} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			f := &fault{}
			hold := times(2, meant, func() *http.Response { return &http.Response{} })
			f.strike = func(r *http.Request) *http.Response {
				if hold(r) == nil {
					return nil
				}
				<-r.Context().Done()
				return reply(504, "", "")
			}
			c := openReady(t, f.through(t, soon(s)), nil)
			agrees(t, c, s, ask(anna))
			eventually(t, "connected", func() bool { return c.State().Connected })
		})
	}
}

// A snapshot whose lines stop coming is given up though the connection lives.
func TestAStalledSnapshotIsGivenUp(t *testing.T) {
	s := newServer(t)
	hold := times(1, isSnapshot, func() *http.Response { return &http.Response{} })
	f := &fault{}
	f.strike = func(r *http.Request) *http.Response {
		if hold(r) == nil {
			return nil
		}
		answer := reply(200, "application/x-ndjson", "")
		body := slow{strings.NewReader(`{"type":"snapshot","cursor":"0.1"}` + "\n"), make(chan struct{}), new(sync.Once)}
		context.AfterFunc(r.Context(), func() { body.Close() })
		answer.Body = body
		return answer
	}
	c := openReady(t, f.through(t, soon(s)), nil)
	agrees(t, c, s, ask(anna))
	if st := c.State(); st.Failures == 0 {
		t.Errorf("%+v", st)
	}
}

// A token that is not taken any more is renewed once and nobody notices; one
// that is never taken is no reason to ask without end.
func TestATokenIsRenewed(t *testing.T) {
	s := newServer(t)
	c := openReady(t, soon(s), nil)
	for range 3 {
		s.Revoke()
		s.Put(leaver(anna))
		agrees(t, c, s, ask(anna))
		s.Put(courier(anna))
		agrees(t, c, s, ask(anna))
	}
	if st := c.State(); st.Failures != 0 || !st.Connected {
		t.Errorf("%+v", st)
	}
	if n := s.Requests("/token"); n != 4 {
		t.Errorf("%d tokens", n)
	}
}

// A token is renewed before it expires, and while that fails the old one is
// used until it does.
func TestATokenIsRenewedBeforeItExpires(t *testing.T) {
	s := newServer(t)
	clock := newClock()
	f := &fault{strike: func(r *http.Request) *http.Response {
		if isToken(r) {
			return reply(503, "", "")
		}
		return nil
	}}
	f.off.Store(true)
	c := openReady(t, f.through(t, soon(s)), clock.now)
	looked := func(what string) {
		t.Helper()
		n := s.Requests("/v1/changes")
		eventually(t, what, func() bool { return s.Requests("/v1/changes") > n+2 })
	}
	looked("it follows")
	if n := s.Requests("/token"); n != 1 {
		t.Fatalf("%d tokens", n)
	}
	clock.pass(95*time.Second, 95*time.Second) // of 120
	eventually(t, "it is renewed ahead of time", func() bool { return s.Requests("/token") == 2 })
	f.off.Store(false)
	clock.pass(95*time.Second, 95*time.Second)
	eventually(t, "the renewal fails", func() bool { return f.struck.Load() > 0 })
	looked("it follows with the old token")
	if st := c.State(); !st.Connected || st.Failures != 0 {
		t.Errorf("%+v", st)
	}
	clock.pass(24*time.Second, 24*time.Second)
	eventually(t, "the old one has expired", func() bool { return !c.State().Connected })
	f.off.Store(true)
	eventually(t, "connected again", func() bool { return c.State().Connected })
}

// A feed that refuses every cursor costs Opora snapshots, so the client asks
// more and more seldom; it goes on answering.
func TestAFeedThatRefusesEveryCursor(t *testing.T) {
	s := newServer(t)
	f := &fault{strike: func(r *http.Request) *http.Response {
		if isFeed(r) {
			return reply(410, "application/problem+json", `{"code":"cursor_expired"}`)
		}
		return nil
	}}
	c := openReady(t, f.through(t, soon(s)), nil)
	start := time.Now()
	eventually(t, "several snapshots", func() bool { return c.State().Snapshots >= 5 })
	if took := time.Since(start); took < 50*time.Millisecond {
		t.Errorf("five snapshots in %v", took)
	}
	s.Put(courier(boris))
	agrees(t, c, s, ask(boris)) // by the snapshots alone
}

// Terms of a newer Opora, which say what this client would not heed, are
// refused aloud; what was known is used until it is too old.
func TestTermsThatAreNotUnderstood(t *testing.T) {
	for name, newer := range map[string]string{
		"a field":  `{"revision":99,"specialist_types":["psychologist"],"tenants":[{"tenant":"cdek","name":{},"moon":"full"}]}`,
		"an older": `{"revision":1,"specialist_types":["psychologist"],"tenants":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			f := &fault{strike: func(r *http.Request) *http.Response {
				if isTerms(r) {
					return reply(200, "application/json", newer)
				}
				return nil
			}}
			c := openReady(t, f.through(t, soon(s)), nil)
			before := check(t, c, ask(anna))
			s.SetTenants(carrier())
			eventually(t, "a failure", func() bool { return c.State().Phase == client.Stale && c.State().Problem != "" })
			if a := check(t, c, ask(anna)); !a.Stale || !same(a.Decision, before.Decision) {
				t.Errorf("%+v", a)
			}
			f.off.Store(true)
			eventually(t, "fresh again", func() bool { return c.State().Phase == client.Fresh })
			agrees(t, c, s, ask(anna))
		})
	}
}

// Terms of one tenant that cannot be worked with are the matter of its people,
// in a snapshot and in the feed alike: they are refused, even by a client that
// fails open, and nobody else is.
func TestTermsOfATenantThatCannotBeWorkedWith(t *testing.T) {
	for name, mend := range map[string]func(*clienttest.Contract){
		"a window":  func(c *clienttest.Contract) { c.Grants[0].Window = "fortnight" },
		"a per":     func(c *clienttest.Contract) { c.Grants[0].Per = "village" },
		"a renewal": func(c *clienttest.Contract) { c.Renewal = "by_the_moon" },
		"a zone":    func(c *clienttest.Contract) { c.TimeZone = "Moon/Crater" },
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			broken := carrier()
			broken.Slug, broken.Contracts[0].ID = "avito", "avito-ru-2026"
			mend(&broken.Contracts[0])
			other := courier(boris)
			other.Tenant = "avito"
			s.Put(other)
			early := openReady(t, soon(s), nil)
			if a := check(t, early, ask(boris)); a.Reason != client.ContractAbsent {
				t.Errorf("%+v", a)
			}
			s.SetTenants(carrier(), broken)
			config := soon(s)
			config.AfterOutage = client.FailOpen
			late := openReady(t, config, nil)
			for _, c := range []*client.Client{early, late} {
				var a client.Answer
				var err error
				eventually(t, "refused for the terms", func() bool { a, err = c.Check(ask(boris)); return err != nil })
				if !errors.Is(err, client.ErrTerms) || !errors.Is(err, client.ErrUnavailable) || a.Allowed || a.Reason != client.Unavailable || len(a.Lines) > 0 {
					t.Errorf("%+v, %v", a, err)
				}
				if a := agrees(t, c, s, ask(anna)); !a.Allowed {
					t.Errorf("%+v", a)
				}
				eventually(t, "fresh all the same", func() bool { return c.State().Phase == client.Fresh })
				if st := c.State(); len(st.BrokenTenants) != 1 || st.BrokenTenants[0] != "avito" {
					t.Errorf("%+v", st)
				}
			}
			mended := carrier()
			mended.Slug = "avito"
			s.SetTenants(carrier(), mended)
			for _, c := range []*client.Client{early, late} {
				if a := agrees(t, c, s, ask(boris)); !a.Allowed {
					t.Errorf("%+v", a)
				}
				eventually(t, "nobody's terms are broken", func() bool { return len(c.State().BrokenTenants) == 0 })
			}
		})
	}
}

// Opora and its token endpoint say what they want: no secret, no id of the
// client and no employee comes into an error, a state or a log.
func TestNothingSecretIsSaid(t *testing.T) {
	s := newServer(t)
	s.Put(courier(boris))
	config := soon(s)
	const canary = "canary-7k2m9q"
	config.ClientID += canary
	var logged bytes.Buffer
	var mu sync.Mutex
	config.Logger = slog.New(slog.NewTextHandler(writer(func(b []byte) { mu.Lock(); logged.Write(b); mu.Unlock() }), nil))
	said := fmt.Sprintf(`{"error":"%s","error_description":"%s %s","code":"%s %s"}`, canary, config.ClientSecret, anna, canary, anna)
	f := &fault{}
	var tokens, others atomic.Int64
	f.strike = func(r *http.Request) *http.Response {
		if !isToken(r) {
			return reply([]int{400, 401, 403, 500}[others.Add(1)%4], "application/json", said)
		}
		if n := tokens.Add(1); n%3 != 0 {
			return reply([]int{400, 401, 500}[n%3], "application/json", said)
		}
		return reply(200, "application/json", `{"access_token":"`+canary+`","expires_in":60}`)
	}
	c := open(t, f.through(t, config), nil)
	var problems strings.Builder
	for tokens.Load() < 12 || others.Load() < 12 {
		time.Sleep(time.Millisecond)
		st := c.State()
		fmt.Fprintf(&problems, "%+v %s\n", st, st.Problem)
		_, err := c.Check(ask(anna))
		fmt.Fprintln(&problems, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	fmt.Fprintln(&problems, c.Ready(ctx))
	c.Close()
	mu.Lock()
	defer mu.Unlock()
	if logged.Len() == 0 || !strings.Contains(problems.String(), "the token endpoint answered") || !strings.Contains(problems.String(), "Opora answered") {
		t.Errorf("not all was said: %s %s", logged.String(), problems.String())
	}
	for _, secret := range []string{canary, config.ClientSecret, string(anna), string(boris)} {
		if strings.Contains(problems.String()+logged.String(), secret) {
			t.Errorf("it says %q", secret)
		}
	}
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }
