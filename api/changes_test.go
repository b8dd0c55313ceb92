package api_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ponimayu/opora/api"
	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// aRecord is the world's employee as the feed tells of her.
func aRecord() *entitlement.Record {
	return &entitlement.Record{ID: employeeOfCDEK, Tenant: "cdek", Revision: 3, Employments: []entitlement.RecordEmployment{
		{HiredOn: tenancy.NewDate(2024, 3, 1), Segments: []tenancy.SegmentID{"couriers"}}}, Overrides: []tenancy.Override{{Grant: "talk", Amount: 2}}}
}

// tape is a feed in memory, whose cursors are the numbers of items.
type tape struct {
	w     *world
	mu    sync.Mutex
	items []entitlement.Change
	moved chan struct{}
	fail  error         // what waiting ends with, when set
	gate  chan struct{} // a snapshot waits for it in its middle, when set
}

func newTape(w *world) *tape { return &tape{w: w, moved: make(chan struct{})} }

// add writes an item for each number.
func (f *tape) add(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		at := entitlement.Cursor(fmt.Sprint(len(f.items) + 1))
		f.items = append(f.items, entitlement.Change{Cursor: at, Type: entitlement.EmployeeChanged, EmployeeID: employeeOfCDEK, Tenant: "cdek", Revision: 3, Employee: aRecord()})
	}
	close(f.moved)
	f.moved = make(chan struct{})
}

