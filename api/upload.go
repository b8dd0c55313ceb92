package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/spool"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Limits of uploads.
const (
	// MaxUpload is the largest roster's file, in bytes, unless Options say less.
	MaxUpload = 128 << 20
	// maxFields is what a form may hold beside the file, its boundaries included.
	maxFields  = 64 << 10
	maxValue   = 256     // bytes of a form's plain value
	maxMapping = 4 << 10 // bytes of the part "mapping"
	// maxUploads is how many files are received at the same time, of which one
	// tenant's are at most tenantUploads. Each costs a few megabytes of memory.
	maxUploads    = 16
	tenantUploads = 4
	// storeTime is how long a file that has come may take to be stored.
	storeTime = 2 * time.Minute
)

// Upload is a roster as it was handed in. The tenant comes from the address and
// who asks, never from the file; the file's name is not kept.
type Upload struct {
	Tenant      tenancy.TenantSlug
	Mode        roster.Mode
	LegalEntity tenancy.LegalEntityCode
	Hints       roster.Hints
	Content     io.Reader // comes from this machine, and so without waiting
}

// upload takes a roster. The file waits sealed on this machine's disk until it
// is whole, so that nothing of the database waits for a slow sender. Nothing is
// parsed here: the import's state tells what became of it.
func (s *Server) upload(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	slug := tenancy.TenantSlug(chi.URLParam(r, "slug"))
	if !actor.May(tenancy.UploadRoster, slug) {
		return errTenantUnknown // before anything is read, or asked for (100-continue)
	}
	if r.ContentLength > s.maxUpload+maxFields {
		return s.errTooLarge()
	}
	leave, err := s.uploads.enter(slug)
	if err != nil {
		return err
	}
	defer leave()
	upload, file, err := s.receiveForm(w, r)
	if err != nil {
		return err
	}
	defer file.Close()
	upload.Tenant = slug
	ctx, cancel := context.WithTimeout(r.Context(), storeTime)
	defer cancel()
	made, err := s.rosters.Receive(ctx, actor, upload)
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

func (s *Server) errTooLarge() error {
	return tenancy.E(tenancy.TooLarge, "file_too_large", fmt.Sprintf("A roster's file is at most %d MB, and what stands beside it in the form is short.", s.maxUpload>>20))
}

// receiveForm reads the form at the sender's pace. The upload's content is in
// the file, which the caller closes.
func (s *Server) receiveForm(w http.ResponseWriter, r *http.Request) (Upload, *spool.File, error) {
	connection := http.NewResponseController(w)
	r.Body = http.MaxBytesReader(w, s.pace.of(r.Body, connection.SetReadDeadline), s.maxUpload+maxFields)
	file, err := spool.New(s.spoolDir)
	if err != nil {
		return Upload{}, nil, err
	}
	form := uploadForm{Upload: Upload{Mode: roster.Add}, file: file, max: s.maxUpload}
	if err := form.read(r); err != nil {
		return Upload{}, nil, errors.Join(s.uploadError(err), file.Close())
	}
	// Passing the deadline of the last read would cancel the request.
	_ = connection.SetReadDeadline(time.Now().Add(storeTime + time.Minute))
	form.Content = file.Reader()
	return form.Upload, file, nil
}

// uploadForm is a form that is being read.
type uploadForm struct {
	Upload
	file  *spool.File
	taken bool // the part "file" has come
	max   int64
}

// read takes the form's parts in whatever order they come.
func (f *uploadForm) read(r *http.Request) error {
	form, err := r.MultipartReader()
	if err != nil {
		return tenancy.E(tenancy.Invalid, "content_type", "A roster is sent as multipart/form-data with the part \"file\".")
	}
	for {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF) && !f.taken:
			return tenancy.E(tenancy.Invalid, "field_missing", "The form has no part \"file\".")
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := f.part(part); err != nil {
			return err
		}
	}
}

// part takes one part of the form.
func (f *uploadForm) part(part *multipart.Part) error {
	if part.FormName() == "file" {
		return f.content(part)
	}
	limit := int64(maxValue)
	if part.FormName() == "mapping" {
		limit = maxMapping
	}
	value, err := readBounded(part, limit)
	if err != nil {
		return err
	}
	return f.value(part.FormName(), string(value))
}

func (f *uploadForm) content(part io.Reader) error {
	if f.taken {
		return tenancy.E(tenancy.Invalid, "field_invalid", "The form has more than one part \"file\".")
	}
	f.taken = true
	if err := f.file.Fill(io.LimitReader(part, f.max+1)); err != nil {
		return err
	}
	if f.file.Size() > f.max {
		return errPartTooLarge
	}
	return nil
}

// value takes a plain value of the form.
func (f *uploadForm) value(name, value string) (err error) {
	switch name {
	case "mode":
		f.Mode = roster.Mode(value)
		return validMode(f.Mode)
	case "legal_entity":
		f.LegalEntity = tenancy.LegalEntityCode(value)
	case "sheet":
		f.Hints.Sheet = value
	case "header_line":
		if f.Hints.HeaderLine, err = strconv.Atoi(value); err != nil || f.Hints.HeaderLine < 1 {
			return tenancy.E(tenancy.Invalid, "field_invalid", "header_line is the number of the header's line, 1 or more.")
		}
	case "mapping":
		if json.Unmarshal([]byte(value), &f.Hints.Mapping) != nil {
			return tenancy.E(tenancy.Invalid, "mapping_invalid", `mapping is a JSON object of fields and the letters of their columns, such as {"phone":"D"}.`)
		}
	default:
		return tenancy.E(tenancy.Invalid, "field_unknown", "The form takes the parts file, mode, legal_entity, sheet, header_line and mapping.")
	}
	return nil
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
func (s *Server) uploadError(err error) error {
	var known *tenancy.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &known), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, errPartTooLarge), errors.As(err, &tooLarge):
		return s.errTooLarge()
	case errors.Is(err, errStalled), errors.Is(err, os.ErrDeadlineExceeded):
		return tenancy.E(tenancy.Slow, "upload_stalled", "The file stopped coming, or came slower than any line does; nothing was taken. Send it again.", err)
	}
	return tenancy.E(tenancy.Invalid, "form_invalid", "The form ends too early or is not multipart/form-data.", err)
}

// uploadSlots bound how many files are received at once: who would have to
// wait is told to come again, for a waiting connection costs as well.
type uploadSlots struct {
	mu   sync.Mutex
	all  int
	each map[tenancy.TenantSlug]int
}

// enter takes a slot; leave gives it back. The errors are tenancy.Busy when the
// tenant's own uploads fill its share, tenancy.Unavailable when all are taken.
func (u *uploadSlots) enter(slug tenancy.TenantSlug) (leave func(), err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.each[slug] >= tenantUploads:
		return nil, tenancy.E(tenancy.Busy, "uploads_busy", fmt.Sprintf("%d files of this tenant are being received already; send this one when one of them has come.", tenantUploads))
	case u.all >= maxUploads:
		return nil, tenancy.E(tenancy.Unavailable, "uploads_busy", "Too many files are being received just now; send this one again shortly.")
	}
	u.all++
	u.each[slug]++
	return func() { u.leave(slug) }, nil
}

func (u *uploadSlots) leave(slug tenancy.TenantSlug) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all--
	if u.each[slug]--; u.each[slug] == 0 {
		delete(u.each, slug)
	}
}
