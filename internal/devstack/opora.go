package devstack

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Sample is what a contour is filled with.
type Sample struct {
	Catalogue fs.FS          // the sample catalogue
	Rosters   []SampleRoster // the sample rosters; none on a stack that is thrown away
}

// SampleRoster is an employee list of the sample.
type SampleRoster struct {
	Country, Tenant string
	Name            string // the file's name, which tells its format
	Content         []byte
	ByCompany       bool // the tenant's people sign in by their company and have no passwords
}

// opora is the Opora of a contour: this very program, run for each command as
// an operator would run it.
type opora struct {
	contour     *Contour
	port        int
	credentials []string // of the realm's clients, as environment variables
	signIns     []signIn
}

// catalogueDir is where the sample catalogue is written for the commands.
func (o *opora) catalogueDir() string { return filepath.Join(o.contour.dir, "catalogue") }

// start is the order in which a contour comes to life; each step is one
// command of ours.
func (o *opora) start(ctx context.Context) error {
	c := o.contour
	c.OporaURL = "http://" + net.JoinHostPort(loopback, strconv.Itoa(o.port))
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"migrating the database", func(ctx context.Context) error { return o.command(ctx, "migrate") }},
		{"applying the catalogue", o.applyCatalogue},
		{"making the ready-made clients", o.readyMade},
		{"Opora's server", func(ctx context.Context) error { _, err := o.serve(ctx, "serve", o.ready); return err }},
		{"Opora's worker", func(ctx context.Context) error { _, err := o.serve(ctx, "worker", nil); return err }},
	} {
		if err := c.phase(ctx, step.name, step.do); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	if len(c.stack.spec.Sample.Rosters) == 0 {
		return nil
	}
	if err := o.importRosters(ctx); err != nil {
		return err
	}
	return c.phase(ctx, "making the sample sign-ins", o.makeSignIns)
}

// applyCatalogue applies the sample catalogue. On a later start the realm may
// hold what its user has applied since: that is left as it is.
func (o *opora) applyCatalogue(ctx context.Context) error {
	c := o.contour
	if err := writeTree(c.stack.spec.Sample.Catalogue, o.catalogueDir()); err != nil {
		return err
	}
	applied := filepath.Join(c.dir, "catalogue-applied")
	err := o.command(ctx, "catalogue", "apply", "-f", o.catalogueDir())
	if _, before := os.Stat(applied); err != nil && before == nil && strings.Contains(err.Error(), "--accept") {
		c.stack.spec.Progress.Say("%s: the realm holds more than the sample catalogue and is left as it is (opora dev --reset starts anew)", c.Country)
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(applied, nil, 0o600)
}

// importRosters applies the sample rosters of the contour's country; applying
// one again changes nothing.
func (o *opora) importRosters(ctx context.Context) error {
	c := o.contour
	for _, r := range c.stack.spec.Sample.Rosters {
		if r.Country != c.Country {
			continue
		}
		file := filepath.Join(c.dir, r.Name)
		if err := os.WriteFile(file, r.Content, 0o600); err != nil {
			return err
		}
		err := c.phase(ctx, "importing the roster of "+r.Tenant, func(ctx context.Context) error {
			return o.command(ctx, "roster", "apply", file, "--tenant", r.Tenant, "--mode", "add")
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// loopbackReceivers lets webhooks of a development stack call this machine; the
// starter's own OPORA_WEBHOOK_ALLOW says otherwise.
const loopbackReceivers = "127.0.0.0/8,::1,localhost"

// webhookAllow is the list by which the server, the worker and whoever adds a
// webhook from the command line go alike.
func webhookAllow() string {
	if list, ok := os.LookupEnv("OPORA_WEBHOOK_ALLOW"); ok {
		return list
	}
	return loopbackReceivers
}

// passedOn are the variables that are taken over from whoever starts the stack:
// they name no contour.
var passedOn = []string{"OPORA_SCANNER", "OPORA_MAX_UPLOAD", "OPORA_UPLOAD_DIR", "OPORA_UPLOAD_DAYS"}

// cmd returns one of our own commands with the contour's environment.
func (o *opora) cmd(args ...string) *exec.Cmd {
	c := o.contour
	cmd := exec.Command(c.stack.spec.Self, args...)
	cmd.Env = append(withoutVariables(withoutVariables(os.Environ(), "OPORA_"), "KEYCLOAK_"), c.env()...)
	cmd.Env = append(cmd.Env, "OPORA_LISTEN="+net.JoinHostPort(loopback, strconv.Itoa(o.port)), "OPORA_WEBHOOK_ALLOW="+webhookAllow())
	for _, name := range passedOn {
		if value, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	cmd.Dir = c.dir
	return cmd
}

// command runs one of our commands to its end; a failure carries what it said.
func (o *opora) command(ctx context.Context, args ...string) error {
	cmd := o.cmd(args...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	name := "opora " + args[0]
	if err := o.contour.stack.procs.run(ctx, program{name: name}, cmd); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, lastLines(out.String(), 15))
	}
	return nil
}

// serve starts one of our long-running commands and waits until ready says so
// (nil: until it has lived for a moment).
func (o *opora) serve(ctx context.Context, name string, ready func(context.Context) bool) (*process, error) {
	log, err := os.OpenFile(o.contour.logFile(name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := o.cmd(name)
	cmd.Stdout, cmd.Stderr = log, log
	child, err := o.contour.stack.procs.start(program{name: "opora " + name}, cmd)
	if err != nil {
		return nil, err
	}
	asked := ready
	child.revive = func(ctx context.Context) (*process, error) { return o.serve(ctx, name, asked) }
	if began := time.Now(); ready == nil {
		ready = func(context.Context) bool { return time.Since(began) > 300*time.Millisecond && !child.ended() }
	}
	return child, child.await(ctx, time.Minute, log.Name(), ready)
}

// ready asks Opora's readiness.
func (o *opora) ready(ctx context.Context) bool { return answersOK(ctx, o.contour.OporaURL+"/readyz") }

// answersOK reports whether an address answers 200.
func answersOK(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// writeTree writes a tree of files into a folder of its own.
func writeTree(from fs.FS, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.CopyFS(dir, from)
}
