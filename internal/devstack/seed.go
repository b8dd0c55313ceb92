package devstack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// adminClient is the service account of the master realm that applies the
// catalogue on a development stack.
const adminClient = "opora-admin"

// seedRevision is raised when what a seed holds changes.
const seedRevision = 1

// seed returns a PostgreSQL data folder that already has the roles and
// databases and, with Keycloak, its schema and master realm: a fresh stack
// starts from a copy in half the time. A seed holds no secret: the roles have
// no password, the master realm has no keys (Keycloak makes new ones when it
// first needs them), and its one client a secret that nobody knows.
func (p *parts) seed(ctx context.Context, withKeycloak bool) (string, error) {
	cache, err := openCacheDir(p.cache, p.as)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("pg%d-r%d", p.postgres.major, seedRevision)
	if withKeycloak {
		name += "-kc" + filepath.Base(p.keycloak.home)
	}
	dir := filepath.Join(cache, "seed", name)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	return filepath.Join(dir, "data"), once(dir, p.waiting("another start that prepares PostgreSQL"), func(tmp string) error {
		if err := p.as.own(tmp); err != nil {
			return err
		}
		return p.fillSeed(ctx, tmp, withKeycloak)
	})
}

// fillSeed makes the seed in dir.
func (p *parts) fillSeed(ctx context.Context, dir string, withKeycloak bool) error {
	s := p.progress.begin("Preparing PostgreSQL (once)", 0)
	c := &cluster{install: p.postgres, procs: p.procs, as: p.as, data: filepath.Join(dir, "data"), fragile: true}
	err := c.initialise(ctx)
	if err == nil && withKeycloak {
		err = p.seedKeycloak(ctx, c)
	}
	return s.end(err)
}

// seedKeycloak has Keycloak make its schema and master realm in the cluster,
// and takes every secret out of them again.
func (p *parts) seedKeycloak(ctx context.Context, c *cluster) error {
	work, err := os.MkdirTemp("", "opora-seed-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	c.log = filepath.Join(work, "postgres.log")
	password := rand.Text()
	if err := c.single(ctx, "postgres", setPassword("keycloak", password)); err != nil {
		return err
	}
	k := &keycloak{parts: p, home: filepath.Join(work, "keycloak"), log: filepath.Join(work, "keycloak.log"), db: c, dbKey: password,
		env: []string{"KC_BOOTSTRAP_ADMIN_CLIENT_ID=" + adminClient, "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET=" + rand.Text()}}
	var free ports
	for _, port := range []*int{&c.port, &k.port, &k.admin} {
		if *port, err = free.take(0); err != nil {
			return err
		}
	}
	err = c.start(ctx)
	if err == nil {
		err = k.start(ctx)
	}
	k.stop()
	c.stop()
	if err != nil {
		return err
	}
	return errors.Join(
		c.single(ctx, "keycloak",
			setAdminSecret(rand.Text()),
			"DELETE FROM component_config USING component c WHERE component_id = c.id AND c.provider_type = 'org.keycloak.keys.KeyProvider'",
			"DELETE FROM component WHERE provider_type = 'org.keycloak.keys.KeyProvider'"),
		c.single(ctx, "postgres", "ALTER ROLE keycloak PASSWORD NULL"))
}

// setPassword and setAdminSecret return statements; the secrets are our own
// random texts of letters and digits, so there is nothing to quote.

func setPassword(role, password string) string {
	return "ALTER ROLE " + role + " PASSWORD '" + password + "'"
}

func setAdminSecret(secret string) string {
	return "UPDATE client SET secret = '" + secret + "' WHERE client_id = '" + adminClient + "' AND realm_id = (SELECT id FROM realm WHERE name = 'master')"
}

// copySeed copies a data folder for the account.
func copySeed(from, to string, as *account) error {
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case d.Type().IsRegular():
			return copyFile(path, target)
		}
		return fmt.Errorf("%s is neither a file nor a folder", path)
	})
	if err != nil {
		return err
	}
	return as.ownAll(to)
}