func (f *tape) Changes(ctx context.Context, since entitlement.Cursor, limit int) (page entitlement.ChangePage, err error) {
	if err := f.w.may(ctx, callers["booking"], tenancy.ReadChanges, "cdek", ""); err != nil {
		return page, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	switch since {
	case "":
	case entitlement.Now:
		n = len(f.items)
	case "old":
		return page, tenancy.E(tenancy.Gone, "cursor_expired", "Too old.")
	default:
		if n, err = strconv.Atoi(string(since)); err != nil {
			return page, tenancy.E(tenancy.Invalid, "cursor_invalid", "No cursor.")
		}
	}
	end := min(n+limit, len(f.items))
	return entitlement.ChangePage{Items: append([]entitlement.Change{}, f.items[n:end]...), Next: entitlement.Cursor(fmt.Sprint(end)), More: end < len(f.items)}, nil
}

func (f *tape) Await(ctx context.Context, after entitlement.Cursor, limit int) (entitlement.ChangePage, error) {
	for {
		f.mu.Lock()
		moved, fail := f.moved, f.fail
		f.mu.Unlock()
		page, err := f.Changes(context.Background(), after, limit)
		if err != nil || fail != nil || len(page.Items) > 0 {
			return page, errors.Join(err, fail)
		}
		select {
		case <-ctx.Done():
			return page, nil
		case <-moved:
		}
	}
}

func (f *tape) Terms(context.Context) (entitlement.TermsDocument, error) {
	return entitlement.TermsDocument{Revision: 7, SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist"}, Tenants: []tenancy.Tenant{}}, f.w.fail
}

func (f *tape) TermsRevision(context.Context) (int64, error) { return 7, f.w.fail }

func (f *tape) Snapshot(ctx context.Context, tell func(*entitlement.Change) error) error {
	if f.w.fail != nil {
		return f.w.fail
	}
	terms, _ := f.Terms(ctx)
	for _, c := range []entitlement.Change{
		{Type: entitlement.SnapshotBegins, Cursor: "0"}, {Type: entitlement.TermsChanged, Revision: 7, Terms: &terms},
		{Type: entitlement.EmployeeChanged, EmployeeID: employeeOfCDEK, Tenant: "cdek", Revision: 3, Employee: aRecord()},
	} {
		if err := tell(&c); err != nil {
			return err
		}
	}
	if f.gate != nil {
		<-f.gate
	}
	if f.w.breaks != nil {
		return f.w.breaks
	}
	return tell(&entitlement.Change{Type: entitlement.SnapshotEnds, Employees: 1})
}

func TestChangesAreGivenInPages(t *testing.T) {
	w := newWorld(t)
	w.feed.add(3)
	for _, tt := range []struct {
		query, code string
		items       int
		next        string
		more        bool
	}{
		{query: "", items: 3, next: "3"},
		{query: "?limit=2", items: 2, next: "2", more: true},
		{query: "?since=2&limit=2", items: 1, next: "3"},
		{query: "?since=now", next: "3"},
		{query: "?since=3", next: "3"},
		{query: "?since=1&wait=30", items: 2, next: "3"},
		{query: "?since=nonsense", code: "cursor_invalid"},
		{query: "?since=old", code: "cursor_expired"},
		{query: "?limit=0", code: "field_invalid"},
		{query: "?limit=1001", code: "field_invalid"},
		{query: "?wait=31", code: "field_invalid"},
		{query: "?wait=-1", code: "field_invalid"},
		{query: "?wait=1.5", code: "field_invalid"},
	} {
		answer := w.do(request("booking", "GET", "/v1/changes"+tt.query, ""))
		if got := code(t, answer); got != tt.code || tt.code == "cursor_expired" && answer.Code != http.StatusGone {
			t.Errorf("%q: %d %s", tt.query, answer.Code, answer.Body)
		}
		if tt.code != "" {
			continue
		}
		var page entitlement.ChangePage
		if err := json.Unmarshal(answer.Body.Bytes(), &page); err != nil || len(page.Items) != tt.items || string(page.Next) != tt.next || page.More != tt.more {
			t.Errorf("%q: %s %v", tt.query, answer.Body, err)
		}
	}
}

func TestChangesAreWaitedFor(t *testing.T) {
	w := newWorld(t)
	began := time.Now()
	time.AfterFunc(100*time.Millisecond, func() { w.feed.add(1) })
	answer := w.do(request("booking", "GET", "/v1/changes?wait=20", ""))
	if took := time.Since(began); !strings.Contains(answer.Body.String(), employeeOfCDEK) || took < 100*time.Millisecond || took > 5*time.Second {
		t.Errorf("after %v: %s", took, answer.Body)
	}
	began = time.Now()
	answer = w.do(request("booking", "GET", "/v1/changes?since=now&wait=1", ""))
	if took := time.Since(began); answer.Code != 200 || !strings.Contains(answer.Body.String(), `"items":[]`) || took < time.Second {
		t.Errorf("after %v: %d %s", took, answer.Code, answer.Body)
	}
	w.feed.fail = tenancy.E(tenancy.Unavailable, "database_unavailable", "Gone.")
	if answer := w.do(request("booking", "GET", "/v1/changes?since=now&wait=1", "")); answer.Code != http.StatusServiceUnavailable {
		t.Errorf("without a database: %d", answer.Code)
	}
}

// TestWaitersAreLetGo stops the process while readers wait.
func TestWaitersAreLetGo(t *testing.T) {
	for _, accept := range []string{"application/json", "text/event-stream"} {
		w := newWorld(t)
		life, stop := context.WithCancel(t.Context())
		w.server.SetLife(life)
		url := w.listen()
		time.AfterFunc(200*time.Millisecond, stop)
		began := time.Now()
		body, err := io.ReadAll(w.get(url+"/v1/changes?wait=30", "Accept", accept).Body)
		if took := time.Since(began); err != nil || took > 5*time.Second {
			t.Errorf("%s: %v after %v", accept, err, took)
		}
		if accept == "text/event-stream" && !strings.HasSuffix(string(body), "event: close\ndata: {\"code\":\"stopping\"}\n\n") {
			t.Errorf("%q", body)
		}
	}
}

func TestOnlySoManyWait(t *testing.T) {
	w := newWorld(t)
	w.server.FillWaiters()
	for _, accept := range []string{"", "text/event-stream"} {
		r := request("booking", "GET", "/v1/changes?wait=30", "")
		r.Header.Set("Accept", accept)
		if answer := w.do(r); code(t, answer) != "changes_busy" || answer.Code != 503 || answer.Header().Get("Retry-After") == "" {
			t.Errorf("%q: %d %s", accept, answer.Code, answer.Body)
		}
	}
	if answer := w.do(request("booking", "GET", "/v1/changes", "")); answer.Code != 200 {
		t.Errorf("without wait: %d", answer.Code)
	}
}

// listen serves the world on a connection.
func (w *world) listen() string {
	h := httptest.NewServer(w.server)
	w.t.Cleanup(h.Close)
	return h.URL
}

// get asks as the booking core, with pairs of headers; the answer is closed when
// the test ends.
func (w *world) get(url string, headers ...string) *http.Response {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), "GET", url, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer booking")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := (&http.Transport{DisableCompression: true}).RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { answer.Body.Close() })
	return answer
}

// event is one of a stream.
type event struct{ id, kind, data string }

// events reads events one by one; comments are none.
func events(body io.Reader) func() (event, error) {
	lines := bufio.NewReader(body)
	return func() (e event, err error) {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return e, err
			}
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch name {
			case "":
				if e != (event{}) {
					return e, nil
				}
			case "id":
				e.id = value
			case "event":
				e.kind = value
			case "data":
				e.data = value
			}
		}
	}
}

