package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/devstack"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/scan"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner/keycloak"
)

// finding is one line of the doctor's report.
type finding struct {
	Name   string        `json:"name"`
	Status findingStatus `json:"status"`
	Detail string        `json:"detail"`
}

// findingStatus is what a check came to.
type findingStatus string

// A note is about this machine and fails nothing: a contour needs no Java here.
const (
	checkOK   findingStatus = "ok"
	checkNote findingStatus = "note"
	checkFail findingStatus = "fail"
)

// leastPostgres is the oldest PostgreSQL that Opora runs on.
const leastPostgres = 14

// newDoctorCommand is `opora doctor`.
func newDoctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check what this machine and the contour have, and say what to do",
		Long: `Check what this machine has for opora dev and, when the environment names a contour
(DATABASE_URL, KEYCLOAK_URL, …), whether its parts answer and are as they should be.
Nothing is changed. The exit status is 1 when a check fails.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			checks := append(checkMachine(), checkContour(cmd.Context(), os.LookupEnv)...)
			checks = append(checks, checkLists(cmd.Context(), os.LookupEnv), checkScanner(cmd.Context(), os.LookupEnv), checkWebhooks(cmd.Context(), os.LookupEnv))
			if err := writeChecks(cmd.OutOrStdout(), wantsJSON(cmd), checks); err != nil {
				return err
			}
			for _, c := range checks {
				if c.Status == checkFail {
					return exitError{1}
				}
			}
			return nil
		},
	}
}

func writeChecks(w io.Writer, asJSON bool, checks []finding) error {
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{"checks": checks})
	}
	for _, c := range checks {
		if _, err := fmt.Fprintf(w, "%-5s %-22s %s\n", c.Status, c.Name, c.Detail); err != nil {
			return err
		}
	}
	return nil
}

// checkMachine looks for what `opora dev` needs.
func checkMachine() (checks []finding) {
	for _, f := range devstack.Survey() {
		if f.Found != "" {
			checks = append(checks, finding{f.Name, checkOK, f.Found})
		} else {
			checks = append(checks, finding{f.Name, checkNote, "not found: " + f.Advice})
		}
	}
	return checks
}

// checkContour checks the parts that the environment names; a contour that is
// not named at all is a note.
func checkContour(ctx context.Context, lookup func(string) (string, bool)) (checks []finding) {
	named := false
	for _, part := range []struct {
		variable string
		look     func(context.Context, func(string) (string, bool)) finding
	}{
		{"DATABASE_URL", checkDatabase}, {"KEYCLOAK_URL", checkKeycloak}, {"OPORA_KEY", checkKey},
	} {
		if isSet(lookup, part.variable) || isSet(lookup, part.variable+"_FILE") {
			named = true
			checks = append(checks, part.look(ctx, lookup))
		}
	}
	if !named {
		return []finding{{"contour", checkNote, "DATABASE_URL, KEYCLOAK_URL and OPORA_KEY_FILE are not set: there is no contour to look at"}}
	}
	return checks
}

func isSet(lookup func(string) (string, bool), name string) bool {
	value, ok := lookup(name)
	return ok && value != ""
}

// checkDatabase connects, and compares the versions of server and schema.
func checkDatabase(ctx context.Context, lookup func(string) (string, bool)) finding {
	const name = "PostgreSQL"
	var cfg DatabaseConfig
	if err := readConfig(lookup, &cfg); err != nil {
		return failed(name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	db, err := postgres.Open(ctx, cfg.URL.Reveal())
	if err != nil {
		return failed(name, err)
	}
	defer db.Close()
	found, err := db.Look(ctx)
	switch {
	case err != nil:
		return failed(name, err)
	case found.Server < leastPostgres:
		return finding{name, checkFail, fmt.Sprintf("is version %d; Opora needs %d or newer", found.Server, leastPostgres)}
	case found.Schema > found.Wanted:
		return finding{name, checkFail, fmt.Sprintf("its schema %d was made by a newer Opora (this one knows %d): run that one", found.Schema, found.Wanted)}
	case found.Missing > 0:
		return finding{name, checkFail, fmt.Sprintf("its schema lacks %d of this version's migrations: run opora migrate", found.Missing)}
	}
	return finding{name, checkOK, fmt.Sprintf("version %d, schema %d", found.Server, found.Schema)}
}

// checkKeycloak signs in with the credential there is and asks the version;
// without one it only sees whether Keycloak and the realm answer.
func checkKeycloak(ctx context.Context, lookup func(string) (string, bool)) finding {
	const name = "Keycloak"
	var where KeycloakConfig
	if err := readConfig(lookup, &where); err != nil {
		return failed(name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var admin KeycloakAdminConfig
	if err := readConfig(lookup, &admin); err != nil {
		return checkRealmAnswers(ctx, lookup, where)
	}
	client := keycloak.New(keycloak.Config{URL: where.URL, TokenRealm: "master", ClientID: admin.ClientID, ClientSecret: admin.ClientSecret.Reveal(), Attempts: 1})
	version, err := client.CheckVersion(ctx)
	if err != nil {
		return failed(name, err)
	}
	return finding{name, checkOK, "version " + version}
}

// checkRealmAnswers fetches what everybody may: the realm's public description.
func checkRealmAnswers(ctx context.Context, lookup func(string) (string, bool), where KeycloakConfig) finding {
	const name = "Keycloak"
	var contour ContourConfig
	if err := readConfig(lookup, &contour); err != nil {
		return failed(name, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, where.KeysURL(contour.Realm), nil)
	if err != nil {
		return failed(name, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return finding{name, checkFail, "does not answer at KEYCLOAK_URL: is it started, and reachable from here?"}
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return finding{name, checkFail, fmt.Sprintf("answers %s for the realm %s: run opora catalogue apply, or mend OPORA_REALM", resp.Status, contour.Realm)}
	}
	return finding{name, checkOK, "answers for the realm " + contour.Realm + " (its version is told only with KEYCLOAK_ADMIN_CLIENT_ID and its secret)"}
}

// checkKey reads the key and looks at who else may.
func checkKey(_ context.Context, lookup func(string) (string, bool)) finding {
	const name = "key"
	var cfg KeysConfig
	if err := readConfig(lookup, &cfg); err != nil {
		return failed(name, err)
	}
	file, _ := lookup("OPORA_KEY_FILE")
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o077 != 0 {
		return finding{name, checkFail, "others may read the file of OPORA_KEY_FILE: chmod 600 it"}
	}
	return finding{name, checkOK, "32 bytes"}
}

// checkStored looks at what PostgreSQL holds, where it is to be reached.
func checkStored(ctx context.Context, lookup func(string) (string, bool), name string, look func(context.Context, *postgres.DB) finding) finding {
	unreached := finding{name, checkNote, "not looked at: PostgreSQL is not to be reached"}
	var cfg DatabaseConfig
	if err := readConfig(lookup, &cfg); err != nil {
		return unreached
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	db, err := postgres.Open(ctx, cfg.URL.Reveal())
	if err != nil {
		return unreached
	}
	defer db.Close()
	return look(ctx, db)
}

// checkLists looks for promised lists that have not come.
func checkLists(ctx context.Context, lookup func(string) (string, bool)) finding {
	const name = "promised lists"
	return checkStored(ctx, lookup, name, func(ctx context.Context, db *postgres.DB) finding {
		all, err := db.ListsDue(ctx, time.Now())
		if err != nil {
			return finding{name, checkNote, "not looked at: the contour has no catalogue yet, or its schema is older"}
		}
		var late []string
		for _, s := range all {
			if s.Overdue {
				late = append(late, string(s.Tenant))
			}
		}
		if len(late) > 0 {
			return finding{name, checkNote, fmt.Sprintf("overdue of %s, whose leavers keep access meanwhile: see opora roster due", strings.Join(late, ", "))}
		}
		return finding{name, checkOK, fmt.Sprintf("%d tenants have promised lists, none is overdue", len(all))}
	})
}

// checkScanner asks the scanner of uploaded files, where there is one.
func checkScanner(ctx context.Context, lookup func(string) (string, bool)) finding {
	const name = "scanner"
	var cfg ScannerConfig
	if err := readConfig(lookup, &cfg); err != nil {
		return failed(name, err)
	}
	if cfg.Address == "" {
		return finding{name, checkNote, "OPORA_SCANNER is not set: uploaded lists are read without being scanned"}
	}
	scanner, err := scan.New(cfg.Address)
	if err != nil {
		return failed(name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	version, err := scanner.Version(ctx)
	if err != nil {
		return finding{name, checkFail, "clamd does not answer at OPORA_SCANNER: uploaded lists wait until it does"}
	}
	return finding{name, checkOK, version}
}

// failed words an error for the report: what to do is in its message.
func failed(name string, err error) finding {
	var e *tenancy.Error
	if errors.As(err, &e) {
		return finding{name, checkFail, e.Message}
	}
	return finding{name, checkFail, err.Error()}
}
