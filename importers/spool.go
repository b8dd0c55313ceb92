package importers

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
)

// spool keeps records until the whole file has been read, packed: whether a
// number stands twice is known only at the end, and a million rows as structs
// would take gigabytes. Nothing of it is written to a disk.
type spool struct {
	plain   []byte
	hashes  []byte // of the national ids in plain, 32 bytes each
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
	hashes   []byte
	from, to int // numbers of the records, the last one not in it
}

// blockBytes is how much is packed at a time.
const blockBytes = 256 << 10

// hashApart stands in a packed record for a hash that is kept beside it. As
// digits among the texts a hash would take half as much again as it has bytes,
// and spoil the packing of what is around it.
const hashApart = "#"

func (s *spool) add(r *Record) error {
	kept := *r
	if with, err := hex.AppendDecode(s.hashes, []byte(r.Row.NationalIDHash)); err == nil && len(with) == len(s.hashes)+sha256.Size {
		s.hashes, kept.Row.NationalIDHash = with, hashApart
	}
	s.plain = appendRecord(s.plain, &kept)
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
	hashes, err := s.arena.keep(s.hashes)
	if err != nil {
		return err
	}
	s.blocks = append(s.blocks, block{kept, hashes, s.packedN, s.n})
	s.plain, s.hashes, s.packedN = s.plain[:0], s.hashes[:0], s.n
	return nil
}

// close forgets everything.
func (s *spool) close() {
	s.arena.close()
	s.blocks, s.plain, s.hashes = nil, nil, nil
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
		if err := unpack(plain.Bytes(), b.hashes, b.from, f); err != nil {
			return err
		}
	}
	return unpack(s.plain, s.hashes, s.packedN, f)
}

func unpack(b, hashes []byte, i int, f func(i int, r *Record) error) error {
	for u := (unpacker{rest: string(b)}); u.rest != ""; i++ {
		r, err := u.record()
		if err != nil {
			return err
		}
		if r.Row.NationalIDHash == hashApart {
			if len(hashes) < sha256.Size {
				return errPacked
			}
			r.Row.NationalIDHash, hashes = hex.EncodeToString(hashes[:sha256.Size]), hashes[sha256.Size:]
		}
		if err := f(i, &r); err != nil {
			return err
		}
	}
	return nil
}
