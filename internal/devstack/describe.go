package devstack

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// randomWord returns a password that can be typed: 16 lower-case letters and
// digits, 80 bits.
func randomWord() string { return strings.ToLower(rand.Text()[:16]) }

// Describe prints what runs where, who may sign in, and what to try.
func (s *Stack) Describe(w io.Writer) {
	for _, c := range s.Contours {
		fmt.Fprintf(w, "\n%s: realm %s\n", c.Country, c.Realm)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, line := range []struct{ name, value string }{
			{"Opora", c.OporaURL}, {"Keycloak", c.KeycloakURL}, {"PostgreSQL", c.DatabaseURL}, {"logs", filepath.Join(c.dir, "log")},
		} {
			if line.value != "" {
				fmt.Fprintf(t, "  %s\t%s\n", line.name, line.value)
			}
		}
		_ = t.Flush()
		c.opora.describe(w)
	}
	if s.has(PartOpora) {
		s.suggest(w)
	}
	fmt.Fprintln(w, "\nCtrl-C stops everything; the data stay in "+s.dir+" (opora dev --reset empties it).")
}

func (o *opora) describe(w io.Writer) {
	if len(o.signIns) == 0 {
		return
	}
	fmt.Fprintf(w, "  sign in at %s/realms/%s/account (staff are asked to set up a second factor):\n", o.contour.KeycloakURL, o.contour.Realm)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range o.signIns {
		fmt.Fprintf(t, "    %s\t%s\t%s\n", s.Who, s.Login, s.Password)
	}
	_ = t.Flush()
}

// suggest prints three commands to try.
func (s *Stack) suggest(w io.Writer) {
	c := s.Contours[0]
	self := s.spec.Self
	fmt.Fprintf(w, "\nTo try, in another shell (eval \"$(%s dev --data %s --env)\" gives it the environment):\n", self, s.dir)
	for _, r := range s.spec.Sample.Rosters {
		if r.Country == c.Country && !r.ByCompany {
			fmt.Fprintf(w, "  %s roster preview %s --tenant %s\n", self, filepath.Join(c.dir, r.Name), r.Tenant)
			break
		}
	}
	fmt.Fprintf(w, "  %s catalogue plan -f %s\n", self, c.opora.catalogueDir())
	for _, sign := range c.opora.signIns {
		if sign.Employee != "" {
			fmt.Fprintf(w, "  %s entitlement check --employee %s --type psychologist --at 2026-12-01T10:00:00+03:00\n", self, sign.Employee)
		}
	}
}

// envFile holds, in a data folder, the environment of the stack that runs on
// it, for another shell.
const envFile = "env"

// writeEnv writes the environment for ReadEnv.
func (s *Stack) writeEnv() error {
	var b strings.Builder
	for _, v := range s.Env() {
		name, value, _ := strings.Cut(v, "=")
		fmt.Fprintf(&b, "export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	return os.WriteFile(filepath.Join(s.dir, envFile), []byte(b.String()), 0o600)
}

// ReadEnv returns the environment of the stack that runs on a data folder, as
// lines for a shell.
func ReadEnv(data string) (string, error) {
	l, err := tryLock(filepath.Join(data, lockFile))
	if err == nil {
		l.release()
	}
	if !errors.Is(err, errLocked) {
		return "", fmt.Errorf("no stack runs on the data in %s: start one with opora dev", data)
	}
	b, err := os.ReadFile(filepath.Join(data, envFile))
	if errors.Is(err, os.ErrNotExist) {
		return "", errors.New("the stack is still starting")
	}
	return string(b), err
}
