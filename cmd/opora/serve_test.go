package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/tenancy"
)

// realm stands for Keycloak: it publishes a key and signs with it.
type realm struct {
	*httptest.Server
	key *rsa.PrivateKey
}

func newRealm(t *testing.T) *realm {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	r := &realm{key: key}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		public := jose.JSONWebKey{Key: key.Public(), KeyID: "k1", Algorithm: "RS256", Use: "sig"}
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
	}))
	t.Cleanup(r.Close)
	return r
}

// token signs an access token of the booking core.
func (r *realm) token(t *testing.T) string {
	return r.sign(t, map[string]any{"resource_access": map[string]any{audience: map[string]any{"roles": []string{"booking-core"}}}})
}

// sign signs an access token with what is told beside the usual.
func (r *realm) sign(t *testing.T, who map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: r.key}, (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", "k1"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	all := map[string]any{
		"iss": r.URL + "/realms/ponimayu", "sub": uuid.NewString(), "typ": "Bearer", "aud": audience, "country": "RU",
		"iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(),
	}
	maps.Copy(all, who)
	claims, _ := json.Marshal(all)
	jws, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// lockedBuffer may be written and read at the same time.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// running is a server under test.
type running struct {
	t     *testing.T
	url   string
	realm *realm
	id    tenancy.EmployeeID
	dbURL string
	stop  context.CancelFunc
	ended chan error
	log   *lockedBuffer
}

// start serves a fresh database with one employee of one tenant.
func start(t *testing.T) *running {
	r := &running{t: t, realm: newRealm(t), dbURL: pgtest.URL(t), id: tenancy.EmployeeID(uuid.NewString()), ended: make(chan error, 1), log: &lockedBuffer{}}
	r.fill()
	var cfg Config
	err := readConfig(env(map[string]string{
		"DATABASE_URL": r.dbURL, "OPORA_COUNTRY": "RU", "OPORA_REALM": "ponimayu", "KEYCLOAK_URL": r.realm.URL,
		"OPORA_KEY": strings.Repeat("ab", 32), "OPORA_LISTEN": "127.0.0.1:0",
	}), &cfg.Database, &cfg.Contour, &cfg.Keycloak, &cfg.Keys, &cfg.HTTP, &cfg.Uploads)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	address := make(chan net.Addr, 1)
	go func() {
		r.ended <- serve(ctx, cfg, slog.New(slog.NewJSONHandler(r.log, nil)), func(a net.Addr) { address <- a })
	}()
	select {
	case a := <-address:
		r.url = "http://" + a.String()
	case err := <-r.ended:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-r.ended; err != nil {
			t.Error(err)
		}
	})
	r.awaitReady(http.StatusOK)
	return r
}

