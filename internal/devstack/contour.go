package devstack

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// Contour is one country's sealed installation: a PostgreSQL of its own, a
// Keycloak of its own, an Opora of its own.
type Contour struct {
	Country, Realm string

	KeycloakURL string
	OporaURL    string
	DatabaseURL string

	stack    *Stack
	index    int
	dir      string
	secrets  secrets
	cluster  *cluster
	keycloak *keycloak
	opora    *opora
}

// secrets are made once per contour and kept with its data.
type secrets struct {
	KeycloakDatabase string `json:"keycloak_database"`
	OporaDatabase    string `json:"opora_database"`
	Admin            string `json:"keycloak_admin_client"`
	Key              string `json:"opora_key"` // 32 bytes in hex
}

// The usual ports; a second contour takes those ten above.
const (
	usualOpora    = 8080
	usualKeycloak = 8081
	usualHealth   = 8082
	usualPostgres = 5433
	usualStep     = 10
)

// clusterLink is the database's folder in a contour's folder; a link to a
// folder below rootData when PostgreSQL's user cannot reach the contour's.
const (
	clusterLink = "postgres"
	rootData    = "/var/lib/opora-dev"
)

// newContour prepares a contour's folder, secrets and ports.
func newContour(s *Stack, spec ContourSpec, index int) (*Contour, error) {
	c := &Contour{Country: spec.Country, Realm: spec.Realm, stack: s, index: index, dir: filepath.Join(s.dir, strings.ToLower(spec.Country))}
	if err := os.MkdirAll(filepath.Join(c.dir, "log"), 0o755); err != nil {
		return nil, err
	}
	if err := c.readSecrets(); err != nil {
		return nil, err
	}
	postgres, err := c.clusterDir()
	if err != nil {
		return nil, err
	}
	c.cluster = &cluster{install: s.parts.postgres, procs: s.procs, as: s.parts.as, data: filepath.Join(postgres, "data"), log: c.logFile("postgres"), fragile: s.spec.Data == ""}
	c.keycloak = &keycloak{parts: s.parts, home: filepath.Join(c.dir, "keycloak"), log: c.logFile("keycloak"), db: c.cluster, dbKey: c.secrets.KeycloakDatabase}
	c.opora = &opora{contour: c}
	return c, c.takePorts()
}

func (c *Contour) logFile(name string) string { return filepath.Join(c.dir, "log", name+".log") }

// readSecrets reads the contour's secrets, or makes them.
func (c *Contour) readSecrets() error {
	file := filepath.Join(c.dir, "secrets.json")
	b, err := os.ReadFile(file)
	switch {
	case err == nil:
		if err := json.Unmarshal(b, &c.secrets); err != nil {
			return errors.New(file + " is damaged; opora dev --reset starts afresh")
		}
	case errors.Is(err, os.ErrNotExist):
		key := make([]byte, 32)
		_, _ = rand.Read(key)
		c.secrets = secrets{KeycloakDatabase: rand.Text(), OporaDatabase: rand.Text(), Admin: rand.Text(), Key: hex.EncodeToString(key)}
		b, _ := json.Marshal(c.secrets)
		if err := os.WriteFile(file+".part", b, 0o600); err != nil {
			return err
		}
		if err := os.Rename(file+".part", file); err != nil {
			return err
		}
	default:
		return err
	}
	return os.WriteFile(c.keyFile(), []byte(c.secrets.Key+"\n"), 0o600)
}

// keyFile holds Opora's key, for OPORA_KEY_FILE.
func (c *Contour) keyFile() string { return filepath.Join(c.dir, "key") }

// clusterDir returns the folder for PostgreSQL's data.
func (c *Contour) clusterDir() (string, error) {
	dir := filepath.Join(c.dir, clusterLink)
	as := c.stack.parts.as
	if as.reaches(c.dir) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
		return dir, as.own(dir)
	}
	sum := sha256.Sum256([]byte(c.dir))
	target := filepath.Join(rootData, hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(target, 0o755); err != nil {
		return "", err
	}
	if err := os.Symlink(target, dir); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return target, as.own(target)
}

