package keycloak

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// server stands in for Keycloak where the test is about the wire: it gives
// tokens t1, t2… and answers the rest by handle.
type server struct {
	*httptest.Server
	tokens, calls atomic.Int32
}

func newServer(t *testing.T, handle func(s *server, w http.ResponseWriter, r *http.Request)) (*server, *Client) {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/token") {
			n := s.tokens.Add(1)
			_, _ = w.Write([]byte(`{"access_token":"t` + strconv.Itoa(int(n)) + `","expires_in":60}`))
			return
		}
		s.calls.Add(1)
		handle(s, w, r)
	}))
	t.Cleanup(s.Close)
	return s, New(Config{URL: s.URL, TokenRealm: "master", ClientID: "c", ClientSecret: "s", Backoff: time.Millisecond, MaxInFlight: 3, CallTimeout: 5 * time.Second})
}

func TestRepeats(t *testing.T) {
	for name, test := range map[string]struct {
		method   string
		statuses []int // of the first answers; 200 after them, -1 cuts the connection
		calls    int
		ok       bool
	}{
		"503 is waited out":           {http.MethodPost, []int{503, 503}, 3, true},
		"429 is waited out":           {http.MethodPut, []int{429}, 2, true},
		"503 for ever is given up":    {http.MethodGet, []int{503, 503, 503, 503, 503}, 4, false},
		"500 is not repeated":         {http.MethodGet, []int{500}, 1, false},
		"a cut GET is repeated":       {http.MethodGet, []int{-1}, 2, true},
		"a cut PUT is repeated":       {http.MethodPut, []int{-1, -1}, 3, true},
		"a cut POST is not":           {http.MethodPost, []int{-1}, 1, false},
		"502 of a POST is not":        {http.MethodPost, []int{502}, 1, false},
		"401 once is a stale token":   {http.MethodPost, []int{401}, 2, true},
		"401 twice is a refusal":      {http.MethodGet, []int{401, 401}, 2, false},
		"403 is not repeated":         {http.MethodGet, []int{403}, 1, false},
		"a redirect is not followed":  {http.MethodGet, []int{302}, 1, true},
		"404 is not repeated, either": {http.MethodDelete, []int{404}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, client := newServer(t, func(s *server, w http.ResponseWriter, r *http.Request) {
				n := int(s.calls.Load())
				if n > len(test.statuses) {
					return
				}
				if test.statuses[n-1] < 0 {
					panic(http.ErrAbortHandler)
				}
				w.Header().Set("Location", "http://elsewhere.example/")
				w.WriteHeader(test.statuses[n-1])
			})
			_, err := client.send(t.Context(), test.method, client.path("x"), map[string]int{"a": 1}, nil)
			if (err == nil) != test.ok || int(s.calls.Load()) != test.calls {
				t.Errorf("%d calls, error %v; want %d calls, ok %v", s.calls.Load(), err, test.calls, test.ok)
			}
		})
	}
}

// TestOneTokenForAll lets many calls begin at once, without a token and then
// with a refused one: each time one token is fetched, and no more calls are in
// flight than allowed.
func TestOneTokenForAll(t *testing.T) {
	var inFlight, most atomic.Int32
	s, client := newServer(t, func(s *server, w http.ResponseWriter, r *http.Request) {
		if n := inFlight.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer inFlight.Add(-1)
		time.Sleep(5 * time.Millisecond)
		if r.Header.Get("Authorization") == "Bearer t1" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := client.get(t.Context(), client.path("x"), nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if s.tokens.Load() != 2 {
		t.Errorf("%d tokens were fetched, want the first and the one after its refusal", s.tokens.Load())
	}
	if most.Load() > 3 {
		t.Errorf("%d calls were in flight, at most 3 may be", most.Load())
	}
}

func TestPathsAreEscaped(t *testing.T) {
	var got string
	_, client := newServer(t, func(_ *server, _ http.ResponseWriter, r *http.Request) { got = r.URL.EscapedPath() })
	if err := client.get(t.Context(), client.realmPath("a b", "roles", "x/../y?z#%"), nil); err != nil {
		t.Fatal(err)
	}
	if want := "/admin/realms/a%20b/roles/x%2F..%2Fy%3Fz%23%25"; got != want {
		t.Errorf("path %s, want %s", got, want)
	}
}

// TestErrorsAboutPeopleSayNothingOfThem: Keycloak repeats the values it refuses.
func TestErrorsAboutPeopleSayNothingOfThem(t *testing.T) {
	const secret = "anna.ivanova@cdek.example"
	_, client := newServer(t, func(_ *server, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"errorMessage":"error-invalid-email ` + secret + `"}`))
	})
	for _, path := range []string{client.realmPath("r", "users", "1"), client.realmPath("r", "partialImport")} {
		_, err := client.send(t.Context(), http.MethodPut, path, map[string]string{"email": secret}, nil)
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("error %v", err)
		}
	}
	_, err := client.send(t.Context(), http.MethodPut, client.realmPath("r", "roles", "1"), nil, nil)
	if err == nil || !strings.Contains(err.Error(), "error-invalid-email") {
		t.Errorf("about a role the error is %v, and should say what Keycloak said", err)
	}
}

func TestVersionFloor(t *testing.T) {
	for version, want := range map[string]bool{
		"26.7.4": true, "26.7.3": true, "26.7.2": false, "26.6.7": true, "26.6.6": false, "26.8.0": true, "27.0.0": true,
		"26.5.9": false, "25.0.0": false, "26.7.3-SNAPSHOT": true, "": false, "nightly": false, "26": false,
	} {
		if got := AboveFloor(version); got != want {
			t.Errorf("%q: %v, want %v", version, got, want)
		}
	}
	_, client := newServer(t, func(_ *server, w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"systemInfo":{"version":"26.5.0"}}`))
	})
	if _, err := client.CheckVersion(t.Context()); tenancy.KindOf(err) != tenancy.Invalid {
		t.Errorf("error %v, want that it is too old", err)
	}
	client.config.AllowVersion = "26.5.0"
	if version, err := client.CheckVersion(t.Context()); err != nil || version != "26.5.0" {
		t.Errorf("named, it is %q, %v", version, err)
	}
}
