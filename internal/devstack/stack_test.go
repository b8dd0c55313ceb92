package devstack

import (
	"context"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// variable returns a variable's value from an environment; the last one wins.
func variable(env []string, name string) string {
	for _, v := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// TestStack starts a light stack beside the one the tests run on. It is the one
// test that starts a second Keycloak.
func TestStack(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	s, err := Start(ctx, Spec{
		Contours: []ContourSpec{{"RU", "ponimayu"}}, Only: []string{PartPostgres, PartKeycloak}, Self: os.Args[0], Progress: NewProgress(os.Stderr),
	})
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	defer func() {
		if !stopped {
			s.Stop()
		}
	}()
	env := s.Env()
	for _, name := range []string{"DATABASE_URL", "KEYCLOAK_URL", "KEYCLOAK_ADMIN_CLIENT_SECRET", "OPORA_COUNTRY", "OPORA_REALM", "OPORA_KEY_FILE"} {
		if variable(env, name) == "" {
			t.Errorf("%s is not given", name)
		}
	}
	if variable(env, "OPORA_URL") != "" || variable(env, "KEYCLOAK_URL_RU") != "" {
		t.Errorf("what does not apply is given: %v", env)
	}
	checkAdmin(ctx, t, s.Contours[0])
	checkNotRoot(t, s.Contours[0].cluster)
	dir := s.dir
	pids := []int{s.Contours[0].cluster.server.cmd.Process.Pid, s.Contours[0].keycloak.server.cmd.Process.Pid}
	pids = append(pids, descendants(pids...)...)
	stopped = true
	s.Stop()
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d outlived the stack", pid)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder %s is still there", dir)
	}
}

// checkAdmin signs in with this stack's own secret, and not with another.
func checkAdmin(ctx context.Context, t *testing.T, c *Contour) {
	t.Helper()
	admin, err := newRealmAdmin(ctx, c.KeycloakURL, "master", c.secrets.Admin)
	if err != nil {
		t.Fatal(err)
	}
	id, err := admin.client(ctx, adminClient)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := admin.secret(ctx, id); err != nil || got != c.secrets.Admin {
		t.Errorf("the client's secret is not this stack's own: %v", err)
	}
	if _, err := newRealmAdmin(ctx, c.KeycloakURL, "master", "opora-admin-secret"); err == nil {
		t.Error("a guessed secret signs in")
	}
}

// checkNotRoot looks at whose the database's folder is.
func checkNotRoot(t *testing.T, c *cluster) {
	t.Helper()
	info, err := os.Stat(c.data)
	if err != nil {
		t.Fatal(err)
	}
	if ownerOf(info) == 0 {
		t.Error("the database's folder belongs to root")
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the database's folder is open: %v", info.Mode())
	}
}

// TestStackOfTwo starts two contours and sees that they share no server.
func TestStackOfTwo(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Spec{
		Contours: []ContourSpec{{"RU", "ponimayu"}, {"KZ", "empatia"}}, Only: []string{PartPostgres}, Self: os.Args[0], Progress: NewProgress(os.Stderr),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	env := s.Env()
	ru, kz := variable(env, "DATABASE_URL_RU"), variable(env, "DATABASE_URL_KZ")
	if ru == "" || kz == "" || variable(env, "DATABASE_URL") != ru {
		t.Fatalf("the environment is not complete: %v", env)
	}
	for _, part := range []func(*url.URL) string{
		func(u *url.URL) string { return u.Host },
		func(u *url.URL) string { p, _ := u.User.Password(); return p },
	} {
		a, b := parse(t, ru), parse(t, kz)
		if part(a) == part(b) {
			t.Errorf("the contours share %q", part(a))
		}
	}
	if s.Contours[0].cluster.data == s.Contours[1].cluster.data || s.Contours[0].secrets.Key == s.Contours[1].secrets.Key {
		t.Error("the contours share their data or key")
	}
}

func parse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestKeptData stops a stack and starts it again on the same folder: the
// secrets and the data are the same ones.
func TestKeptData(t *testing.T) {
	t.Parallel()
	spec := Spec{Contours: []ContourSpec{{"RU", "ponimayu"}}, Only: []string{PartPostgres}, Data: filepath.Join(t.TempDir(), "data"), Self: os.Args[0], Progress: NewProgress(os.Stderr)}
	var system [2]string
	for i := range system {
		s, err := Start(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := os.WriteFile(filepath.Join(s.Contours[0].cluster.data, "kept"), nil, 0o600); err != nil {
				t.Error(err)
			}
		} else if _, err := os.Stat(filepath.Join(s.Contours[0].cluster.data, "kept")); err != nil {
			t.Error("the second start took another data folder")
		}
		system[i] = s.Contours[0].secrets.OporaDatabase
		s.Stop()
	}
	if system[0] != system[1] {
		t.Error("the second start made new secrets")
	}
	elsewhere, _ := os.Readlink(filepath.Join(spec.Data, "ru", clusterLink))
	if err := Reset(spec.Data); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(elsewhere); elsewhere != "" && err == nil {
		t.Errorf("reset left the database in %s", elsewhere)
	}
}

// TestFetchedPostgres runs a cluster on the binaries that are fetched where no
// server is installed. It needs the network.
func TestFetchedPostgres(t *testing.T) {
	if os.Getenv("OPORA_TEST_LONG") == "" {
		t.Skip("fetches 15 MB: part of make test-all")
	}
	as, err := serverAccount()
	if err != nil {
		t.Fatal(err)
	}
	p := testParts(t, os.Stderr)
	if p.cache, err = cacheDir(); err != nil {
		t.Fatal(err)
	}
	p.as = as
	install, err := p.fetchPostgres(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir, err := throwAwayDir()
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := as.own(dir); err != nil {
		t.Fatal(err)
	}
	c := &cluster{install: install, procs: p.procs, as: as, data: filepath.Join(dir, "data"), log: filepath.Join(dir, "log"), fragile: true}
	if err := c.initialise(t.Context()); err != nil {
		t.Fatal(err)
	}
	var free ports
	if c.port, err = free.take(0); err != nil {
		t.Fatal(err)
	}
	if err := c.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.stop()
	if b, err := exec.Command(filepath.Join(install.bin, "postgres"), "--version").Output(); err != nil || !strings.Contains(string(b), "18.3") {
		t.Errorf("version: %s, %v", b, err)
	}
}
