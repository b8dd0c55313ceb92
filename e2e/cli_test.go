//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// binary builds opora once, as `make build` does.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "opora-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "opora")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", path, "../cmd/opora")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// opora runs a command on the stack and returns its exit status and output.
func opora(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// must runs a command that has to exit with the status.
func must(t *testing.T, status int, args ...string) string {
	t.Helper()
	got, out, errs := opora(t, args...)
	if got != status {
		t.Fatalf("opora %s: status %d, want %d\n%s%s", strings.Join(args, " "), got, status, out, errs)
	}
	return out
}

const sampleCatalogue = "../templates/demo/catalogue"

// TestDriftIsShownAndMended changes the realm by hand: the next plan shows it,
// the next apply mends it, and what Opora did not make stays.
func TestDriftIsShownAndMended(t *testing.T) {
	newStack(t)
	must(t, 0, "catalogue", "plan", "-f", sampleCatalogue)
	admin := newAdmin(t)
	admin.call("PUT", "", map[string]any{"displayName": "Вручную"}, 204)
	admin.call("POST", "/groups", map[string]any{"name": "by-hand"}, 201)
	t.Cleanup(func() {
		var made []struct{ ID string }
		if err := json.Unmarshal(admin.call("GET", "/groups?search=by-hand", nil, 200), &made); err != nil || len(made) != 1 {
			t.Errorf("what Opora did not make is gone: %v %v", made, err)
			return
		}
		admin.call("DELETE", "/groups/"+made[0].ID, nil, 204)
	})
	if out := must(t, 2, "catalogue", "plan", "-f", sampleCatalogue); !strings.Contains(out, "Вручную") || strings.Contains(out, "by-hand") {
		t.Errorf("the plan of what was changed by hand:\n%s", out)
	}
	must(t, 0, "catalogue", "apply", "-f", sampleCatalogue)
	must(t, 0, "catalogue", "plan", "-f", sampleCatalogue)
}

// TestRosterByCommandLine is HR's way at the command line: the same code as the
// API's, so a list that was applied by one is unchanged for the other.
func TestRosterByCommandLine(t *testing.T) {
	s := newStack(t)
	staff := people(3)
	file := filepath.Join(t.TempDir(), "list.xlsx")
	if err := os.WriteFile(file, workbook(t, staff), 0o600); err != nil {
		t.Fatal(err)
	}
	counts := func(out string) map[string]int {
		var i imported
		if err := json.Unmarshal([]byte(out), &i); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return i.Counts
	}
	if c := counts(must(t, 0, "roster", "preview", file, "--tenant", "avito", "--output", "json")); c["create"] != 3 {
		t.Fatalf("preview: %v", c)
	}
	must(t, 0, "roster", "apply", file, "--tenant", "avito")
	if c := counts(must(t, 0, "roster", "preview", file, "--tenant", "avito", "--output", "json")); c["unchanged"] != 3 {
		t.Fatalf("the same file again: %v", c)
	}
	one := s.findOne(s.token("HR_AVITO"), "avito", staff[0].no)
	out := must(t, 0, "entitlement", "check", "--employee", one.id, "--type", "psychologist", "--at", time.Now().Add(24*time.Hour).Format(time.RFC3339), "--output", "json")
	var byCommand, byAPI decision
	if err := json.Unmarshal([]byte(out), &byCommand); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	byAPI = into[decision](t, s.check(s.token("BOOKING"), one.id, time.Now().Add(24*time.Hour), nil), http.StatusOK)
	if !byAPI.Allowed || byAPI.Reason != byCommand.Reason || byAPI.Limit != byCommand.Limit {
		t.Errorf("the API says %+v, the command line %+v", byAPI, byCommand)
	}
}

// admin changes the realm by hand, as somebody in Keycloak's console would.
type admin struct {
	t    *testing.T
	s    *stack
	base string
}

func newAdmin(t *testing.T) admin {
	s := newStack(t)
	return admin{t, s, s.keycloak + "/admin/realms/" + s.realm}
}

// call asks the admin API below the realm and returns the body.
func (a admin) call(method, path string, body any, status int) []byte {
	a.t.Helper()
	client := masterClient(a.t, a.s).Client(context.Background())
	b, _ := json.Marshal(body)
	req, err := http.NewRequest(method, a.base+path, bytes.NewReader(b))
	if err != nil {
		a.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := client.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer answer.Body.Close()
	var text bytes.Buffer
	_, _ = text.ReadFrom(answer.Body)
	if answer.StatusCode != status {
		a.t.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, text.String())
	}
	return text.Bytes()
}
