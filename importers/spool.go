package importers

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"io"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// spool keeps records until the whole file has been read, packed: whether a
// number stands twice is known only at the end, and a million rows as structs
// would take gigabytes. Nothing of it is written to a disk.
type spool struct {
	plain  []byte
	blocks [][]byte
	packer *flate.Writer
}

// blockBytes is how much is packed at a time.
const blockBytes = 256 << 10

func (s *spool) add(r Record) error {
	s.plain = appendRecord(s.plain, r)
	if len(s.plain) < blockBytes {
		return nil
	}
	return s.pack()
}

func (s *spool) pack() error {
	var packed bytes.Buffer
	if s.packer == nil {
		s.packer, _ = flate.NewWriter(nil, flate.BestSpeed) // fails for unknown levels only
	}
	s.packer.Reset(&packed)
	if _, err := s.packer.Write(s.plain); err != nil {
		return err
	}
	if err := s.packer.Close(); err != nil {
		return err
	}
	s.blocks = append(s.blocks, bytes.Clone(packed.Bytes()))
	s.plain = s.plain[:0]
	return nil
}

// each gives back the records in order, with their numbers from 0.
func (s *spool) each(f func(i int, r Record) error) error {
	i := 0
	unpack := func(b []byte) error {
		for len(b) > 0 {
			var r Record
			r, b = readRecord(b)
			if err := f(i, r); err != nil {
				return err
			}
			i++
		}
		return nil
	}
	var buf bytes.Buffer
	for _, block := range s.blocks {
		buf.Reset()
		if _, err := io.Copy(&buf, flate.NewReader(bytes.NewReader(block))); err != nil {
			return errors.Join(errors.New("importers: spool"), err)
		}
		if err := unpack(buf.Bytes()); err != nil {
			return err
		}
	}
	return unpack(s.plain)
}

// texts lists the fields of a row that are text, in the order of the spool.
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

func appendRecord(b []byte, r Record) []byte {
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
	b = binary.AppendUvarint(b, uint64(len(r.Problems)))
	for _, p := range r.Problems {
		b = appendText(b, string(p.Code))
		b = appendText(b, p.Field)
	}
	return b
}

func readText(b []byte) (string, []byte) {
	n, used := binary.Uvarint(b)
	b = b[used:]
	return string(b[:n]), b[n:]
}

func readNumber(b []byte) (int, []byte) {
	n, used := binary.Uvarint(b)
	return int(n), b[used:]
}

// readRecord is the inverse of appendRecord; problems have their code and field
// only.
func readRecord(b []byte) (r Record, rest []byte) {
	var reason string
	r.Line, b = readNumber(b)
	reason, b = readText(b)
	if r.Skipped = Reason(reason); r.Skipped != notSkipped {
		return r, b
	}
	for _, s := range texts(&r.Row) {
		*s, b = readText(b)
	}
	for _, d := range dates(&r.Row) {
		var n int
		n, b = readNumber(b)
		*d = tenancy.Date{Year: n / 10000, Month: time.Month(n / 100 % 100), Day: n % 100}
	}
	var n int
	n, b = readNumber(b)
	for range n {
		var code, field string
		code, b = readText(b)
		field, b = readText(b)
		r.Problems = append(r.Problems, tenancy.Problem{Code: tenancy.ProblemCode(code), Field: field})
	}
	return r, b
}
