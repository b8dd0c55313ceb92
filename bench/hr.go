package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"github.com/ponimayu/opora/internal/roster"
)

// hr speaks Opora's HTTP API with one client's token.
type hr struct {
	http *http.Client
	base string
}

func hrClient(ctx context.Context, s stack) hr { return newHR(ctx, s, s.HRID, s.HRSecret) }

func newHR(ctx context.Context, s stack, id, secret string) hr {
	credentials := clientcredentials.Config{
		ClientID: id, ClientSecret: secret,
		TokenURL: s.KeycloakURL + "/realms/" + s.Realm + "/protocol/openid-connect/token",
	}
	return hr{http: credentials.Client(ctx), base: s.OporaURL}
}

func (h hr) upload(ctx context.Context, tenant string, mode roster.Mode, file []byte) (roster.Import, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("mode", string(mode)); err != nil {
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

// await polls until the import is in one of the states; any other end is an
// error.
func (h hr) await(ctx context.Context, id roster.ImportID, wanted ...roster.State) (roster.Import, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	for began := time.Now(); ; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.base+"/v1/imports/"+string(id), nil)
		if err != nil {
			return roster.Import{}, err
		}
		var imp roster.Import
		if err := h.send(req, &imp); err != nil {
			return imp, err
		}
		for _, state := range wanted {
			if imp.State == state {
				return imp, nil
			}
		}
		switch imp.State {
		case roster.Held, roster.Failed, roster.Cancelled, roster.Undone:
			return imp, fmt.Errorf("import is %s, not %v: %+v %+v", imp.State, wanted, imp.Findings, imp.Problems)
		}
		time.Sleep(pause(imp, time.Since(began)))
	}
}

// pause is how long to wait before asking for the import again: a fifth of what
// its ops seem to need still, so that its end is met closely and asking does not
// slow down what is measured.
func pause(imp roster.Import, waited time.Duration) time.Duration {
	if imp.State != roster.Applying || imp.Done == 0 {
		return 50 * time.Millisecond
	}
	left := waited * time.Duration(imp.Ops-imp.Done) / time.Duration(imp.Done)
	return min(max(left/5, 10*time.Millisecond), time.Second)
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
