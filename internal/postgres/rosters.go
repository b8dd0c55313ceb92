package postgres

import (
	"context"
	"io"
	"time"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/seal"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Rosters are the use cases around a tenant's people and imports. The command
// line, the API and the console call the same methods; each checks itself what
// the actor may do. A tenant, import or employee that the actor's roles do not
// reach is answered exactly as one that does not exist (tenancy.NotFound); one
// that he reaches but may not touch is tenancy.Forbidden.
type Rosters struct {
	db    *DB
	key   *seal.Key
	queue *job.Queue
	// scanner looks at files before they are read; nil: none does.
	scanner   Scanner
	maxUpload int64
	errorTerm time.Duration // how long an error workbook is kept
}

// Scanner looks for what would harm whoever opens a file (scan.Clamd). What it
// finds is a tenancy.Problem; tenancy.Unavailable (scanner_unavailable) says
// that it cannot tell now.
type Scanner interface {
	Scan(ctx context.Context, file io.Reader) error
}

// ScanWith has every upload scanned before it is read.
func (r *Rosters) ScanWith(scanner Scanner) { r.scanner = scanner }

// NewRosters returns the use cases on a database. key seals uploads and
// activation codes and hashes national ids.
func NewRosters(db *DB, key *seal.Key) (*Rosters, error) {
	queue, err := job.NewQueue(db.pool)
	if err != nil {
		return nil, err
	}
	return &Rosters{db: db, key: key, queue: queue, maxUpload: MaxUpload, errorTerm: keepErrorsFor}, nil
}

// Upload is a roster on its way in.
type Upload struct {
	Tenant      tenancy.TenantSlug
	Mode        roster.Mode             // roster.Add when empty
	LegalEntity tenancy.LegalEntityCode // the tenant's default entity when empty
	Hints       roster.Hints
	File        io.Reader // read to its end once, while a transaction is open: it must not wait for anybody
}

// MaxUpload is the largest roster file that is taken, in bytes, unless
// LimitUploads says less: what the importer reads.
const MaxUpload = 128 << 20

// LimitUploads bounds the files that are received from now on, in bytes.
func (r *Rosters) LimitUploads(bytes int64) { r.maxUpload = min(bytes, MaxUpload) }
