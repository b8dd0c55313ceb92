package api_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ponimayu/opora/api"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// growing is an import that goes a step further each time it is read.
type growing struct {
	api.Rosters
	mu    sync.Mutex
	steps []roster.Import
}

func (g *growing) ImportProgress(context.Context, tenancy.Actor, roster.ImportID) (roster.Import, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.steps[0]
	if len(g.steps) > 1 {
		g.steps = g.steps[1:]
	}
	return now, nil
}

func TestEventsTellEachChangeAndEnd(t *testing.T) {
	parsing := anImport(roster.Parsing)
	parsing.Progress = &roster.Progress{Phase: roster.ReadingRows, Rows: 100}
	_, url := listen(t, &growing{steps: []roster.Import{anImport(roster.Received), parsing, parsing, anImport(roster.Planned), anImport(roster.Applied)}}, t.TempDir())
	r, err := http.NewRequestWithContext(t.Context(), "GET", url+"/v1/imports/"+importOfCDEK+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer hr-cdek")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", answer.StatusCode, answer.Header)
	}
	began := time.Now()
	var events []string
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			if events = append(events, data); len(events) == 1 && time.Since(began) > 400*time.Millisecond {
				t.Error("the first event waited for the second")
			}
		}
	}
	if lines.Err() != nil || len(events) != 5 {
		t.Fatalf("%v: %d events: %q", lines.Err(), len(events), events)
	}
	for n, want := range []string{`"state":"received"`, `"progress":{"phase":"parsing","rows":100}`, `"state":"planned"`, `"state":"applied"`, "{}"} {
		if !strings.Contains(events[n], want) {
			t.Errorf("event %d: %s, want %s", n, events[n], want)
		}
	}
}

func TestOnlySoManyStreams(t *testing.T) {
	_, url := listen(t, &growing{steps: []roster.Import{anImport(roster.Planned)}}, t.TempDir())
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for n := range api.MaxStreams + 1 {
		r, err := http.NewRequestWithContext(ctx, "GET", url+"/v1/imports/"+importOfCDEK+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer hr-cdek")
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if want := map[bool]int{true: 503, false: 200}[n == api.MaxStreams]; answer.StatusCode != want {
			t.Fatalf("stream %d: %d", n, answer.StatusCode)
		}
	}
}