func (r *running) fill() {
	db, err := postgres.Open(r.t.Context(), r.dbURL)
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	err = db.StoreCatalogue(r.t.Context(), tenancy.Catalogue{
		SpecialistTypes: []tenancy.SpecialistType{{Code: "psychologist"}},
		Tenants: []tenancy.Tenant{{Slug: "cdek", Contracts: []tenancy.Contract{{
			ID: "c", Country: "RU", TimeZone: "Europe/Moscow", From: tenancy.NewDate(2026, 1, 1), Until: tenancy.NewDate(2027, 1, 1),
			Grants: []tenancy.Grant{{ID: "talk", SpecialistTypes: []tenancy.SpecialistTypeCode{"psychologist"}, Amount: 6, Per: tenancy.PerEmployee, Window: tenancy.CalendarYear}},
		}}}},
	}, "r1")
	if err != nil {
		r.t.Fatal(err)
	}
	err = db.ForTenant(r.t.Context(), "cdek", func(tx pgx.Tx) error {
		if _, err := tx.Exec(r.t.Context(), `INSERT INTO person (tenant, id) VALUES ('cdek', $1)`, r.id); err != nil {
			return err
		}
		_, err := tx.Exec(r.t.Context(), `INSERT INTO employment (tenant, id, person_id, legal_entity, employee_no, employee_key, hired_on)
			VALUES ('cdek', gen_random_uuid(), $1, 'global', '17', '17', '2024-03-01')`, r.id)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// awaitReady waits until readiness has the status.
func (r *running) awaitReady(status int) {
	r.t.Helper()
	for range 200 {
		if answer, err := http.Get(r.url + "/readyz"); err == nil {
			answer.Body.Close()
			if answer.StatusCode == status {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	r.t.Fatalf("readiness never became %d", status)
}

// check asks for the employee, with the token.
func (r *running) check(client *http.Client, token string) (status int, body string, err error) {
	asked := fmt.Sprintf(`{"employee_id":%q,"specialist_type":"psychologist","at":"2026-12-01T10:00:00+03:00"}`, r.id)
	req, err := http.NewRequest("POST", r.url+"/v1/entitlements/check", strings.NewReader(asked))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	answer, err := client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(b), err
}

func TestServeAnswersChecks(t *testing.T) {
	r := start(t)
	token := r.realm.token(t)
	status, body, err := r.check(http.DefaultClient, token)
	if err != nil || status != 200 || !strings.Contains(body, `"allowed":true,"reason":"ok","limit":6`) {
		t.Fatalf("%d %s %v", status, body, err)
	}
	if strings.Contains(r.log.String(), string(r.id)) {
		t.Error("the log names who was asked about")
	}
	t.Run("Keycloak is down", func(t *testing.T) {
		r.realm.Close()
		if _, err := http.Get(r.realm.URL); err == nil {
			t.Fatal("it is not: the fault did not fire")
		}
		for _, tok := range []string{token, r.realm.token(t)} { // a known one, and one never seen
			if status, body, err := r.check(http.DefaultClient, tok); err != nil || status != 200 {
				t.Errorf("%d %s %v", status, body, err)
			}
		}
		r.awaitReady(http.StatusOK)
	})
	t.Run("a header of a megabyte", func(t *testing.T) {
		if status, _, err := r.check(http.DefaultClient, token+strings.Repeat("x", 1<<20)); err == nil && status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%d", status)
		}
		if status, _, err := r.check(http.DefaultClient, token+strings.Repeat("x", 9<<10)); err != nil || status != http.StatusUnauthorized {
			t.Errorf("nine kilobytes: %d %v", status, err)
		}
	})
}

func TestServeWithoutPostgreSQL(t *testing.T) {
	r := start(t)
	its, err := pgx.ParseConfig(r.dbURL)
	if err != nil {
		t.Fatal(err)
	}
	name := its.Database
	admin, err := pgx.Connect(t.Context(), os.Getenv("DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	if _, err := admin.Exec(t.Context(), "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false"); err != nil {
		t.Fatal(err)
	}
	var cut int
	if err := admin.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1`, name).Scan(&cut); err != nil || cut == 0 {
		t.Fatalf("%d connections were cut: %v", cut, err)
	}
	r.awaitReady(http.StatusServiceUnavailable)
	time.Sleep(time.Second)
	status, body, err := r.check(http.DefaultClient, r.realm.token(t))
	if err != nil || status != http.StatusServiceUnavailable || strings.Contains(body, name) {
		t.Errorf("a check: %d %s %v", status, body, err)
	}
	if status, err := http.Get(r.url + "/healthz"); err != nil || status.StatusCode != 200 {
		t.Errorf("the process does not say that it lives: %v", err)
	}
	if _, err := admin.Exec(t.Context(), "ALTER DATABASE "+name+" ALLOW_CONNECTIONS true"); err != nil {
		t.Fatal(err)
	}
	r.awaitReady(http.StatusOK)
	if status, body, err := r.check(http.DefaultClient, r.realm.token(t)); err != nil || status != 200 {
		t.Errorf("after it came back: %d %s %v", status, body, err)
	}
}

// TestServeStopsWithoutLosingRequests stops the server under load: every
// request that reached it is answered.
func TestServeStopsWithoutLosingRequests(t *testing.T) {
	r := start(t)
	token := r.realm.token(t)
	var answered, refused, lost atomic.Int64
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			for {
				status, body, err := r.check(client, token)
				switch {
				case err == nil && status == 200:
					answered.Add(1)
				case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
					// Reset: it waited in the kernel for a listener that closed.
					refused.Add(1)
					return
				default:
					lost.Add(1)
					t.Errorf("lost: %d %s %v", status, body, err)
					return
				}
			}
		})
	}
	time.Sleep(500 * time.Millisecond)
	began := answered.Load()
	stopped := time.Now()
	r.stop()
	load.Wait()
	if err := <-r.ended; err != nil {
		t.Error(err)
	}
	r.ended <- nil
	if took := time.Since(stopped); took > 10*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if began == 0 || answered.Load() == began || refused.Load() != 8 {
		t.Errorf("no load: %d answers before the end, %d after, %d refused", began, answered.Load()-began, refused.Load())
	}
	t.Logf("%d answers before, %d while stopping, %d lost", began, answered.Load()-began, lost.Load())
}

func TestServeSaysWhatIsMissing(t *testing.T) {
	var out, errs strings.Builder
	t.Setenv("DATABASE_URL", "")
	t.Setenv("OPORA_REALM", "")
	if code := run(t.Context(), []string{"serve"}, strings.NewReader(""), &out, &errs); code != 1 || !strings.Contains(errs.String(), "OPORA_REALM is not set") {
		t.Errorf("%d %s", code, errs.String())
	}
}