func TestChangesAsEvents(t *testing.T) {
	w := newWorld(t)
	w.feed.add(3)
	answer := w.get(w.listen()+"/v1/changes?since=now&limit=2", "Accept", "text/event-stream", "Last-Event-ID", "1")
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", answer.StatusCode, answer.Header)
	}
	next := events(answer.Body)
	time.AfterFunc(300*time.Millisecond, func() { w.feed.add(5) })
	for n := 2; n <= 8; n++ {
		e, err := next()
		var item entitlement.Change
		if err != nil || json.Unmarshal([]byte(e.data), &item) != nil || e.id != fmt.Sprint(n) || e.kind != "employee" || string(item.Cursor) != e.id || item.Employee == nil {
			t.Fatalf("event %d: %+v %v", n, e, err)
		}
	}
}

// TestAStreamNamesItsBeginning: whoever began at the end of the feed, and heard
// nothing before the connection broke, comes back to where he began.
func TestAStreamNamesItsBeginning(t *testing.T) {
	w := newWorld(t)
	w.feed.add(3)
	answer := w.get(w.listen()+"/v1/changes?since=now", "Accept", "text/event-stream")
	if e, err := events(answer.Body)(); err != nil || e != (event{id: "3"}) {
		t.Errorf("%+v %v", e, err)
	}
}

func TestEventsRefuseWhatPagesRefuse(t *testing.T) {
	w := newWorld(t)
	for since, want := range map[string]string{"old": "cursor_expired", "nonsense": "cursor_invalid"} {
		r := request("booking", "GET", "/v1/changes", "")
		r.Header.Set("Accept", "text/event-stream")
		r.Header.Set("Last-Event-ID", since)
		if answer := w.do(r); code(t, answer) != want {
			t.Errorf("%s: %d %s", since, answer.Code, answer.Body)
		}
	}
}

// TestAStreamEndsWithItsToken looks at the closing event too.
func TestAStreamEndsWithItsToken(t *testing.T) {
	w := newWorld(t)
	w.server.SetTokenEvery(20 * time.Millisecond)
	body := w.get(w.listen()+"/v1/changes", "Accept", "text/event-stream").Body
	next := events(body)
	if _, err := next(); err != nil {
		t.Fatal(err)
	}
	w.expired.Store(true)
	began := time.Now()
	if e, err := next(); err != nil || e.kind != "close" || e.data != `{"code":"token_expired"}` || time.Since(began) > 5*time.Second {
		t.Errorf("%+v %v after %v", e, err, time.Since(began))
	}
	if _, err := next(); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// TestASlowReaderIsLetGo fills the connection of one who takes nothing.
func TestASlowReaderIsLetGo(t *testing.T) {
	w := newWorld(t)
	w.server.SetSlowReader(300 * time.Millisecond)
	w.feed.add(100_000)
	_ = w.get(w.listen()+"/v1/changes?limit=1000", "Accept", "text/event-stream")
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		switch open := w.server.ChangeStreams(); {
		case open == 0 && time.Since(began) > 100*time.Millisecond:
			return
		case time.Since(began) > 10*time.Second:
			t.Fatal("the stream is still there")
		}
	}
}

