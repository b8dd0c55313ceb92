// Package spool keeps what a slow sender sends on a disk until it is whole,
// sealed with a key that is nowhere but in this process, in a file without a
// name: whatever ends the process leaves nothing behind.
package spool

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ponimayu/opora/internal/seal"
	"github.com/ponimayu/opora/internal/tenancy"
)

// pieceSize is how much is in memory, and sealed, at a time.
const pieceSize = 1 << 20

// File is what was sent so far.
type File struct {
	file   *os.File
	key    *seal.Key
	pieces int
	size   int64
}

// New makes an empty file in the folder (the system's for temporary files when
// empty). It has no name there. A folder that cannot be written to is
// tenancy.Unavailable (spool_unavailable).
func New(dir string) (*File, error) {
	if dir == "" {
		dir = os.TempDir()
	}
	file, err := nameless(dir)
	if err != nil {
		return nil, tenancy.E(tenancy.Unavailable, "spool_unavailable", "Uploads cannot be taken just now; try again.", err)
	}
	return on(file)
}

// on makes a spool of an open file.
func on(file *os.File) (*File, error) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	key, err := seal.New(secret)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &File{file: file, key: key}, nil
}

// nameless opens a file that has no name, or has lost it before anything is
// written where the file system does not know such files.
func nameless(dir string) (*os.File, error) {
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), "spool"), nil
	}
	file, err := os.CreateTemp(dir, "opora-upload-")
	if err != nil {
		return nil, err
	}
	return file, os.Remove(file.Name())
}

// Fill takes everything that from gives, a piece at a time. An error of from is
// returned as it is; a disk that is full is tenancy.Full (storage_full).
func (f *File) Fill(from io.Reader) error {
	piece := make([]byte, pieceSize)
	for {
		n, err := fill(from, piece)
		if n > 0 {
			if _, err := f.file.Write(f.key.Seal(f.place(f.pieces), piece[:n])); err != nil {
				return noRoom(err)
			}
			f.pieces++
			f.size += int64(n)
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// fill is io.ReadFull without its own word for an early end: a sender that
// breaks off says io.ErrUnexpectedEOF, and that is no end.
func fill(from io.Reader, piece []byte) (n int, err error) {
	for n < len(piece) && err == nil {
		var read int
		read, err = from.Read(piece[n:])
		n += read
	}
	return n, err
}

// noRoom words a failed write.
func noRoom(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return tenancy.E(tenancy.Full, "storage_full", "There is no room for the file on our side; nothing was taken. Tell the platform's support.", err)
	}
	return tenancy.E(tenancy.Unavailable, "spool_unavailable", "Uploads cannot be taken just now; try again.", err)
}

// Size is how many bytes were taken.
func (f *File) Size() int64 { return f.size }

// Reader gives back what was taken, from its beginning.
func (f *File) Reader() io.Reader { return &reader{file: f, sealed: make([]byte, pieceSize+64)} }

// Close gives the disk back what it held.
func (f *File) Close() error { return f.file.Close() }

// place is where a piece belongs, so that pieces cannot be swapped.
func (f *File) place(n int) string { return fmt.Sprintf("spool/%d", n) }

// reader opens one piece after the other.
type reader struct {
	file   *File
	sealed []byte
	next   int   // piece
	at     int64 // in the file
	open   []byte
}

// Read implements io.Reader.
func (r *reader) Read(b []byte) (int, error) {
	if len(r.open) == 0 {
		if r.next == r.file.pieces {
			return 0, io.EOF
		}
		if err := r.load(); err != nil {
			return 0, err
		}
	}
	n := copy(b, r.open)
	r.open = r.open[n:]
	return n, nil
}

func (r *reader) load() error {
	plain := int64(pieceSize)
	if r.next == r.file.pieces-1 {
		plain = r.file.size - int64(r.next)*pieceSize
	}
	sealed := r.sealed[:plain+seal.Overhead]
	if _, err := r.file.file.ReadAt(sealed, r.at); err != nil {
		return fmt.Errorf("an upload that waited on the disk cannot be read: %w", err)
	}
	open, err := r.file.key.Open(r.file.place(r.next), sealed)
	if err != nil {
		return err
	}
	r.open, r.at, r.next = open, r.at+int64(len(sealed)), r.next+1
	return nil
}
