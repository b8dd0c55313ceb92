package importers

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// A record on its way, in the spool or in the pipe from the child, is packed:
// its numbers as varints and its texts with their lengths, one after the other.

// texts lists the fields of a row that are text, in the order in which they are
// packed.
func texts(r *Row) []*string {
	return []*string{
		(*string)(&r.EmployeeNo), (*string)(&r.EmployeeKey), &r.LastName, &r.FirstName, &r.MiddleName, &r.Email, &r.Phone, &r.Department,
		&r.Position, (*string)(&r.LegalEntity), (*string)(&r.Country), (*string)(&r.Segment), (*string)(&r.NationalID), &r.NationalIDHash,
	}
}

func dates(r *Row) []*tenancy.Date { return []*tenancy.Date{&r.HiredOn, &r.LeftOn, &r.BirthDate} }

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendRecord(b []byte, r *Record) []byte {
	b = binary.AppendUvarint(b, uint64(r.Line))
	b = appendText(b, string(r.Skipped))
	if r.Skipped != notSkipped {
		return b
	}
	for _, s := range texts(&r.Row) {
		b = appendText(b, *s)
	}
	for _, d := range dates(&r.Row) {
		b = binary.AppendUvarint(b, uint64(d.Year*10000+int(d.Month)*100+d.Day))
	}
	b = binary.AppendUvarint(b, verdict(r.OK))
	b = binary.AppendUvarint(b, uint64(len(r.Problems)))
	for _, p := range r.Problems {
		for _, s := range []string{string(p.Code), string(p.Severity), p.Message, p.Sheet, p.Column, p.Field} {
			b = appendText(b, s)
		}
	}
	return b
}

func verdict(ok bool) uint64 {
	if ok {
		return 1
	}
	return 0
}

// errPacked says that bytes are no packed record.
var errPacked = errors.New("importers: a packed record is damaged")

// unpacker reads packed records. The texts that it gives are parts of its own,
// so that a record costs no more than its slices. It does not trust what it
// reads: a child may have been taken over by its file.
type unpacker struct {
	rest string
	bad  bool
}

func (u *unpacker) number() int {
	var n uint64
	for i := 0; i < len(u.rest) && i < 9; i++ {
		c := u.rest[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			u.rest = u.rest[i+1:]
			return int(n)
		}
	}
	u.bad, u.rest = true, ""
	return 0
}

func (u *unpacker) text() string {
	n := u.number()
	if n > len(u.rest) {
		u.bad, u.rest = true, ""
		return ""
	}
	s := u.rest[:n]
	u.rest = u.rest[n:]
	return s
}

func (u *unpacker) date() tenancy.Date {
	n := u.number()
	return tenancy.Date{Year: n / 10000, Month: time.Month(n / 100 % 100), Day: n % 100}
}

// record is the inverse of appendRecord.
func (u *unpacker) record() (r Record, err error) {
	r.Line = u.number()
	if r.Skipped = Reason(u.text()); r.Skipped == notSkipped {
		for _, s := range texts(&r.Row) {
			*s = u.text()
		}
		for _, d := range dates(&r.Row) {
			*d = u.date()
		}
		r.OK = u.number() == 1
		for range u.number() {
			if u.bad {
				break
			}
			p := tenancy.Problem{Code: tenancy.ProblemCode(u.text()), Severity: tenancy.Severity(u.text()), Message: u.text(), Sheet: u.text(), Column: u.text(), Field: u.text(), Line: r.Line}
			r.Problems = append(r.Problems, p)
		}
	}
	if u.bad {
		return Record{}, errPacked
	}
	return r, nil
}
