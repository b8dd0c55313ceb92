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
	plain   []byte
	blocks  []block
	arena   arena
	n       int // records
	packedN int // of them in blocks
	packer  *flate.Writer
	packed  bytes.Buffer
}

// block is some records, packed, in the arena.
type block struct {
	bytes    []byte
	from, to int // numbers of the records, the last one not in it
}

// blockBytes is how much is packed at a time.
const blockBytes = 256 << 10

func (s *spool) add(r *Record) error {
	s.plain = appendRecord(s.plain, r)
	s.n++
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
	kept, err := s.arena.keep(s.packed.Bytes())
	if err != nil {
		return err
	}
	s.blocks = append(s.blocks, block{kept, s.packedN, s.n})
	s.plain, s.packedN = s.plain[:0], s.n
	return nil
}

// close forgets everything.
func (s *spool) close() {
	s.arena.close()
	s.blocks, s.plain = nil, nil
}

// each gives back the records in order, with their numbers from 0.
func (s *spool) each(f func(i int, r *Record) error) error {
	return s.some(func(int, int) bool { return true }, f)
}

// some is each without the stretches of records, from one number to before
// another, that are not wanted.
func (s *spool) some(wanted func(from, to int) bool, f func(i int, r *Record) error) error {
	var plain bytes.Buffer
	opened := flate.NewReader(nil)
	for _, b := range s.blocks {
		if !wanted(b.from, b.to) {
			continue
		}
		plain.Reset()
		_ = opened.(flate.Resetter).Reset(bytes.NewReader(b.bytes), nil) // a reader of flate's can be reset, and never fails to
		if _, err := io.Copy(&plain, opened); err != nil {
			return errors.Join(errPacked, err)
		}
		if err := unpack(plain.Bytes(), b.from, f); err != nil {
			return err
		}
	}
	return unpack(s.plain, s.packedN, f)
}

func unpack(b []byte, i int, f func(i int, r *Record) error) error {
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
