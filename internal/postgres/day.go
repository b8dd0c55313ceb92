package postgres

import (
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/ponimayu/opora/internal/tenancy"
)

// day is a date as a statement's argument; the zero date is NULL.
func day(d tenancy.Date) pgtype.Date {
	return pgtype.Date{Time: d.In(time.UTC), Valid: !d.IsZero()}
}

// dayInto scans a date, NULL as the zero one.
type dayInto struct{ to *tenancy.Date }

// ScanDate implements pgtype.DateScanner.
func (d dayInto) ScanDate(v pgtype.Date) error {
	*d.to = tenancy.Date{}
	if v.Valid {
		*d.to = tenancy.DateOf(v.Time)
	}
	return nil
}
