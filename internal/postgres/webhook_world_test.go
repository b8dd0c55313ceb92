package postgres_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/seal"
	"github.com/ponimayu/opora/internal/webhook"
)

// post is what a receiver got.
type post struct {
	id   string
	body string
	head http.Header
}

// booking is a receiver on this machine, as the booking core's: it keeps what it
// gets and answers as it is told.
type booking struct {
	*httptest.Server
	mu     sync.Mutex
	posts  []post
	status int           // 204 when 0
	gate   chan struct{} // when set, each answer waits for one
	open   int           // calls at once, and the most there were
	most   int
}

func newBooking(t *testing.T) *booking {
	b := &booking{}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

// ServeHTTP implements http.Handler.
func (b *booking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	b.posts = append(b.posts, post{r.Header.Get("webhook-id"), string(body), r.Header})
	b.open++
	b.most = max(b.most, b.open)
	status, gate := b.status, b.gate
	b.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
		}
	}
	b.mu.Lock()
	b.open--
	b.mu.Unlock()
	if status == 0 {
		status = http.StatusNoContent
	}
	w.WriteHeader(status)
}

func (b *booking) answer(status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status = status
}

func (b *booking) got() []post {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]post{}, b.posts...)
}

// await waits until n messages came, and fails when they do not.
func (b *booking) await(t *testing.T, n int) []post {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got := b.got(); len(got) >= n {
			return got
		}
	}
	t.Fatalf("%d messages came, not %d", len(b.got()), n)
	return nil
}

// hooked is an office with webhooks.
type hooked struct {
	*office
	*postgres.Webhooks
	log bytes.Buffer
	mu  sync.Mutex
}

// Write is the workers' log.
func (h *hooked) Write(b []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.log.Write(b)
}

func loopback(t testing.TB) webhook.Policy {
	t.Helper()
	p, err := webhook.ParsePolicy("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func newHooked(t *testing.T) *hooked {
	t.Helper()
	h := &hooked{office: newOffice(t)}
	key, err := seal.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	if h.Webhooks, err = postgres.NewWebhooks(h.db, key, loopback(t)); err != nil {
		t.Fatal(err)
	}
	return h
}

// herald runs a worker until the test ends or it is killed.
func (h *hooked) herald() (kill func()) {
	h.t.Helper()
	workers, err := job.NewWorkers(h.db.Pool(), h.Rosters, h.people, job.WorkersOptions{
		Log: slog.New(slog.NewTextHandler(h, &slog.HandlerOptions{Level: slog.LevelWarn})), Webhooks: h.Webhooks, Sender: &webhook.Sender{Policy: loopback(h.t)},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if err := workers.Start(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = workers.Kill(ctx)
	})
	h.t.Cleanup(func() {
		kill()
		if h.t.Failed() {
			h.t.Log(h.log.String())
		}
	})
	return kill
}

// add subscribes the receiver.
func (h *hooked) add(b *booking) (webhook.ID, webhook.Secret) {
	h.t.Helper()
	s, secret, err := h.AddWebhook(h.t.Context(), operator, b.URL+"/opora", "Booking")
	if err != nil {
		h.t.Fatal(err)
	}
	return s.ID, secret
}

// news changes an employee.
func (h *hooked) news() {
	h.t.Helper()
	h.sql(`INSERT INTO person (tenant, id, last_name, email) VALUES ('cdek', gen_random_uuid(), 'Канарейкина', 'kanarejka@cdek.example')`)
}

// sql runs a statement of the contour, such as the passing of time.
func (h *hooked) sql(statement string, args ...any) {
	h.t.Helper()
	err := h.db.ForContour(h.t.Context(), func(tx pgx.Tx) error {
		_, err := tx.Exec(h.t.Context(), statement, args...)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// quiet fails when a message comes after a look of a worker's.
func (h *hooked) quiet(b *booking, n int) {
	h.t.Helper()
	if err := h.WakeWebhooks(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	time.Sleep(700 * time.Millisecond)
	if got := b.got(); len(got) != n {
		h.t.Errorf("%d messages came, not %d", len(got), n)
	}
}

// deliveries reads the newest first.
func (h *hooked) deliveries(id webhook.ID) []webhook.Record {
	h.t.Helper()
	all, err := h.WebhookDeliveries(h.t.Context(), operator, id)
	if err != nil {
		h.t.Fatal(err)
	}
	return all
}

// settled waits until the newest delivery is in the state.
func (h *hooked) settled(id webhook.ID, state webhook.State) webhook.Record {
	h.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if all := h.deliveries(id); len(all) > 0 && all[0].State == state && all[0].Tries[len(all[0].Tries)-1].Result != "" {
			return all[0]
		}
	}
	h.t.Fatalf("the newest delivery is not %s: %+v", state, h.deliveries(id))
	return webhook.Record{}
}

// passes is the verdict of the standard's own library.
func passes(t *testing.T, secret webhook.Secret, p post) bool {
	t.Helper()
	wh, err := standard.NewWebhook(secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return wh.Verify([]byte(p.body), p.head) == nil
}
