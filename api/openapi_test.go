package api_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/go-chi/chi/v5"

	"github.com/ponimayu/opora/api"
	"github.com/ponimayu/opora/internal/entitlement"
)

var description = sync.OnceValues(func() (*openapi3.T, error) {
	doc, err := openapi3.NewLoader().LoadFromData(api.OpenAPI())
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

var router = sync.OnceValues(func() (routers.Router, error) {
	doc, err := description()
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(doc)
})

// conform fails the test when an answer is not one that openapi.yaml describes.
func conform(t testing.TB, r *http.Request, answer *httptest.ResponseRecorder) {
	t.Helper()
	known, err := router()
	if err != nil {
		t.Fatal(err)
	}
	route, params, err := known.FindRoute(r)
	if err != nil {
		return // an address that is not described, answered 404 or 405
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 answer.Code, Header: answer.Header(),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	input.SetBodyBytes(answer.Body.Bytes())
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		t.Errorf("%s %s: the answer %d is not as described: %v\n%s", r.Method, r.URL.Path, answer.Code, err, answer.Body)
	}
}

func init() {
	plain := func(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
		b, err := io.ReadAll(body)
		return string(b), err
	}
	openapi3filter.RegisterBodyDecoder("application/yaml", plain)
	openapi3filter.RegisterBodyDecoder("text/event-stream", plain)
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", plain)
	openapi3filter.RegisterBodyDecoder("text/csv", plain)
	openapi3filter.RegisterBodyDecoder("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", plain)
}

func TestDescriptionIsOfTheRoutes(t *testing.T) {
	doc, err := description()
	if err != nil {
		t.Fatal(err)
	}
	var described, served []string
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	err = chi.Walk(newWorld(t).server.Routes(), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		served = append(served, method+" "+route)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range served {
		if !slices.Contains(described, x) {
			t.Errorf("served, not described: %s", x)
		}
	}
	for _, x := range described {
		if !slices.Contains(served, x) {
			t.Errorf("described, not served: %s", x)
		}
	}
}

func TestDescriptionKnowsEveryReason(t *testing.T) {
	doc, err := description()
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for _, reason := range doc.Components.Schemas["Reason"].Value.Enum {
		described = append(described, reason.(string))
	}
	want := []string{
		string(entitlement.OK), string(entitlement.EmployeeUnknown), string(entitlement.EmployeeInactive), string(entitlement.EmployeeNotStarted),
		string(entitlement.TenantSuspended), string(entitlement.ContractAbsent), string(entitlement.TypeUnknown), string(entitlement.TypeNotCovered),
		string(entitlement.FormatNotCovered), string(entitlement.AudienceNotCovered), string(entitlement.QuotaExhausted), string(entitlement.PoolExhausted),
	}
	if !slices.Equal(described, want) {
		t.Errorf("described %v, want %v", described, want)
	}
}

// TestDescriptionIsHeldAgainst proves that conform can fail at all.
func TestDescriptionIsHeldAgainst(t *testing.T) {
	known, err := router()
	if err != nil {
		t.Fatal(err)
	}
	r := request("booking", "POST", "/v1/entitlements/check", "{}")
	route, params, err := known.FindRoute(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{`{"allowed":true}`, `{"allowed":true,"reason":"sure","limit":1,"used":0,"remaining":1,"lines":[],"revision":"1"}`,
		`{"allowed":true,"reason":"ok","limit":1,"used":0,"remaining":1,"lines":[],"revision":"1","name":"canary"}`} {
		input := &openapi3filter.ResponseValidationInput{
			RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
			Status:                 200, Header: http.Header{"Content-Type": {"application/json"}},
		}
		input.SetBodyBytes([]byte(wrong))
		if err := openapi3filter.ValidateResponse(context.Background(), input); err == nil {
			t.Errorf("taken as described: %s", wrong)
		}
	}
	if !strings.Contains(string(api.OpenAPI()), "openapi: 3") {
		t.Error("no OpenAPI 3")
	}
}
