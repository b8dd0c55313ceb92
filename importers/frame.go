package importers

import (
	"bufio"
	"encoding/binary"
	"io"
)

// What a child writes is a row of frames: a byte that says what is in it, its
// length, and the bytes.
const (
	recordFrame     = 'r' // a packed record
	conclusionFrame = 'c' // the conclusion, as JSON
	progressFrame   = 'p' // how many lines were read, in decimal digits
)

// longestFrame is far above what a record can be, with the limits of a file.
const longestFrame = 32 << 20

// frameWriter writes frames.
type frameWriter struct {
	out *bufio.Writer
	b   []byte
}

// record writes a record.
func (w *frameWriter) record(r Record) error {
	w.b = appendRecord(w.b[:0], &r)
	return w.write(recordFrame, w.b)
}

func (w *frameWriter) write(kind byte, b []byte) error {
	var head [1 + binary.MaxVarintLen64]byte
	head[0] = kind
	n := 1 + binary.PutUvarint(head[1:], uint64(len(b)))
	if _, err := w.out.Write(head[:n]); err != nil {
		return err
	}
	_, err := w.out.Write(b)
	return err
}

// frameReader reads frames.
type frameReader struct {
	in *bufio.Reader
	b  []byte
}

// next returns the next frame; any error means that there is no more.
func (r *frameReader) next() (kind byte, text string, err error) {
	if kind, err = r.in.ReadByte(); err != nil {
		return 0, "", err
	}
	n, err := binary.ReadUvarint(r.in)
	if err != nil || n > longestFrame || kind != recordFrame && kind != conclusionFrame && kind != progressFrame {
		return 0, "", errPacked
	}
	if uint64(cap(r.b)) < n {
		r.b = make([]byte, n)
	}
	r.b = r.b[:n]
	if _, err := io.ReadFull(r.in, r.b); err != nil {
		return 0, "", err
	}
	return kind, string(r.b), nil
}
