package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
)

// openfgaBinary is where `make bench` builds OpenFGA's server from the module in
// bench/openfga, which pins its version.
const openfgaBinary = "bin/tools/openfga"

// openfgaModel asks OpenFGA the question that Opora's check answers, as far as
// it can be asked there: whether an employee may use a service of his tenant at
// a time, by a contract that is in force. What is left out would only cost it
// more: allowances and what is left of them, windows, several grants that add
// up, overrides, the reason of a refusal, until when the answer holds.
const openfgaModel = `{
	"schema_version": "1.1",
	"type_definitions": [
		{"type": "employee"},
		{"type": "tenant", "relations": {"employee": {"this": {}}},
			"metadata": {"relations": {"employee": {"directly_related_user_types": [{"type": "employee"}]}}}},
		{"type": "service", "relations": {"may_use": {"this": {}}},
			"metadata": {"relations": {"may_use": {"directly_related_user_types": [{"type": "tenant", "relation": "employee", "condition": "in_force"}]}}}}
	],
	"conditions": {"in_force": {"name": "in_force", "expression": "at >= from && at < until", "parameters": {
		"at": {"type_name": "TYPE_NAME_TIMESTAMP"}, "from": {"type_name": "TYPE_NAME_TIMESTAMP"}, "until": {"type_name": "TYPE_NAME_TIMESTAMP"}}}}
}`

// openfga is OpenFGA's server on a database of its own in the stack's
// PostgreSQL.
type openfga struct {
	base      string
	server    *exec.Cmd
	drop      func() error
	model     string
	employees int
}

// startOpenFGA starts the server, with its defaults but for the logs, and writes
// so many employees of heldTenants tenants into it.
func startOpenFGA(ctx context.Context, s stack, employees int) (f *openfga, err error) {
	f = &openfga{employees: employees}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.stop())
		}
	}()
	database, err := f.makeDatabase(ctx, s.DatabaseURL)
	if err != nil {
		return f, err
	}
	if err := f.run(ctx, database); err != nil {
		return f, err
	}
	if err := f.define(ctx); err != nil {
		return f, err
	}
	began := time.Now()
	if err := f.load(ctx); err != nil {
		return f, err
	}
	note("OpenFGA: %d employees of %d tenants written in %v", employees, heldTenants, time.Since(began).Round(time.Second))
	return f, f.prove(ctx)
}

// makeDatabase makes an empty database on the server of the other one and returns
// its address.
func (f *openfga) makeDatabase(ctx context.Context, other string) (string, error) {
	address, err := url.Parse(other)
	if err != nil {
		return "", errors.New("the address of the stack's PostgreSQL cannot be read")
	}
	statement := func(ctx context.Context, sql string) error {
		conn, err := pgx.Connect(ctx, other)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, sql)
		return err
	}
	name := fmt.Sprintf("openfga_%d", os.Getpid())
	if err := statement(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	f.drop = func() error { return statement(context.WithoutCancel(ctx), "DROP DATABASE "+name+" WITH (FORCE)") }
	address.Path = "/" + name
	return address.String(), nil
}

// run makes the tables and starts the server.
func (f *openfga) run(ctx context.Context, database string) error {
	http, err := freeAddress()
	if err != nil {
		return err
	}
	grpc, err := freeAddress()
	if err != nil {
		return err
	}
	environment := append(os.Environ(), "OPENFGA_DATASTORE_ENGINE=postgres", "OPENFGA_DATASTORE_URI="+database,
		"OPENFGA_HTTP_ADDR="+http, "OPENFGA_GRPC_ADDR="+grpc, "OPENFGA_PLAYGROUND_ENABLED=false", "OPENFGA_METRICS_ENABLED=false", "OPENFGA_LOG_LEVEL=none")
	migrate := exec.CommandContext(ctx, openfgaBinary, "migrate")
	migrate.Env = environment
	if out, err := migrate.CombinedOutput(); err != nil {
		return fmt.Errorf("openfga migrate: %w\n%s", err, out)
	}
	f.base = "http://" + http
	f.server = exec.Command(openfgaBinary, "run")
	f.server.Env = environment
	if err := f.server.Start(); err != nil {
		return err
	}
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		err := f.call(ctx, "GET", "/healthz", nil, nil)
		if err == nil || ctx.Err() != nil || time.Since(began) > time.Minute {
			return err
		}
	}
}

