package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
)

// maxAnswer bounds an answer that is read whole, in bytes.
const maxAnswer = 64 << 20

// resource is what can be asked of Opora.
type resource struct {
	path, media string
	name        string // for errors
}

var (
	changes  = resource{"/v1/changes", "application/json", "feed of changes"}
	snapshot = resource{"/v1/changes/snapshot", "application/x-ndjson", "snapshot"}
	terms    = resource{"/v1/changes/terms", "application/json", "document of terms"}
)

// opora asks Opora, as the configured client.
type opora struct {
	base      string
	transport *http.Client
	tokens    *tokens
}

func newOpora(config Config, transport *http.Client, clock clock, timeout time.Duration) *opora {
	return &opora{base: strings.TrimRight(config.URL, "/"), transport: transport, tokens: newTokens(config, transport, clock, timeout)}
}

// getJSON asks for a resource and reads its answer.
func (o *opora) getJSON(ctx context.Context, r resource, query url.Values, into any) error {
	body, err := o.get(ctx, r, query, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	read, err := readAll(body, r)
	if err != nil {
		return err
	}
	if json.Unmarshal(read, into) != nil {
		return broken(r, "is no JSON")
	}
	return nil
}

// terms asks for the terms, unless they are of the revision: then nil.
func (o *opora) terms(ctx context.Context, have int64) (*entitlement.TermsDocument, error) {
	body, err := o.get(ctx, terms, nil, http.Header{"If-None-Match": {`"` + strconv.FormatInt(have, 10) + `"`}})
	var refused *refusal
	if errors.As(err, &refused) && refused.status == http.StatusNotModified {
		return nil, nil //nolint:nilnil // no document is the answer
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	read, err := readAll(body, terms)
	if err != nil {
		return nil, err
	}
	var doc entitlement.TermsDocument
	if err := decodeTerms(read, &doc); err != nil {
		return nil, broken(terms, err.Error())
	}
	return &doc, nil
}

func readAll(body io.Reader, r resource) ([]byte, error) {
	read, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, unreached(r, err)
	case len(read) > maxAnswer:
		return nil, broken(r, "is too large")
	}
	return read, nil
}

// get asks for a resource, and once more with a new token when Opora does not
// take the one we had. The answer is a 200 of the resource's media type, else
// an error.
func (o *opora) get(ctx context.Context, r resource, query url.Values, header http.Header) (io.ReadCloser, error) {
	answer, err := o.send(ctx, r, query, header)
	if err == nil && answer.StatusCode == http.StatusUnauthorized {
		answer.Body.Close()
		o.tokens.forget()
		answer, err = o.send(ctx, r, query, header)
	}
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		defer answer.Body.Close()
		return nil, refusalOf(r, answer)
	}
	if media, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); media != r.media {
		answer.Body.Close()
		return nil, broken(r, "is not "+r.media)
	}
	return answer.Body, nil
}

func (o *opora) send(ctx context.Context, r resource, query url.Values, header http.Header) (*http.Response, error) {
	token, err := o.tokens.get(ctx)
	if err != nil {
		return nil, err
	}
	address := o.base + r.path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, unreached(r, errors.New("its address cannot be"))
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", r.media)
	req.Header.Set("Authorization", "Bearer "+token)
	answer, err := o.transport.Do(req)
	if err != nil {
		return nil, unreached(r, err)
	}
	return answer, nil
}

// refusal is an answer other than the one that was asked for.
type refusal struct {
	resource   resource
	status     int
	code       string // of the problem, empty without one
	retryAfter time.Duration
}

// problemCode is the form of a code; nothing else of an answer is repeated.
var problemCode = regexp.MustCompile(`^[a-z0-9_]{1,40}$`)

func refusalOf(r resource, answer *http.Response) *refusal {
	made := &refusal{resource: r, status: answer.StatusCode}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 && seconds < 3600 {
		made.retryAfter = time.Duration(seconds) * time.Second
	}
	var problem struct{ Code string }
	if json.NewDecoder(io.LimitReader(answer.Body, 64<<10)).Decode(&problem) == nil && problemCode.MatchString(problem.Code) {
		made.code = problem.Code
	}
	return made
}

// Error implements error.
func (e *refusal) Error() string {
	said := fmt.Sprintf("Opora answered %d", e.status)
	if e.code != "" {
		said += " " + e.code
	}
	said += " to the request for its " + e.resource.name
	switch e.status {
	case http.StatusUnauthorized:
		return said + ": it does not take the token; are URL and TokenURL of the same country?"
	case http.StatusForbidden:
		return said + ": the client lacks the role booking-core"
	}
	return said
}

// cursorLost reports whether Opora does not keep, or does not know, the cursor.
func (e *refusal) cursorLost() bool {
	return e.resource == changes && (e.status == http.StatusGone || e.code == "cursor_invalid")
}

// broken is an answer that cannot be worked with.
func broken(r resource, why string) error {
	return fmt.Errorf("the %s of Opora %s", r.name, why)
}

// unreached is a question without an answer. What net/http adds, the address
// with its cursor, is left out.
func unreached(r resource, err error) error {
	return fmt.Errorf("Opora is not reached for its %s: %w", r.name, bare(err))
}

func bare(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}
