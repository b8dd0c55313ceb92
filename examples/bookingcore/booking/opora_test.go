package booking

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ponimayu/opora/client"
)

// object is a JSON object.
type object = map[string]any

// fakeOpora speaks the wire formats of Opora's feed, snapshot and terms, as an
// outside team would imitate it: nothing of Opora's own code is behind it.
type fakeOpora struct {
	t      testing.TB
	server *httptest.Server

	mu       sync.Mutex
	revision int
	tenants  map[string]object
	people   map[string]object
	feed     []object
	news     chan struct{} // closed when something was added
	away     bool
}

func newFakeOpora(t testing.TB) *fakeOpora {
	f := &fakeOpora{t: t, revision: 1, tenants: map[string]object{}, people: map[string]object{}, news: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, object{"access_token": "a-token", "token_type": "Bearer", "expires_in": 120})
	})
	mux.HandleFunc("GET /v1/changes", f.changes)
	mux.HandleFunc("GET /v1/changes/snapshot", f.snapshot)
	mux.HandleFunc("GET /v1/changes/terms", func(w http.ResponseWriter, _ *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		answerJSON(w, f.terms())
	})
	f.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		away := f.away
		f.mu.Unlock()
		if away {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(f.server.Close)
	return f
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// terms are what all tenants bought.
func (f *fakeOpora) terms() object {
	types := []string{"psychologist", "coach", "lawyer", "child_psychologist", "financial_adviser"}
	return object{"revision": f.revision, "specialist_types": types, "tenants": slices.Collect(maps.Values(f.tenants))}
}

func (f *fakeOpora) snapshot(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := json.NewEncoder(w)
	_ = lines.Encode(object{"type": "snapshot", "cursor": f.cursor()})
	_ = lines.Encode(object{"type": "terms", "terms": f.terms()})
	for id, person := range f.people {
		_ = lines.Encode(object{"type": "employee", "employee_id": id, "employee": person})
	}
	_ = lines.Encode(object{"type": "end", "employees": len(f.people)})
}

func (f *fakeOpora) cursor() string { return strconv.Itoa(len(f.feed) + 1) }

// changes answers with what comes after the cursor, and waits for it a while.
func (f *fakeOpora) changes(w http.ResponseWriter, r *http.Request) {
	since, _ := strconv.Atoi(r.URL.Query().Get("since"))
	wait, _ := strconv.Atoi(r.URL.Query().Get("wait"))
	f.mu.Lock()
	defer f.mu.Unlock()
	if news := f.news; since == len(f.feed)+1 && wait > 0 {
		f.mu.Unlock()
		select {
		case <-news:
		case <-time.After(time.Duration(wait) * time.Second):
		case <-r.Context().Done():
		}
		f.mu.Lock()
	}
	items := []object{}
	for i := since - 1; i < len(f.feed); i++ {
		item := maps.Clone(f.feed[i])
		if slices.ContainsFunc(f.feed[i+1:], func(later object) bool { return item["employee"] != nil && later["employee_id"] == item["employee_id"] }) {
			delete(item, "employee")
			item["superseded"] = true
		}
		items = append(items, item)
	}
	answerJSON(w, object{"items": items, "next": f.cursor(), "more": false})
}

// tell adds an item to the feed.
func (f *fakeOpora) tell(item object) {
	f.feed = append(f.feed, item)
	item["cursor"] = f.cursor()
	close(f.news)
	f.news = make(chan struct{})
}

// contract is a contract in Moscow, with grants.
func contract(id, from, until string, grants ...object) object {
	return object{"id": id, "country": "RU", "time_zone": "Europe/Moscow", "from": from, "until": until, "grace_days": 14, "grants": grants}
}

// grant is one for the types psychologist and coach unless more says others.
func grant(id string, amount int, per, window string, more ...object) object {
	g := object{"id": id, "specialist_types": []string{"psychologist", "coach"}, "amount": amount, "per": per, "window": window, "priority": 10}
	for _, m := range more {
		maps.Copy(g, m)
	}
	return g
}

// sells gives a tenant its contracts; people of other tenants are as before.
func (f *fakeOpora) sells(tenant string, contracts ...object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.revision++
	f.tenants[tenant] = object{"tenant": tenant, "name": object{"en": tenant}, "contracts": contracts}
	f.tell(object{"type": "terms", "revision": f.revision})
}

// person is the id of the n-th made-up employee.
func person(n int) client.EmployeeID {
	return client.EmployeeID(fmt.Sprintf("00000000-0000-4000-8000-%012d", n))
}

// employs tells that the tenant employs somebody from a day to a last day (""
// for none), with overrides.
func (f *fakeOpora) employs(tenant string, id client.EmployeeID, hired, left string, overrides ...object) {
	f.mu.Lock()
	defer f.mu.Unlock()
	revision := 1
	if before, known := f.people[string(id)]; known {
		revision = before["revision"].(int) + 1
	}
	employment := object{"hired_on": hired}
	if left != "" {
		employment["left_on"] = left
	}
	record := object{"id": id, "tenant": tenant, "revision": revision, "employments": []object{employment}, "overrides": overrides}
	f.people[string(id)] = record
	f.tell(object{"type": "employee", "employee_id": string(id), "tenant": tenant, "revision": revision, "employee": record})
}

// goesAway makes Opora unreachable, or reachable again.
func (f *fakeOpora) goesAway(away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.away = away
	close(f.news)
	f.news = make(chan struct{})
}

// seen waits until the client has everything that was told.
func (f *fakeOpora) seen(c *client.Client) {
	f.t.Helper()
	f.mu.Lock()
	want := f.cursor()
	f.mu.Unlock()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if s := c.State(); string(s.Cursor) == want && s.Phase == client.Fresh {
			return
		}
	}
	f.t.Fatalf("the client has not seen %s: %+v", want, c.State())
}
