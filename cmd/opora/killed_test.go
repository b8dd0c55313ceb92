package main

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/scan/scantest"
	"github.com/ponimayu/opora/internal/tenancy"
)

// shop is a contour whose processes are processes, so that they can be killed.
type shop struct {
	t       *testing.T
	env     []string
	db      *postgres.DB
	rosters *postgres.Rosters
}

var anOperator = tenancy.Actor{ID: "operator:test", Roles: []tenancy.Role{tenancy.RoleOperator}}

func newShop(t *testing.T, more ...string) *shop {
	key := strings.Repeat("cd", 32)
	url := pgtest.URL(t)
	db, rosters, err := openRosters(t.Context(), Config{Database: DatabaseConfig{URL: newSecret(url)}, Keys: KeysConfig{Key: newSecret(key)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	catalogue := rosterCatalogue
	catalogue.Tenants = slices.Clone(catalogue.Tenants)
	catalogue.Tenants[0].Contracts = slices.Clone(catalogue.Tenants[0].Contracts)
	catalogue.Tenants[0].Contracts[0].Seats = 0 // as many as there are
	if err := db.StoreCatalogue(t.Context(), catalogue, "1"); err != nil {
		t.Fatal(err)
	}
	// Nothing of the environment in which the tests run: its stack is another.
	return &shop{t: t, db: db, rosters: rosters, env: append([]string{
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "DATABASE_URL=" + url, "OPORA_KEY=" + key, "OPORA_COUNTRY=RU", "OPORA_REALM=ponimayu", "KEYCLOAK_URL=http://127.0.0.1:1",
		"KEYCLOAK_PEOPLE_CLIENT_ID=x", "KEYCLOAK_PEOPLE_CLIENT_SECRET=x",
	}, more...)}
}

// start runs a command until it is killed, or the test ends.
func (s *shop) start(command string) *os.Process {
	s.t.Helper()
	cmd := exec.Command("opora", command)
	cmd.Env = s.env
	cmd.Stderr = &lockedBuffer{}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if s.t.Failed() {
			s.t.Logf("%s said: %s", command, cmd.Stderr)
		}
	})
	return cmd.Process
}

func (s *shop) read(id roster.ImportID) roster.Import {
	s.t.Helper()
	i, err := s.rosters.Import(s.t.Context(), anOperator, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return i
}

// await waits until the import is as asked, and says how long that took.
func (s *shop) await(id roster.ImportID, what string, is func(roster.Import) bool) time.Duration {
	s.t.Helper()
	began := time.Now()
	for {
		i := s.read(id)
		if is(i) {
			return time.Since(began)
		}
		if time.Since(began) > time.Minute || i.State == roster.Failed {
			s.t.Fatalf("it never came to %s: %+v", what, i)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func (s *shop) count(query string) (n int) {
	s.t.Helper()
	if err := s.db.ReadContour(s.t.Context(), func(tx pgx.Tx) error { return tx.QueryRow(s.t.Context(), query).Scan(&n) }); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// people is a list of so many.
func people(n int) io.Reader {
	var b bytes.Buffer
	b.WriteString("Табельный номер;Фамилия;Имя;Email;Отдел\n")
	for i := range n {
		fmt.Fprintf(&b, "%d;Примеров;Иван;p%d@cdek.example;Склад %d\n", 10000+i, i, i%50)
	}
	return &b
}

// TestAKilledWorkersListIsReadOn kills the worker while it does the one thing
// or the other; the next worker goes on within seconds.
func TestAKilledWorkersListIsReadOn(t *testing.T) {
	const rows = 20_000
	for _, test := range []struct {
		name string
		hang bool // the scanner does
		at   func(roster.Import) bool
	}{
		{"while it is scanned", true, func(i roster.Import) bool {
			return i.Progress != nil && i.Progress.Phase == roster.Scanning
		}},
		{"while it is read", false, func(i roster.Import) bool { return i.State == roster.Parsing }},
		{"while it is compared", false, func(i roster.Import) bool { return i.State == roster.Parsing && i.Counts.Rows == rows }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			daemon := scantest.Start(t)
			s := newShop(t, "OPORA_SCANNER="+daemon.Address)
			daemon.Hang(test.hang)
			first := s.start("worker")
			made, err := s.rosters.Receive(t.Context(), anOperator, postgres.Upload{Tenant: "cdek", Mode: roster.Add, File: people(rows)})
			if err != nil {
				t.Fatal(err)
			}
			s.await(made.ID, "the moment", test.at)
			if err := first.Kill(); err != nil {
				t.Fatal(err)
			}
			if i := s.read(made.ID); i.State != roster.Parsing {
				t.Fatalf("the fault did not fire: it is %s", i.State)
			}
			daemon.Hang(false)
			s.start("worker")
			took := s.await(made.ID, "its plan", func(i roster.Import) bool { return i.State == roster.Planned })
			i := s.read(made.ID)
			if i.Counts.Create != rows || s.count(`SELECT count(*) FROM import_row`) != rows || s.count(`SELECT count(*) FROM upload_chunk`) != 0 {
				t.Errorf("%+v", i.Counts)
			}
			t.Logf("planned %v after the kill", took.Round(time.Millisecond))
			if took > 30*time.Second { // the claim holds for six
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestAKilledServerLeavesNothingOfAnUpload kills the API while a list comes.
func TestAKilledServerLeavesNothingOfAnUpload(t *testing.T) {
	realm := newRealm(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	dir := t.TempDir()
	s := newShop(t, "OPORA_LISTEN="+address, "OPORA_UPLOAD_DIR="+dir, "KEYCLOAK_URL="+realm.URL)
	process := s.start("serve")
	r := &running{t: t, url: "http://" + address}
	r.awaitReady(http.StatusOK)
	body, w := io.Pipe()
	form := multipart.NewWriter(w)
	sent := make(chan struct{})
	go func() {
		part, _ := form.CreateFormFile("file", "list.csv")
		for range 8 {
			_, _ = part.Write(bytes.Repeat([]byte("x"), 1<<20))
		}
		close(sent)
		for { // until nobody takes it any more
			if _, err := part.Write(make([]byte, 1<<10)); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	request, err := http.NewRequestWithContext(t.Context(), "POST", r.url+"/v1/tenants/cdek/imports", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	request.Header.Set("Authorization", "Bearer "+realm.sign(t, map[string]any{"realm_access": map[string]any{"roles": []string{"hr-admin"}}, "hr_of": []string{"cdek"}}))
	answered := make(chan error, 1)
	go func() {
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			answer.Body.Close()
			err = fmt.Errorf("status %d", answer.StatusCode)
		}
		answered <- err
	}()
	select {
	case <-sent:
	case err := <-answered:
		t.Fatal(err)
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err == nil || strings.Contains(err.Error(), "status") {
		t.Errorf("the client is not told: %v", err)
	}
	files, err := os.ReadDir(dir)
	if n := s.count(`SELECT count(*) FROM import`) + s.count(`SELECT count(*) FROM upload_chunk`) + len(files); n != 0 || err != nil {
		t.Errorf("%d things are left, %v", n, err)
	}
}