// takePorts chooses the contour's ports: the usual ones for a stack that is
// kept, when they are free, else any.
func (c *Contour) takePorts() error {
	choose := []struct {
		what  string
		usual int
		port  *int
	}{
		{"Opora", usualOpora, &c.opora.port}, {"Keycloak", usualKeycloak, &c.keycloak.port},
		{"Keycloak's health", usualHealth, &c.keycloak.admin}, {"PostgreSQL", usualPostgres, &c.cluster.port},
	}
	for _, p := range choose {
		usual := 0
		if c.stack.spec.Data != "" {
			usual = p.usual + c.index*usualStep
		}
		port, err := c.stack.ports.take(usual)
		if err != nil {
			return err
		}
		*p.port = port
		if usual != 0 && port != usual {
			c.stack.spec.Progress.Say("opora: port %d is busy: %s of %s takes %d", usual, p.what, c.Country, port)
		}
	}
	return nil
}

// start starts the contour's parts in order.
func (c *Contour) start(ctx context.Context) error {
	if err := c.prepareCluster(ctx); err != nil {
		return err
	}
	if err := c.phase(ctx, "PostgreSQL", c.startPostgres); err != nil {
		return err
	}
	if c.stack.has(PartKeycloak) {
		if err := c.phase(ctx, "Keycloak", c.startKeycloak); err != nil {
			return err
		}
	}
	if c.stack.has(PartOpora) {
		return c.opora.start(ctx)
	}
	return nil
}

// prepareCluster copies the seed and gives it the contour's own secrets, when
// the contour is new. The data folder gets its name when it is whole.
func (c *Contour) prepareCluster(ctx context.Context) error {
	if _, err := os.Stat(c.cluster.data); err == nil {
		return c.checkClusterVersion()
	}
	seed, err := c.stack.parts.seed(ctx, c.stack.has(PartKeycloak))
	if err != nil {
		return err
	}
	fresh := *c.cluster
	fresh.data += ".part"
	if err := os.RemoveAll(fresh.data); err != nil {
		return err
	}
	if err := copySeed(seed, fresh.data, fresh.as); err != nil {
		return err
	}
	if err := fresh.single(ctx, "postgres", setPassword("keycloak", c.secrets.KeycloakDatabase), setPassword("opora", c.secrets.OporaDatabase)); err != nil {
		return err
	}
	if c.stack.has(PartKeycloak) {
		if err := fresh.single(ctx, "keycloak", setAdminSecret(c.secrets.Admin)); err != nil {
			return err
		}
	}
	return os.Rename(fresh.data, c.cluster.data)
}

// checkClusterVersion refuses a data folder of another PostgreSQL.
func (c *Contour) checkClusterVersion() error {
	b, err := os.ReadFile(filepath.Join(c.cluster.data, "PG_VERSION"))
	if err != nil {
		return err
	}
	if made, found := strings.TrimSpace(string(b)), c.stack.parts.postgres.majorText(); made != found {
		return errors.New("the data were made by PostgreSQL " + made + ", found was " + found + ": install that version, or start afresh with opora dev --reset")
	}
	return nil
}

// startTries is how often a server is tried again on another port when
// somebody took the chosen one first.
const startTries = 3

func (c *Contour) startPostgres(ctx context.Context) (err error) {
	for range startTries {
		c.DatabaseURL = c.cluster.url("opora", c.secrets.OporaDatabase)
		if err = c.cluster.start(ctx); err == nil || !portTaken(err) {
			return err
		}
		if c.cluster.port, err = c.stack.ports.take(0); err != nil {
			return err
		}
	}
	return err
}

func (c *Contour) startKeycloak(ctx context.Context) (err error) {
	for range startTries {
		c.KeycloakURL = c.keycloak.url()
		if err = c.keycloak.start(ctx); err == nil || !portTaken(err) {
			return err
		}
		for _, port := range []*int{&c.keycloak.port, &c.keycloak.admin} {
			if *port, err = c.stack.ports.take(0); err != nil {
				return err
			}
		}
	}
	return err
}

// env returns the environment of a command on this contour: what of it applies
// to the parts that were started.
func (c *Contour) env() []string {
	env := []string{
		"OPORA_COUNTRY=" + c.Country, "OPORA_REALM=" + c.Realm, "DATABASE_URL=" + c.DatabaseURL, "OPORA_KEY_FILE=" + c.keyFile(),
	}
	if c.KeycloakURL != "" {
		env = append(env, "KEYCLOAK_URL="+c.KeycloakURL, "KEYCLOAK_ADMIN_CLIENT_ID="+adminClient, "KEYCLOAK_ADMIN_CLIENT_SECRET="+c.secrets.Admin)
	}
	if c.OporaURL != "" {
		env = append(env, "OPORA_URL="+c.OporaURL, "OPORA_WEBHOOK_ALLOW="+webhookAllow())
	}
	return append(env, c.opora.credentials...)
}
