package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/ponimayu/opora/internal/roster"
)

// benchRoster imports a generated file the way HR does, over HTTP, and sets
// the employees per second from the first byte of the upload to the last
// confirmed account in Keycloak against the plain loop.
func benchRoster(ctx context.Context, s stack, employees, loop int) (result, error) {
	file, err := generatedRoster(ctx, employees)
	if err != nil {
		return result{}, err
	}
	before, err := warmLoop(ctx, s, loop)
	if err != nil {
		return result{}, fmt.Errorf("gocloak loop: %w", err)
	}
	hr := hrClient(ctx, s)
	began := time.Now()
	imp, err := hr.upload(ctx, "cdek", file)
	if err != nil {
		return result{}, err
	}
	if imp, err = hr.await(ctx, imp.ID, roster.Planned); err != nil {
		return result{}, err
	}
	planned := time.Since(began)
	if err := hr.post(ctx, "/v1/imports/"+string(imp.ID)+"/apply", nil, &imp); err != nil {
		return result{}, err
	}
	if imp, err = hr.await(ctx, imp.ID, roster.Applied); err != nil {
		return result{}, err
	}
	took := time.Since(began)
	after, err := gocloakLoop(ctx, s, employeesGroup, loop)
	if err != nil {
		return result{}, fmt.Errorf("gocloak loop: %w", err)
	}
	if imp.Counts.Create != employees || imp.Counts.Failed != 0 {
		return result{}, fmt.Errorf("%d employees were to be made, the import says %+v", employees, imp.Counts)
	}
	fmt.Fprintf(os.Stderr, "roster: %d employees planned after %v, all confirmed after %v; the loop made %.0f a second before and %.0f after\n",
		employees, planned.Round(time.Millisecond), took.Round(time.Millisecond), before, after)
	return result{
		What:  fmt.Sprintf("file to Keycloak, %d employees", employees),
		Opora: float64(employees) / took.Seconds(),
		Rival: fmt.Sprintf("gocloak loop (create, group, role), %d employees", loop), RivalRate: max(before, after),
		Wanted: 5,
	}, nil
}

// employeesGroup is where the imported employees go, and the loop's.
const employeesGroup = "tenants/cdek/employees"

// warmLoop measures the loop on a Keycloak that has compiled its code: the
// first calls after a start are slow, and would flatter whoever comes second.
func warmLoop(ctx context.Context, s stack, n int) (float64, error) {
	if _, err := gocloakLoop(ctx, s, employeesGroup, 300); err != nil {
		return 0, err
	}
	return gocloakLoop(ctx, s, employeesGroup, n)
}

// hr speaks Opora's HTTP API with one client's token.
type hr struct {
	http *http.Client
	base string
}

func hrClient(ctx context.Context, s stack) hr {
	credentials := clientcredentials.Config{
		ClientID: s.HRID, ClientSecret: s.HRSecret,
		TokenURL: s.KeycloakURL + "/realms/" + s.Realm + "/protocol/openid-connect/token",
	}
	return hr{http: credentials.Client(ctx), base: s.OporaURL}
}

func (h hr) upload(ctx context.Context, tenant string, file []byte) (roster.Import, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("mode", string(roster.Add)); err != nil {
		return roster.Import{}, err
	}
	part, err := form.CreateFormFile("file", "roster.xlsx")
	if err != nil {
		return roster.Import{}, err
	}
	if _, err := part.Write(file); err != nil {
		return roster.Import{}, err
	}
	if err := form.Close(); err != nil {
		return roster.Import{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.base+"/v1/tenants/"+tenant+"/imports", &body)
	if err != nil {
		return roster.Import{}, err
	}
	req.Header.Set("Content-Type", form.FormDataContentType())
	var imp roster.Import
	return imp, h.send(req, &imp)
}

// await polls until the import is in the state; any other end is an error.
func (h hr) await(ctx context.Context, id roster.ImportID, want roster.State) (roster.Import, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.base+"/v1/imports/"+string(id), nil)
		if err != nil {
			return roster.Import{}, err
		}
		var imp roster.Import
		if err := h.send(req, &imp); err != nil {
			return imp, err
		}
		switch imp.State {
		case want:
			return imp, nil
		case roster.Held, roster.Failed, roster.Cancelled, roster.Undone:
			return imp, fmt.Errorf("import is %s, not %s: %+v %+v", imp.State, want, imp.Findings, imp.Problems)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (h hr) post(ctx context.Context, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	if in == nil {
		body = nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	return h.send(req, out)
}

func (h hr) send(req *http.Request, out any) error {
	resp, err := h.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", req.Method, req.URL.Path, resp.Status, body)
	}
	return json.Unmarshal(body, out)
}

// generatedRoster writes a workbook of made-up people with cmd/rostergen.
func generatedRoster(ctx context.Context, employees int) ([]byte, error) {
	dir, err := os.MkdirTemp("", "opora-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "roster.xlsx")
	generate := exec.CommandContext(ctx, "go", "run", "./cmd/rostergen",
		"-n", strconv.Itoa(employees), "-seed", "7", "-country", "RU", "-dirt", "0", "-format", "xlsx", "-o", file)
	generate.Stderr = os.Stderr
	if err := generate.Run(); err != nil {
		return nil, fmt.Errorf("rostergen: %w", err)
	}
	return os.ReadFile(file)
}
