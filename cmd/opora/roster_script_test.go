package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner/memory"
)

// TestRosterScripts runs the stories of imports on a PostgreSQL of their own,
// with workers that write into a Keycloak in memory.
func TestRosterScripts(t *testing.T) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	testscript.Run(t, testscript.Params{
		Dir:  "testdata/roster",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"importid": importID},
		Setup: func(env *testscript.Env) error {
			url := pgtest.URL(t)
			env.Setenv("DATABASE_URL", url)
			env.Setenv("OPORA_KEY", hex.EncodeToString(secret))
			return workInMemory(t, url, secret, rosterCatalogue)
		},
	})
}

// importID FILE sets IMPORT to the id of the import that FILE holds as JSON.
func importID(ts *testscript.TestScript, _ bool, args []string) {
	var found struct{ ID string }
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &found))
	ts.Setenv("IMPORT", found.ID)
}

// workInMemory stores a catalogue and runs the workers until the test ends.
func workInMemory(t *testing.T, url string, secret []byte, sold tenancy.Catalogue) error {
	cfg := Config{Database: DatabaseConfig{URL: newSecret(url)}, Keys: KeysConfig{Key: newSecret(hex.EncodeToString(secret))}}
	db, rosters, err := openRosters(t.Context(), cfg)
	if err != nil {
		return err
	}
	if err := db.StoreCatalogue(t.Context(), sold, "1"); err != nil {
		return err
	}
	workers, err := job.NewWorkers(db.Pool(), rosters, memory.NewPeople("cdek"), job.WorkersOptions{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = workers.Kill(ctx)
		db.Close()
	})
	return postgres.Face(workers.Start(context.Background()))
}

var rosterCatalogue = tenancy.Catalogue{
	Countries: []tenancy.Country{{Code: "RU", Realm: "ponimayu", TimeZone: "Europe/Moscow", PhoneRegion: "RU"}},
	Tenants: []tenancy.Tenant{{
		Slug: "cdek", LegalEntities: []tenancy.LegalEntity{{Code: "global", Name: "ООО Глобал", Default: true}},
		Contracts: []tenancy.Contract{{ID: "cdek-ru", Country: "RU", TimeZone: "Europe/Moscow", From: tenancy.NewDate(2026, 1, 1), Until: tenancy.NewDate(2030, 1, 1), Seats: 100}},
	}},
}
