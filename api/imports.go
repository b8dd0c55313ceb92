package api

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/workbooks"
)

// importID reads the id of the address; what is not an id cannot exist.
func importID(r *http.Request) (roster.ImportID, error) {
	id := pathID(r)
	if !isUUID(id) {
		return "", tenancy.E(tenancy.NotFound, "import_unknown", "There is no such import.")
	}
	return roster.ImportID(id), nil
}

// importAnswer makes empty lists of absent ones, so that readers need not ask.
func importAnswer(i roster.Import) roster.Import {
	if i.Findings == nil {
		i.Findings = []roster.Finding{}
	}
	if i.Problems == nil {
		i.Problems = []tenancy.Problem{}
	}
	return i
}

func (s *Server) readImport(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	id, err := importID(r)
	if err != nil {
		return err
	}
	lang, err := language(r)
	if err != nil {
		return err
	}
	i, err := s.rosters.Import(r.Context(), actor, id)
	if err != nil {
		return err
	}
	i.Findings, i.Problems = roster.Told(i.Findings, lang), workbooks.AllTold(i.Problems, lang)
	s.writeJSON(w, r, http.StatusOK, importAnswer(i))
	return nil
}

// changesAnswer is a page of an import's changes. Next is the following page's
// after; it is absent on the last page.
type changesAnswer struct {
	Items []roster.Change `json:"items"`
	Next  int             `json:"next,omitempty"`
}

// readChanges answers one page of what the import would do, or did.
func (s *Server) readChanges(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	id, after, limit, err := importPage(r)
	if err != nil {
		return err
	}
	kind, err := kindOf(r)
	if err != nil {
		return err
	}
	changes, err := s.rosters.ChangesOfKind(r.Context(), actor, id, kind, after, limit)
	if err != nil {
		return err
	}
	answer := changesAnswer{Items: append([]roster.Change{}, changes...)}
	if len(changes) == limit {
		answer.Next = changes[limit-1].N
	}
	s.writeJSON(w, r, http.StatusOK, answer)
	return nil
}

// importPage reads of which import which page of a long list is asked for.
func importPage(r *http.Request) (id roster.ImportID, after, limit int, err error) {
	if id, err = importID(r); err != nil {
		return "", 0, 0, err
	}
	if after, err = number(r, "after", 0, 0, math.MaxInt32); err != nil {
		return "", 0, 0, err
	}
	limit, err = number(r, "limit", 100, 1, 1000)
	return id, after, limit, err
}

// number reads a whole number from the query string.
func number(r *http.Request, name string, absent, least, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, tenancy.E(tenancy.Invalid, "field_invalid", fmt.Sprintf("%s is a whole number between %d and %d.", name, least, most))
	}
	return n, nil
}

// approveRequest names the findings of the brake that a second person accepts.
type approveRequest struct {
	Accept []string `json:"accept"`
}

func (s *Server) approveImport(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	id, err := importID(r)
	if err != nil {
		return err
	}
	asked, err := decode[approveRequest](w, r)
	if err != nil {
		return err
	}
	i, err := s.rosters.Approve(r.Context(), actor, id, asked.Accept)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, importAnswer(i))
	return nil
}

// moveImport is an endpoint that takes an import a step further and needs no
// body; the status is 202 where workers carry the step out.
func (s *Server) moveImport(status int, step func(context.Context, tenancy.Actor, roster.ImportID) (roster.Import, error)) endpoint {
	return func(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
		id, err := importID(r)
		if err != nil {
			return err
		}
		if err := requireNoBody(w, r); err != nil {
			return err
		}
		i, err := step(r.Context(), actor, id)
		if err != nil {
			return err
		}
		s.writeJSON(w, r, status, importAnswer(i))
		return nil
	}
}

// undoAnswer is the import after its undoing, and what became of each change.
type undoAnswer struct {
	roster.Import
	Reversed []roster.Change `json:"reversed"`
	Kept     []roster.Change `json:"kept"`
	Failed   []roster.Change `json:"failed_changes"`
}

func (s *Server) undoImport(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	id, err := importID(r)
	if err != nil {
		return err
	}
	if err := requireNoBody(w, r); err != nil {
		return err
	}
	report, err := s.rosters.Undo(r.Context(), actor, id)
	if err != nil {
		return err
	}
	answer := undoAnswer{Import: importAnswer(report.Import)}
	answer.Reversed, answer.Kept = append([]roster.Change{}, report.Reversed...), append([]roster.Change{}, report.Kept...)
	answer.Failed = append([]roster.Change{}, report.Failed...)
	s.writeJSON(w, r, http.StatusAccepted, answer)
	return nil
}

// requireNoBody takes an absent body or an empty object, nothing else: a body
// that would be ignored is a misunderstanding.
func requireNoBody(w http.ResponseWriter, r *http.Request) error {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxValue))
	if err != nil {
		return err
	}
	if text := strings.TrimSpace(string(b)); text != "" && text != "{}" {
		return tenancy.E(tenancy.Invalid, "body_unexpected", "This address takes no body.")
	}
	return nil
}
