package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rogpeppe/go-internal/testscript"
	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/webhook"
	"github.com/ponimayu/opora/provisioner/memory"
)

// inbox is a receiver that keeps the last message and answers as it is told.
type inbox struct {
	mu     sync.Mutex
	status int
	body   []byte
	header http.Header
}

// ServeHTTP implements http.Handler.
func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.body, i.header = body, r.Header
	w.WriteHeader(i.status)
}

// TestWebhookScripts runs the stories of webhooks with a worker and a receiver.
func TestWebhookScripts(t *testing.T) {
	got := &inbox{status: http.StatusNoContent}
	receiver := httptest.NewServer(got)
	t.Cleanup(receiver.Close)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/webhook",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"hook":     readHook,
			"verifies": func(ts *testscript.TestScript, not bool, _ []string) { verifies(ts, got, not) },
			"answer": func(_ *testscript.TestScript, _ bool, args []string) {
				got.mu.Lock()
				defer got.mu.Unlock()
				got.status = map[string]int{"teapot": http.StatusTeapot, "ok": http.StatusOK}[args[0]]
			},
		},
		Setup: func(env *testscript.Env) error {
			url, key := pgtest.URL(t), strings.Repeat("ab", 32)
			env.Setenv("DATABASE_URL", url)
			env.Setenv("OPORA_KEY", key)
			env.Setenv("OPORA_WEBHOOK_ALLOW", "127.0.0.1")
			env.Setenv("RECEIVER", receiver.URL+"/opora")
			return heraldInMemory(t, url, key)
		},
	})
}

// readHook FILE sets HOOK and SECRET from the JSON of FILE.
func readHook(ts *testscript.TestScript, _ bool, args []string) {
	var hook struct{ ID, Secret string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &hook))
	ts.Setenv("HOOK", hook.ID)
	ts.Setenv("SECRET", hook.Secret)
}

// verifies holds the last message to SECRET.
func verifies(ts *testscript.TestScript, got *inbox, not bool) {
	got.mu.Lock()
	defer got.mu.Unlock()
	wh, err := webhooks.NewWebhook(ts.Getenv("SECRET"))
	ts.Check(err)
	if err := wh.Verify(got.body, got.header); (err == nil) == not {
		ts.Fatalf("the last message: %v", err)
	}
}

// heraldInMemory runs a worker that tells webhooks until the test ends.
func heraldInMemory(t *testing.T, url, key string) error {
	cfg := Config{Database: DatabaseConfig{URL: newSecret(url)}, Keys: KeysConfig{Key: newSecret(key)}, Webhooks: WebhooksConfig{Allow: "127.0.0.1"}}
	db, rosters, err := openRosters(t.Context(), cfg)
	if err != nil {
		return err
	}
	hooks, err := openWebhooks(db, cfg)
	if err != nil {
		return err
	}
	workers, err := job.NewWorkers(db.Pool(), rosters, memory.NewPeople("cdek"), job.WorkersOptions{
		Log: slog.New(slog.DiscardHandler), Webhooks: hooks, Sender: &webhook.Sender{Policy: cfg.Webhooks.Policy()},
	})
	if err != nil {
		return err
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = workers.Kill(ctx)
		db.Close()
	})
	return workers.Start(context.Background())
}

func TestWebhookMetrics(t *testing.T) {
	asked := 0
	var fail error
	metrics := newWebhookMetrics(func(context.Context) ([]webhook.Subscription, error) {
		asked++
		return []webhook.Subscription{
			{ID: "a", Enabled: true},
			{ID: "b", Enabled: true, FailingSince: time.Now().Add(-90 * time.Minute)},
			{ID: "c", DisabledReason: webhook.DisabledFailing, FailingSince: time.Now().Add(-120 * time.Hour)},
		}, fail
	})
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics)
	scrape := func() string {
		answer := httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
		return answer.Body.String()
	}
	for range 3 {
		got := scrape()
		for _, line := range []string{`opora_webhook_disabled{reason="",webhook="a"} 0`, `opora_webhook_disabled{reason="failing",webhook="c"} 1`,
			`opora_webhook_failing_seconds{webhook="a"} 0`, `opora_webhook_failing_seconds{webhook="b"} 5`} {
			if !strings.Contains(got, line) {
				t.Errorf("no %s in %s", line, got)
			}
		}
	}
	if asked != 1 {
		t.Errorf("the database was asked %d times", asked)
	}
	fail = errors.New("down")
	metrics.asked = metrics.asked.Add(-2 * webhookMetricsFor)
	if got := scrape(); strings.Contains(got, "opora_webhook_disabled{") {
		t.Errorf("what was known last is told: %s", got)
	}
}

func TestDoctorsWordOfWebhooks(t *testing.T) {
	since := time.Date(2026, 11, 21, 16, 0, 0, 0, time.UTC)
	told := []webhook.Subscription{{ID: "a", Enabled: true}, {ID: "b", DisabledReason: webhook.DisabledAsked, FailingSince: since}}
	if f := judgeWebhooks("webhooks", told); f.Status != checkOK {
		t.Errorf("%+v", f)
	}
	for state, s := range map[string]webhook.Subscription{
		"disabled: gone":                    {ID: "c", DisabledReason: webhook.DisabledGone},
		"failing since 2026-11-21 16:00:00": {ID: "c", Enabled: true, FailingSince: since},
	} {
		if f := judgeWebhooks("webhooks", append(told, s)); f.Status != checkNote || !strings.Contains(f.Detail, "c ("+state+")") {
			t.Errorf("%+v, want %s", f, state)
		}
	}
}
