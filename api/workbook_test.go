package api_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/tenancy"
)

func TestFilesAreAttachments(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]struct{ text, name, kind string }{
		"/v1/imports/" + importOfCDEK + "/errors.xlsx?lang=kk": {"PK errors kk", "errors-" + importOfCDEK + ".xlsx", "spreadsheetml"},
		"/v1/tenants/cdek/export.xlsx":                         {"PK export xlsx", "employees-cdek.xlsx", "spreadsheetml"},
		"/v1/tenants/cdek/export.csv?lang=en":                  {"PK export csven", "employees-cdek.csv", "text/csv"},
		"/v1/roster/template.xlsx?country=RU&lang=ru":          {"PK template RUru", "template.xlsx", "spreadsheetml"},
	} {
		got := w.do(request("hr-cdek", "GET", path, ""))
		h := got.Header()
		if got.Code != http.StatusOK || got.Body.String() != want.text || !strings.Contains(h.Get("Content-Disposition"), `attachment; filename="`+want.name+`"`) ||
			!strings.Contains(h.Get("Content-Type"), want.kind) || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %q %v", path, got.Code, got.Body, h)
		}
	}
	for _, path := range []string{"/v1/imports/" + importOfCDEK + "/errors.xlsx?lang=de", "/v1/tenants/cdek/export.xlsx?lang=x", "/v1/imports/" + importOfCDEK + "/changes?kind=vanish"} {
		if got := w.do(request("hr-cdek", "GET", path, "")); code(t, got) != "field_invalid" {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
}

// A file that breaks off must not arrive as a whole one.
func TestAFileThatBreaksOffCutsTheConnection(t *testing.T) {
	w := newWorld(t)
	w.breaks = errors.New("the disk of somebody")
	defer func() {
		if recover() != http.ErrAbortHandler { //nolint:errorlint // the very value
			t.Error("the answer ended as if it were whole")
		}
	}()
	w.server.ServeHTTP(httptest.NewRecorder(), request("hr-cdek", "GET", "/v1/tenants/cdek/export.xlsx", ""))
}

func TestProblemsComeInPages(t *testing.T) {
	w := newWorld(t)
	first := w.do(request("hr-cdek", "GET", "/v1/imports/"+importOfCDEK+"/problems?limit=10", ""))
	if first.Code != http.StatusOK || !strings.Contains(first.Body.String(), `"next":10`) {
		t.Errorf("%d %s", first.Code, first.Body)
	}
	last := w.do(request("hr-cdek", "GET", "/v1/imports/"+importOfCDEK+"/problems?after=10&limit=10", ""))
	if strings.Contains(last.Body.String(), "next") || strings.Count(last.Body.String(), "email_invalid") != 2 {
		t.Errorf("%d %s", last.Code, last.Body)
	}
}

func TestProblemsComeInALanguage(t *testing.T) {
	w := newWorld(t)
	for lang, want := range map[string]string{"": "This is no address.", "?lang=en": "This is no address.", "?lang=ru": importers.Advice("email_invalid", tenancy.Russian), "?lang=kk": importers.Advice("email_invalid", tenancy.Kazakh)} {
		got := w.do(request("hr-cdek", "GET", "/v1/imports/"+importOfCDEK+"/problems"+lang, ""))
		if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), want) {
			t.Errorf("%s: %d %s", lang, got.Code, got.Body)
		}
		got = w.do(request("hr-cdek", "GET", "/v1/imports/"+importOfCDEK+lang, ""))
		if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), want) {
			t.Errorf("the import, %s: %d %s", lang, got.Code, got.Body)
		}
	}
	for _, path := range []string{"", "/problems"} {
		if got := w.do(request("hr-cdek", "GET", "/v1/imports/"+importOfCDEK+path+"?lang=de", "")); code(t, got) != "field_invalid" {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
}

// held is a receiver that takes nothing until it is let go.
type held struct {
	*httptest.ResponseRecorder
	begun chan<- struct{}
	letGo <-chan struct{}
}

func (h held) Write(b []byte) (int, error) {
	h.begun <- struct{}{}
	<-h.letGo
	return h.ResponseRecorder.Write(b)
}

// Slow receivers of files must not take every connection to the database.
func TestOnlySoManyFilesAreSentAtOnce(t *testing.T) {
	w := newWorld(t)
	begun, letGo := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	export := func() *http.Request { return request("hr-cdek", "GET", "/v1/tenants/cdek/export.xlsx", "") }
	for range 6 {
		all.Go(func() { w.server.ServeHTTP(held{httptest.NewRecorder(), begun, letGo}, export()) })
		<-begun
	}
	for range 2 {
		if got := w.do(export()); got.Code != http.StatusServiceUnavailable || code(t, got) != "files_busy" {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	}
	close(letGo)
	all.Wait()
	if got := w.do(export()); got.Code != http.StatusOK {
		t.Errorf("afterwards: %d %s", got.Code, got.Body)
	}
}
