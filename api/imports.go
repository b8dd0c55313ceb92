package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Limits of uploads.
const (
	MaxUpload  = 25 << 20 // bytes of a roster's file
	maxForm    = MaxUpload + 64<<10
	maxValue   = 256 // bytes of a form's plain value
	maxUploads = 4   // held in memory at the same time
)

// Upload is a roster as it was handed in. The tenant comes from the address and
// who asks, never from the file; the file's name is not kept.
type Upload struct {
	Tenant      tenancy.TenantSlug
	Mode        roster.Mode
	LegalEntity tenancy.LegalEntityCode
	Content     io.Reader
}

// upload takes a roster. Nothing is parsed here: the import's state tells what
// became of it.
func (s *Server) upload(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	slug := tenancy.TenantSlug(chi.URLParam(r, "slug"))
	if !actor.May(tenancy.UploadRoster, slug) {
		return errTenantUnknown // before 25 MB are read
	}
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	case <-r.Context().Done():
		return r.Context().Err()
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	upload, err := readUpload(r)
	if err != nil {
		return err
	}
	upload.Tenant = slug
	made, err := s.rosters.Receive(r.Context(), actor, upload)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/imports/"+string(made.ID))
	s.writeJSON(w, r, http.StatusAccepted, importAnswer(made))
	return nil
}

// errTenantUnknown is said of a tenant that does not exist and of one that the
// caller does not reach, in the same words.
var errTenantUnknown = tenancy.E(tenancy.NotFound, "tenant_unknown", "There is no such tenant.")

// readUpload reads the form's parts in whatever order they come.
func readUpload(r *http.Request) (Upload, error) {
	upload := Upload{Mode: roster.Add}
	form, err := r.MultipartReader()
	if err != nil {
		return upload, tenancy.E(tenancy.Invalid, "content_type", "A roster is sent as multipart/form-data with the part \"file\".")
	}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = readPart(part, &upload)
		}
		if err != nil {
			return upload, uploadError(err)
		}
	}
	if upload.Content == nil {
		return upload, tenancy.E(tenancy.Invalid, "field_missing", "The form has no part \"file\".")
	}
	return upload, nil
}

// readPart puts one part of the form into the upload.
func readPart(part *multipart.Part, upload *Upload) error {
	if part.FormName() == "file" {
		if upload.Content != nil {
			return tenancy.E(tenancy.Invalid, "field_invalid", "The form has more than one part \"file\".")
		}
		content, err := readBounded(part, MaxUpload)
		upload.Content = bytes.NewReader(content)
		return err
	}
	value, err := readBounded(part, maxValue)
	if err != nil {
		return err
	}
	switch part.FormName() {
	case "mode":
		upload.Mode = roster.Mode(value)
		return validMode(upload.Mode)
	case "legal_entity":
		upload.LegalEntity = tenancy.LegalEntityCode(value)
		return nil
	}
	return tenancy.E(tenancy.Invalid, "field_unknown", "The form takes the parts file, mode and legal_entity.")
}

func validMode(mode roster.Mode) error {
	switch mode {
	case roster.Full, roster.Add, roster.Leavers:
		return nil
	}
	return tenancy.E(tenancy.Invalid, "field_invalid", "mode is full, add or leavers.")
}

var errPartTooLarge = errors.New("a part of the form is too large")

// readBounded reads a part that holds at most limit bytes.
func readBounded(part io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(part, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = errPartTooLarge
	}
	return b, err
}

// uploadError words what went wrong while the form was read.
func uploadError(err error) error {
	var known *tenancy.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &known), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, errPartTooLarge), errors.As(err, &tooLarge):
		return tenancy.E(tenancy.TooLarge, "file_too_large", "A roster's file is at most 25 MB.")
	}
	return tenancy.E(tenancy.Invalid, "form_invalid", "The form ends too early or is not multipart/form-data.", err)
}

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
	i, err := s.rosters.Import(r.Context(), actor, id)
	if err != nil {
		return err
	}
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
	id, err := importID(r)
	if err != nil {
		return err
	}
	after, err := number(r, "after", 0, 0, math.MaxInt32)
	if err != nil {
		return err
	}
	limit, err := number(r, "limit", 100, 1, 1000)
	if err != nil {
		return err
	}
	changes, err := s.rosters.Changes(r.Context(), actor, id, after, limit)
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
