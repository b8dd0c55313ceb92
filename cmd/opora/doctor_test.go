package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// statuses returns the findings' statuses by name.
func statuses(findings []finding) map[string]findingStatus {
	found := map[string]findingStatus{}
	for _, f := range findings {
		found[f.Name] = f.Status
	}
	return found
}

func TestDoctorWithoutAContour(t *testing.T) {
	got := checkContour(t.Context(), env(nil))
	if len(got) != 1 || got[0].Status != checkNote {
		t.Errorf("an empty environment gives %+v, want one note", got)
	}
}

func TestDoctorOnABrokenContour(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("0f", 32)), 0o644); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	got := checkContour(t.Context(), env(map[string]string{
		"DATABASE_URL": "postgres://opora:" + canary + "@127.0.0.1:1/opora", "KEYCLOAK_URL": "http://127.0.0.1:1",
		"KEYCLOAK_ADMIN_CLIENT_ID": "x", "KEYCLOAK_ADMIN_CLIENT_SECRET": canary, "OPORA_KEY_FILE": key,
	}))
	for name, status := range statuses(got) {
		if status != checkFail {
			t.Errorf("%s: %s, want fail", name, status)
		}
	}
	if len(got) != 3 || time.Since(began) > 20*time.Second {
		t.Errorf("%d findings after %s", len(got), time.Since(began))
	}
	for _, f := range got {
		if strings.Contains(f.Detail, canary) {
			t.Errorf("a secret shows: %s", f.Detail)
		}
	}
}

func TestDoctorOnTheStackOfTheTests(t *testing.T) {
	for _, name := range []string{"DATABASE_URL", "KEYCLOAK_URL"} {
		if os.Getenv(name) == "" {
			t.Fatalf("%s is not set: run `make test`, or `opora dev --exec 'go test ./...'`", name)
		}
	}
	if got := checkKeycloak(t.Context(), os.LookupEnv); got.Status != checkOK || !strings.HasPrefix(got.Detail, "version 26.") {
		t.Errorf("Keycloak: %+v", got)
	}
	// The database of DATABASE_URL itself is not migrated: each test has its own.
	if got := checkDatabase(t.Context(), os.LookupEnv); got.Status == checkFail && !strings.Contains(got.Detail, "opora migrate") {
		t.Errorf("PostgreSQL: %+v", got)
	}
}
