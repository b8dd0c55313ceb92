package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// canary stands for a secret that must not show anywhere.
const canary = "canary-7f3a"

func env(pairs map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := pairs[name]; return v, ok }
}

func TestReadConfig(t *testing.T) {
	key := strings.Repeat("0f", 32)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var cfg Config
	err := readConfig(env(map[string]string{
		"DATABASE_URL": "postgres://opora:" + canary + "@127.0.0.1/opora", "OPORA_COUNTRY": "RU", "OPORA_REALM": "ponimayu",
		"KEYCLOAK_URL": "http://127.0.0.1:8081/", "OPORA_KEY_FILE": file,
	}), &cfg.Database, &cfg.Contour, &cfg.Keycloak, &cfg.Keys, &cfg.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := cfg.Keycloak.Issuer(cfg.Contour.Realm), "http://127.0.0.1:8081/realms/ponimayu"; got != want {
		t.Errorf("issuer = %s, want %s", got, want)
	}
	if len(cfg.Keys.Bytes()) != 32 || cfg.HTTP.Listen != "127.0.0.1:8080" {
		t.Errorf("key of %d bytes, listening on %q", len(cfg.Keys.Bytes()), cfg.HTTP.Listen)
	}
	if !strings.Contains(cfg.Database.URL.Reveal(), canary) {
		t.Error("the database's address lost its password")
	}
	if !cfg.KeycloakAdmin.ClientSecret.IsZero() {
		t.Error("a concern that was not asked for was read")
	}
}

func TestReadConfigNamesEveryVariable(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"nothing set", nil, []string{
			"DATABASE_URL (or DATABASE_URL_FILE) is not set", "OPORA_COUNTRY is not set", "OPORA_REALM is not set",
			"KEYCLOAK_URL is not set", "OPORA_KEY (or OPORA_KEY_FILE) is not set", "KEYCLOAK_ADMIN_CLIENT_ID is not set",
		}},
		{"wrong values", map[string]string{
			"DATABASE_URL": "mysql://" + canary, "OPORA_COUNTRY": "Russia", "OPORA_REALM": "a/b", "KEYCLOAK_URL": "keycloak",
			"OPORA_KEY": canary, "OPORA_LISTEN": "nowhere", "KEYCLOAK_ADMIN_CLIENT_SECRET": "x",
		}, []string{
			"DATABASE_URL (or DATABASE_URL_FILE) is not as it should be", "OPORA_COUNTRY is not as it should be",
			"OPORA_REALM is not as it should be", "KEYCLOAK_URL is not as it should be",
			"OPORA_KEY (or OPORA_KEY_FILE) is not as it should be", "OPORA_LISTEN is not as it should be",
		}},
		{"both ways and an absent file", map[string]string{
			"DATABASE_URL": canary, "DATABASE_URL_FILE": "/x", "OPORA_KEY_FILE": filepath.Join(t.TempDir(), "none"),
		}, []string{"DATABASE_URL and DATABASE_URL_FILE are both set", "OPORA_KEY_FILE names a file that cannot be read"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var cfg Config
			err := readConfig(env(tt.env), &cfg.Database, &cfg.Contour, &cfg.Keycloak, &cfg.KeycloakAdmin, &cfg.Keys, &cfg.HTTP)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q:\n%s", want, err)
				}
			}
			if strings.Contains(err.Error(), canary) {
				t.Errorf("the error shows a secret: %s", err)
			}
		})
	}
}

func TestSecretNeverPrints(t *testing.T) {
	s := newSecret(canary)
	holder := struct{ S, inner Secret }{s, s}
	out := fmt.Sprintf("%v %+v %#v %s %q %x %d %v %+v %#v %x", s, s, s, s, s, s, s, holder, holder, holder, &s)
	b, _ := json.Marshal(holder)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", s, "holder", holder)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", s, "holder", holder)
	for _, text := range []string{out, string(b), log.String()} {
		if strings.Contains(text, canary) || strings.Contains(text, fmt.Sprintf("%x", canary)) {
			t.Errorf("the secret shows in %s", text)
		}
	}
}
