package api

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Bounds of snapshots. Each holds a transaction of the database open until it
// is sent, which keeps the database from tidying up meanwhile.
const (
	maxSnapshots     = 2
	snapshotDeadline = 10 * time.Minute
	snapshotStall    = 20 * time.Second // to take a piece
	snapshotPiece    = 64 << 10         // bytes
	snapshotRetry    = "10"             // seconds
)

const typeNDJSON = "application/x-ndjson"

// changesSnapshot sends everything there is, a line each, and the cursor to go
// on from.
func (s *Server) changesSnapshot(w http.ResponseWriter, r *http.Request, _ tenancy.Actor) error {
	defer s.snapshotting.Add(-1)
	if s.snapshotting.Add(1) > maxSnapshots {
		w.Header().Set("Retry-After", snapshotRetry)
		return tenancy.E(tenancy.Unavailable, "snapshot_busy", "Others are taking snapshots just now; come again shortly.")
	}
	lines := newLineWriter(w, acceptsGzip(r))
	err := s.feed.Snapshot(r.Context(), lines.write)
	if err == nil {
		err = lines.close()
	}
	if err != nil && lines.begun {
		panic(http.ErrAbortHandler) // half a snapshot must not look whole
	}
	return err
}

// acceptsGzip reports whether the caller takes gzip.
func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, weight, _ := strings.Cut(strings.ReplaceAll(coding, " ", ""), ";")
		if strings.EqualFold(name, "gzip") {
			return strings.Trim(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}

// lineWriter writes lines of JSON, compressed or not. The head is sent with the
// first of them, so that an error before it is answered as any other.
type lineWriter struct {
	to     http.ResponseWriter
	zipped bool
	begun  bool
	lines  *bufio.Writer // where zipped, before it is
	zip    *gzip.Writer
	piece  *bufio.Writer
	enc    *json.Encoder
}

func newLineWriter(w http.ResponseWriter, zipped bool) *lineWriter {
	return &lineWriter{to: w, zipped: zipped}
}

func (l *lineWriter) begin() error {
	h := l.to.Header()
	h.Set("Content-Type", typeNDJSON)
	h.Set("Vary", "Accept-Encoding")
	l.piece = bufio.NewWriterSize(&pacedWriter{l.to, http.NewResponseController(l.to)}, snapshotPiece)
	l.lines = l.piece
	if l.zipped {
		h.Set("Content-Encoding", "gzip")
		zip, err := gzip.NewWriterLevel(l.piece, gzip.BestSpeed)
		if err != nil {
			return err
		}
		l.zip, l.lines = zip, bufio.NewWriterSize(zip, snapshotPiece)
	}
	l.begun = true
	l.enc = json.NewEncoder(l.lines)
	return nil
}

// write writes an item as a line.
func (l *lineWriter) write(c *entitlement.Change) error {
	if !l.begun {
		if err := l.begin(); err != nil {
			return err
		}
	}
	return l.enc.Encode(c)
}

func (l *lineWriter) close() error {
	if l.zip != nil {
		if err := errors.Join(l.lines.Flush(), l.zip.Close()); err != nil {
			return err
		}
	}
	return l.piece.Flush()
}

// pacedWriter gives each piece its own time, so that a receiver is cut off who
// takes nothing, and not one who takes long for much.
type pacedWriter struct {
	to         io.Writer
	connection *http.ResponseController
}

// Write implements io.Writer.
func (p *pacedWriter) Write(b []byte) (int, error) {
	if err := p.connection.SetWriteDeadline(time.Now().Add(snapshotStall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.to.Write(b)
}
