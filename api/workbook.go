package api

import (
	"context"
	"io"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/workbooks"
)

// Workbooks are the files that HR gets. Each is written as it is made; nothing
// is written when an error is returned, unless writing itself broke off.
type Workbooks interface {
	// ErrorWorkbook writes an uploaded list with its problems marked.
	ErrorWorkbook(ctx context.Context, actor tenancy.Actor, id roster.ImportID, lang tenancy.Language, to io.Writer) error
	// ExportRoster writes the people whom a tenant has.
	ExportRoster(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug, format workbooks.Format, lang tenancy.Language, to io.Writer) error
	// Template writes an empty list to fill in.
	Template(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug, country tenancy.CountryCode, lang tenancy.Language, to io.Writer) error
}

// The types of what is sent as a file.
const (
	typeXLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	typeCSV  = "text/csv; charset=utf-8"
)

// attachment answers with a file. The head is sent with the first byte, so that
// an error before it is answered as any other.
type attachment struct {
	to         http.ResponseWriter
	kind, name string
	begun      bool
}

// Write implements io.Writer.
func (a *attachment) Write(b []byte) (int, error) {
	if !a.begun {
		a.begun = true
		h := a.to.Header()
		h.Set("Content-Type", a.kind)
		h.Set("Content-Disposition", `attachment; filename="`+a.name+`"`)
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		a.to.WriteHeader(http.StatusOK)
	}
	return a.to.Write(b)
}

// maxFiles is how many files are sent at the same time. Each is read from the
// database at its receiver's pace, and a list in another language is marked
// anew meanwhile: slow receivers must not take what all others need.
const maxFiles = 6

// send answers with the file that write writes. When that breaks off in the
// middle the connection is cut: half a workbook must not look whole.
func (s *Server) send(w http.ResponseWriter, kind, name string, write func(io.Writer) error) error {
	defer s.files.Add(-1)
	if s.files.Add(1) > maxFiles {
		return tenancy.E(tenancy.Unavailable, "files_busy", "Too many files are being sent just now; come again shortly.")
	}
	a := &attachment{to: w, kind: kind, name: name}
	err := write(a)
	if err != nil && a.begun {
		panic(http.ErrAbortHandler)
	}
	return err
}

// language reads the language of a file or of problems, "" when none was asked for.
func language(r *http.Request) (tenancy.Language, error) {
	if r.URL.RawQuery == "" {
		return "", nil
	}
	switch lang := tenancy.Language(r.URL.Query().Get("lang")); lang {
	case "", tenancy.Russian, tenancy.Kazakh, tenancy.English:
		return lang, nil
	}
	return "", tenancy.E(tenancy.Invalid, "field_invalid", "lang is ru, kk or en.")
}

func (s *Server) errorWorkbook(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	id, err := importID(r)
	if err != nil {
		return err
	}
	lang, err := language(r)
	if err != nil {
		return err
	}
	return s.send(w, typeXLSX, "errors-"+string(id)+".xlsx", func(to io.Writer) error {
		return s.rosters.ErrorWorkbook(r.Context(), actor, id, lang, to)
	})
}

// export is the endpoint of the export in one format.
func (s *Server) export(format workbooks.Format, kind string) endpoint {
	return func(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
		slug := tenancy.TenantSlug(chi.URLParam(r, "slug"))
		if !actor.May(tenancy.ExportRoster, slug) && !actor.Reaches(slug) {
			return errTenantUnknown // the name of a file is made of slugs that exist only
		}
		lang, err := language(r)
		if err != nil {
			return err
		}
		return s.send(w, kind, "employees-"+string(slug)+"."+string(format), func(to io.Writer) error {
			return s.rosters.ExportRoster(r.Context(), actor, slug, format, lang, to)
		})
	}
}

func (s *Server) template(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	lang, err := language(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	return s.send(w, typeXLSX, "template.xlsx", func(to io.Writer) error {
		return s.rosters.Template(r.Context(), actor, tenancy.TenantSlug(query.Get("tenant")), tenancy.CountryCode(query.Get("country")), lang, to)
	})
}

// problemsAnswer is a page of an import's problems. Next is the following
// page's after; it is absent on the last page.
type problemsAnswer struct {
	Items []tenancy.Problem `json:"items"`
	Next  int               `json:"next,omitempty"`
}

// readProblems answers one page of what is wrong with a list.
func (s *Server) readProblems(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	id, after, limit, err := importPage(r)
	if err != nil {
		return err
	}
	lang, err := language(r)
	if err != nil {
		return err
	}
	problems, next, err := s.rosters.Problems(r.Context(), actor, id, after, limit)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, problemsAnswer{Items: workbooks.AllTold(problems, lang), Next: next})
	return nil
}

// kindOf reads the kind of change that is asked for, "" when every one is.
func kindOf(r *http.Request) (roster.Kind, error) {
	switch kind := roster.Kind(r.URL.Query().Get("kind")); kind {
	case "", roster.Hire, roster.Update, roster.Move, roster.Leave, roster.Return:
		return kind, nil
	}
	return "", tenancy.E(tenancy.Invalid, "field_invalid", "kind is hire, update, move, leave or return.")
}
