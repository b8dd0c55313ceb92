package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/ponimayu/opora/internal/tenancy"
)

// maxJSON bounds the body of a JSON request, in bytes.
const maxJSON = 256 << 10

// decode reads exactly one JSON value of the expected shape: an unknown field,
// a second value or another content type is refused.
func decode[T any](w http.ResponseWriter, r *http.Request) (T, error) {
	return decodeUpTo[T](w, r, maxJSON)
}

// decodeUpTo is decode for a body of at most limit bytes.
func decodeUpTo[T any](w http.ResponseWriter, r *http.Request, limit int64) (T, error) {
	var v T
	if err := requireJSON(r); err != nil {
		return v, err
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, decodeError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return v, tenancy.E(tenancy.Invalid, "json_invalid", "The body holds more than one JSON value.")
	}
	return v, nil
}

// requireJSON refuses a body that is not said to be JSON.
func requireJSON(r *http.Request) error {
	given := r.Header.Get("Content-Type")
	if given == "application/json" { // the usual spelling, without a parser's work
		return nil
	}
	if kind, _, err := mime.ParseMediaType(given); err != nil || kind != "application/json" {
		return tenancy.E(tenancy.Invalid, "content_type", "The body is JSON: send Content-Type: application/json.")
	}
	return nil
}

// decodeError words a mistake in the body by its place, never by its value: a
// body may hold personal data.
func decodeError(err error) error {
	var tooLarge *http.MaxBytesError
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	var known *tenancy.Error
	switch {
	case errors.As(err, &tooLarge), errors.As(err, &known):
		return err
	case errors.Is(err, io.EOF):
		return tenancy.E(tenancy.Invalid, "json_invalid", "The body is empty.")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return tenancy.E(tenancy.Invalid, "json_invalid", "The body ends in the middle of a JSON value.")
	case errors.As(err, &syntax):
		return tenancy.E(tenancy.Invalid, "json_invalid", fmt.Sprintf("The body is not JSON: see byte %d.", syntax.Offset))
	case errors.As(err, &shape):
		return tenancy.E(tenancy.Invalid, "field_invalid", fmt.Sprintf("The field %q takes another kind of value.", shape.Field))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok && len(name) < 64 {
		return tenancy.E(tenancy.Invalid, "field_unknown", "There is no field "+name+" here.")
	}
	return tenancy.E(tenancy.Invalid, "field_invalid", "A value in the body is not spelled as it should be.", err)
}

// buffers keeps the memory of answers: a check answers thousands of times a
// second.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// writeJSON answers with v. It is encoded before anything is sent, so that a
// value that does not encode is a 500 and not half an answer.
func (s *Server) writeJSON(w http.ResponseWriter, r *http.Request, status int, v any) {
	b := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(b)
	b.Reset()
	if err := json.NewEncoder(b).Encode(v); err != nil {
		s.writeError(w, r, err)
		return
	}
	w.Header()["Content-Type"] = contentTypeJSON
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

var contentTypeJSON = []string{"application/json"}