// freeAddress is an address of this machine that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// define makes the store and its model; from then on base is the store's.
func (f *openfga) define(ctx context.Context) error {
	var store struct{ ID string }
	if err := f.call(ctx, "POST", "/stores", map[string]string{"name": "bench"}, &store); err != nil {
		return err
	}
	f.base += "/stores/" + store.ID
	var model struct {
		ID string `json:"authorization_model_id"`
	}
	err := f.call(ctx, "POST", "/authorization-models", json.RawMessage(openfgaModel), &model)
	f.model = model.ID
	return err
}

// tuple is a relation as OpenFGA's API takes it.
type tuple struct {
	User      string     `json:"user"`
	Relation  string     `json:"relation"`
	Object    string     `json:"object"`
	Condition *condition `json:"condition,omitempty"`
}

type condition struct {
	Name    string            `json:"name"`
	Context map[string]string `json:"context"`
}

// openfgaWrite is how many tuples OpenFGA takes in one call.
const openfgaWrite = 100

// load writes a contract for each tenant and the employees.
func (f *openfga) load(ctx context.Context) error {
	inForce := &condition{Name: "in_force", Context: map[string]string{"from": "2020-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"}}
	tuples := make([]tuple, 0, heldTenants+f.employees)
	for i := range heldTenants {
		tuples = append(tuples, tuple{User: openfgaTenant(i) + "#employee", Relation: "may_use", Object: openfgaService(i), Condition: inForce})
	}
	for i := range f.employees {
		tuples = append(tuples, tuple{User: openfgaEmployee(i), Relation: "employee", Object: openfgaTenant(i)})
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(connections)
	for len(tuples) > 0 {
		some := tuples[:min(openfgaWrite, len(tuples))]
		tuples = tuples[len(some):]
		group.Go(func() error {
			return f.call(ctx, "POST", "/write", map[string]any{"authorization_model_id": f.model, "writes": map[string]any{"tuple_keys": some}}, nil)
		})
	}
	return group.Wait()
}

func openfgaEmployee(i int) string {
	return fmt.Sprintf("employee:%08d-0000-7000-8000-000000000000", i)
}
func openfgaTenant(i int) string { return fmt.Sprintf("tenant:crowd-%03d", i%heldTenants) }
func openfgaService(i int) string {
	return fmt.Sprintf("service:crowd-%03d/psychologist", i%heldTenants)
}

// prove sees that the model tells a tenant's employee from another's.
func (f *openfga) prove(ctx context.Context) error {
	for service, want := range map[int]bool{3: true, 4: false} {
		var answer struct{ Allowed bool }
		if err := f.call(ctx, "POST", "/check", f.question(3, service), &answer); err != nil {
			return err
		}
		if answer.Allowed != want {
			return fmt.Errorf("OpenFGA allows an employee another tenant's service, or not his own: %t", answer.Allowed)
		}
	}
	return nil
}

func (f *openfga) question(employee, service int) any {
	return map[string]any{
		"authorization_model_id": f.model,
		"tuple_key":              tuple{User: openfgaEmployee(employee), Relation: "may_use", Object: openfgaService(service)},
		"context":                map[string]string{"at": time.Now().Add(24 * time.Hour).UTC().Format(time.RFC3339)},
	}
}

// check is the request about the i-th employee, of those who are there.
func (f *openfga) check(i int) *http.Request {
	i = i * 7919 % f.employees
	body, _ := json.Marshal(f.question(i, i))
	req, _ := http.NewRequest(http.MethodPost, f.base+"/check", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	return req
}

// call asks the server; in and out may be nil.
func (f *openfga) call(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	if err := exchange(ctx, http.DefaultClient, method, f.base+path, body, out); err != nil {
		return fmt.Errorf("OpenFGA: %w", err)
	}
	return nil
}

// stop ends the server and drops its database.
func (f *openfga) stop() error {
	if f.server != nil && f.server.Process != nil {
		_ = f.server.Process.Signal(syscall.SIGTERM)
		_ = f.server.Wait()
	}
	if f.drop == nil {
		return nil
	}
	return f.drop()
}
