package importers

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
)

// spool keeps records until the whole file has been read, packed: whether a
// number stands twice is known only at the end, and a million rows as structs
// would take gigabytes. Nothing of it is written to a disk.
type spool struct {
	plain  []byte
	blocks [][]byte
	packer *flate.Writer
	packed bytes.Buffer
}

// blockBytes is how much is packed at a time.
const blockBytes = 256 << 10

func (s *spool) add(r *Record) error {
	s.plain = appendRecord(s.plain, r)
	if len(s.plain) < blockBytes {
		return nil
	}
	return s.pack()
}

func (s *spool) pack() error {
	if s.packer == nil {
		s.packer, _ = flate.NewWriter(nil, flate.BestSpeed) // fails for unknown levels only
	}
	s.packed.Reset()
	s.packer.Reset(&s.packed)
	if _, err := s.packer.Write(s.plain); err != nil {
		return err
	}
	if err := s.packer.Close(); err != nil {
		return err
	}
	s.blocks = append(s.blocks, bytes.Clone(s.packed.Bytes()))
	s.plain = s.plain[:0]
	return nil
}

// each gives back the records in order, with their numbers from 0.
func (s *spool) each(f func(i int, r *Record) error) error {
	i := 0
	unpack := func(b []byte) error {
		for u := (unpacker{rest: string(b)}); u.rest != ""; i++ {
			r, err := u.record()
			if err != nil {
				return err
			}
			if err := f(i, &r); err != nil {
				return err
			}
		}
		return nil
	}
	var plain bytes.Buffer
	opened := flate.NewReader(nil)
	for _, block := range s.blocks {
		plain.Reset()
		_ = opened.(flate.Resetter).Reset(bytes.NewReader(block), nil) // a reader of flate's can be reset, and never fails to
		if _, err := io.Copy(&plain, opened); err != nil {
			return errors.Join(errPacked, err)
		}
		if err := unpack(plain.Bytes()); err != nil {
			return err
		}
	}
	return unpack(s.plain)
}
