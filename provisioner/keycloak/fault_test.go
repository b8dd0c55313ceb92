package keycloak

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/targettest"
)

// fault strikes calls on their way: before they are sent, or after Keycloak
// has done them, so that only the answer is lost.
type fault struct {
	next http.RoundTripper
	hits func(r *http.Request) bool
	// from and times say which of the calls that it hits it strikes.
	from, times int
	status      int  // the answer instead of Keycloak's; 0: the connection breaks
	after       bool // once Keycloak has done it
	header      http.Header

	mu          sync.Mutex
	seen, fired int
}

var errCut = errors.New("the connection was cut by the test")

func (f *fault) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.hits == nil || !f.hits(r) || !f.strikes() {
		return f.next.RoundTrip(r)
	}
	if f.after {
		response, err := f.next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		response.Body.Close()
	}
	if f.status == 0 {
		return nil, errCut
	}
	response := respond(r, f.status, `{"error":"broken by the test"}`)
	for name, values := range f.header {
		response.Header[name] = values
	}
	return response, nil
}

// respond answers in Keycloak's place.
func respond(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		ProtoMajor: 1, ProtoMinor: 1, Body: io.NopCloser(strings.NewReader(body)),
	}
}

func (f *fault) strikes() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen++
	if f.seen <= f.from || f.fired >= f.times {
		return false
	}
	f.fired++
	return true
}

// mustFire fails the test when the fault never struck: such a test proves
// nothing.
func (f *fault) mustFire(t *testing.T) {
	t.Helper()
	if f.fired == 0 {
		t.Error("the fault did not strike")
	}
}

func (f *fault) into(config Config) Config {
	f.next = http.DefaultTransport
	config.Transport = f
	config.Backoff = 10 * time.Millisecond
	return config
}

func method(methods ...string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		for _, m := range methods {
			if r.Method == m && strings.Contains(r.URL.Path, "/admin/") {
				return true
			}
		}
		return false
	}
}

func imports(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/partialImport") }

// TestApplyThroughFaults breaks an apply at the nth write and applies again,
// with the fault still striking, until it is through.
func TestApplyThroughFaults(t *testing.T) {
	writes := method(http.MethodPost, http.MethodPut, http.MethodDelete)
	for name, f := range map[string]*fault{
		"the connection breaks before": {hits: writes, from: 40, times: 4},
		"the answers are lost":         {hits: writes, from: 25, times: 6, after: true},
		"401 in the middle":            {hits: writes, from: 60, times: 3, status: 401},
		"409 in the middle":            {hits: writes, from: 80, times: 2, status: 409},
		"500 after it was done":        {hits: writes, from: 55, times: 2, status: 500, after: true},
		"503 for a while":              {hits: method(http.MethodGet, http.MethodPost, http.MethodPut), from: 100, times: 6, status: 503},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.target = New(f.into(adminConfig(t))).Realms("RU")
			broke := 0
			for w.apply() != nil {
				if broke++; broke > 10 {
					t.Fatal("it never gets through")
				}
			}
			f.mustFire(t)
			t.Logf("broke %d times", broke)
			w.target = w.admin.Realms("RU")
			w.wantNothing(w.plan())
		})
	}
}

// TestPeopleThroughFaults creates people while answers are lost and errors
// come back, and looks that each exists once.
func TestPeopleThroughFaults(t *testing.T) {
	w := newWorld(t)
	w.mustApply()
	config := w.worker().config
	for name, test := range map[string]struct {
		fault   *fault
		unknown bool // whether an outcome may be left unknown
		fails   bool // whether the call as a whole may fail
	}{
		"the answer is lost":      {fault: &fault{hits: imports, times: 1, after: true}},
		"it was never done":       {fault: &fault{hits: imports, times: 1}, unknown: true},
		"500 without a reason":    {fault: &fault{hits: imports, times: 2, status: 500}},
		"500 after it was done":   {fault: &fault{hits: imports, times: 1, status: 500, after: true}},
		"401 once":                {fault: &fault{hits: imports, times: 1, status: 401}},
		"401 for ever":            {fault: &fault{hits: imports, times: 100, status: 401}, fails: true},
		"503 and then it works":   {fault: &fault{hits: imports, times: 2, status: 503, header: http.Header{"Retry-After": {"1"}}}},
		"503 for ever":            {fault: &fault{hits: imports, times: 100, status: 503}, fails: true},
		"504 after it was done":   {fault: &fault{hits: imports, times: 1, status: 504, after: true}},
		"reading breaks once too": {fault: &fault{hits: func(r *http.Request) bool { return imports(r) || r.Method == http.MethodGet }, times: 2, after: true}},
	} {
		t.Run(name, func(t *testing.T) {
			f := test.fault
			people := New(f.into(config)).People(w.realm)
			var accounts []provisioner.Account
			for n := range 12 {
				accounts = append(accounts, targettest.Person("cdek", n))
			}
			outcomes, err := people.CreateAccounts(t.Context(), accounts)
			f.mustFire(t)
			if (err != nil) != test.fails {
				t.Fatalf("error %v, want one: %v", err, test.fails)
			}
			for _, o := range outcomes {
				if !o.Done && !(o.Unknown && test.unknown) {
					t.Errorf("outcome %+v", o)
				}
			}
			f.hits = nil
			again, err := people.CreateAccounts(t.Context(), accounts)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range again {
				if !o.Done {
					t.Errorf("done again: outcome %+v", o)
				}
			}
		})
	}
}

// TestKeycloakAway asks a Keycloak that is not there, and one with a wrong secret.
func TestKeycloakAway(t *testing.T) {
	config := adminConfig(t)
	config.Backoff = time.Millisecond
	away := config
	away.URL = "http://127.0.0.1:1"
	wrong := config
	wrong.ClientSecret = "not this one"
	for want, config := range map[tenancy.Kind]Config{tenancy.Unavailable: away, tenancy.Unauthenticated: wrong} {
		_, err := New(config).Realms("RU").Observe(t.Context(), "master", nil)
		if tenancy.KindOf(err) != want {
			t.Errorf("error %v, want %s", err, want)
		}
		if err != nil && strings.Contains(err.Error(), config.ClientSecret) {
			t.Error("the secret is in the error")
		}
	}
}

// TestSlowKeycloak gives up on a call when its deadline has passed.
func TestSlowKeycloak(t *testing.T) {
	config := adminConfig(t)
	config.CallTimeout, config.Attempts = 50*time.Millisecond, 2
	config.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "/admin/") {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	began := time.Now()
	err := New(config).get(context.Background(), New(config).realmPath("master"), nil)
	if tenancy.KindOf(err) != tenancy.Unavailable || time.Since(began) > 3*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
