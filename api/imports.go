package api

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"path"
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
func readUpload(r *http.Request) (roster.Upload, error) {
	upload := roster.Upload{Mode: roster.Add}
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
func readPart(part *multipart.Part, upload *roster.Upload) error {
	if part.FormName() == "file" {
		if upload.Content != nil {
			return tenancy.E(tenancy.Invalid, "field_invalid", "The form has more than one part \"file\".")
		}
		content, err := readBounded(part, MaxUpload)
		upload.Content, upload.Extension = bytes.NewReader(content), strings.ToLower(path.Ext(part.FileName()))
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
	id := chi.URLParam(r, "id")
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

// previewImport answers one page of what the import would do, or did.
func (s *Server) previewImport(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	id, err := importID(r)
	if err != nil {
		return err
	}
	page, err := pageOf(r)
	if err != nil {
		return err
	}
	preview, err := s.rosters.Preview(r.Context(), actor, id, page)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, preview)
	return nil
}

// pageOf reads after and limit from the query string.
func pageOf(r *http.Request) (roster.Page, error) {
	page := roster.Page{Limit: 100}
	q := r.URL.Query()
	for name, to := range map[string]*int{"after": &page.After, "limit": &page.Limit} {
		text := q.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return page, tenancy.E(tenancy.Invalid, "field_invalid", name+" is a whole number.")
		}
		*to = n
	}
	if page.Limit < 1 || page.Limit > 1000 {
		return page, tenancy.E(tenancy.Invalid, "field_invalid", "limit is between 1 and 1000.")
	}
	return page, nil
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