func TestSnapshotLines(t *testing.T) {
	w := newWorld(t)
	url := w.listen()
	plain, err := io.ReadAll(w.get(url + "/v1/changes/snapshot").Body)
	if err != nil {
		t.Fatal(err)
	}
	var types []entitlement.ChangeType
	for line := range strings.Lines(string(plain)) {
		var c entitlement.Change
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		types = append(types, c.Type)
	}
	if want := []entitlement.ChangeType{"snapshot", "terms", "employee", "end"}; !slices.Equal(types, want) {
		t.Errorf("%v", types)
	}
	for _, accept := range []string{"gzip", "br, gzip;q=0.5"} {
		answer := w.get(url+"/v1/changes/snapshot", "Accept-Encoding", accept)
		if answer.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("%s: %v", accept, answer.Header)
		}
		zip, err := gzip.NewReader(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		if unzipped, err := io.ReadAll(zip); err != nil || string(unzipped) != string(plain) {
			t.Errorf("%s: %v %s", accept, err, unzipped)
		}
	}
	for _, refused := range []string{"gzip;q=0", "gzip; q=0.0", "br", "identity"} {
		if answer := w.get(url+"/v1/changes/snapshot", "Accept-Encoding", refused); answer.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %v", refused, answer.Header)
		}
	}
}

// TestABrokenSnapshotIsCut: it must not look whole.
func TestABrokenSnapshotIsCut(t *testing.T) {
	w := newWorld(t)
	w.breaks = errors.New("in the middle")
	url := w.listen()
	for _, encoding := range []string{"identity", "gzip"} {
		r := request("booking", "GET", url+"/v1/changes/snapshot", "")
		r.RequestURI = ""
		r.Header.Set("Accept-Encoding", encoding)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			continue // cut before its head was sent
		}
		b, err := io.ReadAll(answer.Body)
		if answer.Body.Close(); err == nil {
			t.Errorf("%s: it came whole: %s", encoding, b)
		}
	}
	w = newWorld(t)
	w.fail = tenancy.E(tenancy.Unavailable, "database_unavailable", "Gone.")
	if answer := w.do(request("booking", "GET", "/v1/changes/snapshot", "")); answer.Code != 503 || code(t, answer) != "database_unavailable" {
		t.Errorf("before the first line: %d %s", answer.Code, answer.Body)
	}
}

func TestOnlySoManySnapshots(t *testing.T) {
	w := newWorld(t)
	url := w.listen()
	w.feed.gate = make(chan struct{})
	var open sync.WaitGroup
	for range api.MaxSnapshots {
		open.Go(func() { _, _ = io.ReadAll(w.get(url + "/v1/changes/snapshot").Body) })
	}
	for began := time.Now(); w.server.Snapshots() < api.MaxSnapshots && time.Since(began) < 5*time.Second; time.Sleep(5 * time.Millisecond) {
	}
	answer := w.get(url + "/v1/changes/snapshot")
	if answer.StatusCode != 503 || answer.Header.Get("Retry-After") != "10" {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
	close(w.feed.gate)
	open.Wait()
	if b, err := io.ReadAll(w.get(url + "/v1/changes/snapshot").Body); err != nil || !strings.Contains(string(b), `"end"`) {
		t.Errorf("afterwards: %s %v", b, err)
	}
}

func TestTermsAreGivenOnce(t *testing.T) {
	w := newWorld(t)
	answer := w.do(request("booking", "GET", "/v1/changes/terms", ""))
	tag := answer.Header().Get("ETag")
	if answer.Code != 200 || tag != `"7"` || !strings.HasPrefix(answer.Body.String(), `{"revision":7,`) {
		t.Fatalf("%d %s %s", answer.Code, tag, answer.Body)
	}
	for given, want := range map[string]int{tag: 304, "W/" + tag: 304, `"3", ` + tag: 304, "*": 304, `"70"`: 200, "7": 200} {
		r := request("booking", "GET", "/v1/changes/terms", "")
		r.Header.Set("If-None-Match", given)
		if answer := w.do(r); answer.Code != want || answer.Header().Get("ETag") != tag || want == 304 && answer.Body.Len() > 0 {
			t.Errorf("%s: %d %s", given, answer.Code, answer.Body)
		}
	}
}
