package book

import (
	"bufio"
	"encoding/binary"
	"io"
	"math"
	"strings"
	"unicode/utf16"
)

// The records of a workbook in the binary format of Excel 97 to 2003 (BIFF8)
// that matter here, as [MS-XLS] 2.3 numbers them.
const (
	recordFormula    = 0x0006
	recordEOF        = 0x000a
	recordDateMode   = 0x0022
	recordFilePass   = 0x002f
	recordContinue   = 0x003c
	recordColInfo    = 0x007d
	recordBoundSheet = 0x0085
	recordMulRK      = 0x00bd
	recordMulBlank   = 0x00be
	recordRString    = 0x00d6
	recordXF         = 0x00e0
	recordMerged     = 0x00e5
	recordSST        = 0x00fc
	recordLabelSST   = 0x00fd
	recordBlank      = 0x0201
	recordNumber     = 0x0203
	recordLabel      = 0x0204
	recordBoolErr    = 0x0205
	recordString     = 0x0207
	recordRow        = 0x0208
	recordRK         = 0x027e
	recordFormat     = 0x041e
	recordBOF        = 0x0809
)

// maxRecord is the longest record that Excel writes, lastRecord the highest
// number that a kind of record has ([MS-XLS] 2.3.1).
const (
	maxRecord  = 8224
	lastRecord = 0x10ff
)

// biff reads records one after the other.
type biff struct {
	in    *bufio.Reader
	limit int // bytes of one text
	data  []byte
	rest  []byte // of data
	row   int    // the last row seen, from 1; 0 before any
}

// newBIFF reads from a place in the stream on.
func newBIFF(s *stream, from int64, limits Limits) *biff {
	return &biff{in: bufio.NewReaderSize(io.NewSectionReader(s, from, max(0, s.size-from)), 64<<10), limit: limits.Cell}
}

func (b *biff) damaged(what string) error {
	return Problem(FileDamaged, b.row, "The workbook is damaged: %s. Save and send it again.", what)
}

func (b *biff) endsEarly(err error) error {
	if _, ok := ProblemOf(err); ok {
		return err
	}
	return b.damaged("it ends too early")
}

// next reads a record into rest.
func (b *biff) next() (kind uint16, err error) {
	var head [4]byte
	if _, err := io.ReadFull(b.in, head[:]); err != nil {
		return 0, b.endsEarly(err)
	}
	kind = binary.LittleEndian.Uint16(head[:])
	size := int(binary.LittleEndian.Uint16(head[2:]))
	switch {
	case size > maxRecord:
		return 0, b.damaged("a record inside is longer than any")
	case kind > lastRecord:
		return 0, b.damaged("a record inside is of no kind")
	}
	if cap(b.data) < size {
		b.data = make([]byte, maxRecord)
	}
	b.data = b.data[:size]
	if _, err := io.ReadFull(b.in, b.data); err != nil {
		return 0, b.endsEarly(err)
	}
	b.rest = b.data
	return kind, nil
}

// more goes on in the record that continues this one.
func (b *biff) more() error {
	head, err := b.in.Peek(2)
	if err != nil {
		return b.endsEarly(err)
	}
	if binary.LittleEndian.Uint16(head) != recordContinue {
		return b.damaged("a record inside is too short")
	}
	if _, err := b.next(); err != nil {
		return err
	}
	if len(b.rest) == 0 {
		return b.damaged("a record inside is empty")
	}
	return nil
}

// bytes takes n bytes, into the following records where need be; they are valid
// until the next call.
func (b *biff) bytes(n int) ([]byte, error) {
	if n <= len(b.rest) {
		taken := b.rest[:n]
		b.rest = b.rest[n:]
		return taken, nil
	}
	var taken []byte
	for {
		part := b.rest[:min(n-len(taken), len(b.rest))]
		taken, b.rest = append(taken, part...), b.rest[len(part):]
		if len(taken) == n {
			return taken, nil
		}
		if err := b.more(); err != nil {
			return nil, err
		}
	}
}

// skip passes over n bytes.
func (b *biff) skip(n int64) error {
	for n > int64(len(b.rest)) {
		n -= int64(len(b.rest))
		if err := b.more(); err != nil {
			return err
		}
	}
	b.rest = b.rest[n:]
	return nil
}

func (b *biff) uint16() (uint16, error) {
	taken, err := b.bytes(2)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint16(taken), nil
}

// chars reads n characters. A text that goes on in another record says there
// anew in which of the two widths it goes on.
func (b *biff) chars(n int, wide bool) (string, error) {
	units := make([]uint16, 0, n)
	for {
		for len(units) < n && len(b.rest) > 0 {
			if !wide {
				units, b.rest = append(units, uint16(b.rest[0])), b.rest[1:]
				continue
			}
			if len(b.rest) == 1 {
				return "", b.damaged("a text inside is cut")
			}
			units, b.rest = append(units, binary.LittleEndian.Uint16(b.rest)), b.rest[2:]
		}
		if len(units) == n {
			text := string(utf16.Decode(units))
			if len(text) > b.limit {
				return "", tooLongValue(b.limit)
			}
			return text, nil
		}
		if err := b.more(); err != nil {
			return "", err
		}
		wide, b.rest = b.rest[0]&1 != 0, b.rest[1:]
	}
}

// text reads a string with a length of two bytes ([MS-XLS] 2.5.293,
// XLUnicodeRichExtendedString, of which the plain kinds are a part) and leaves
// out its formatting and phonetic hints.
func (b *biff) text() (string, error) {
	length, err := b.uint16()
	if err != nil {
		return "", err
	}
	return b.textOf(int(length))
}

func (b *biff) textOf(length int) (string, error) {
	head, err := b.bytes(1)
	if err != nil {
		return "", err
	}
	flags := head[0]
	if flags&^0x0d != 0 {
		return "", b.damaged("a text inside is of an unknown kind")
	}
	var after int64
	if flags&8 != 0 {
		runs, err := b.uint16()
		if err != nil {
			return "", err
		}
		after = 4 * int64(runs)
	}
	if flags&4 != 0 {
		size, err := b.bytes(4)
		if err != nil {
			return "", err
		}
		after += int64(binary.LittleEndian.Uint32(size))
	}
	text, err := b.chars(length, flags&1 != 0)
	if err != nil {
		return "", err
	}
	return Clean(text), b.skip(after)
}

// rk unpacks a number of four bytes ([MS-XLS] 2.5.217).
func rk(b []byte) float64 {
	n := binary.LittleEndian.Uint32(b)
	var v float64
	if n&2 != 0 {
		v = float64(int32(n) >> 2)
	} else {
		v = math.Float64frombits(uint64(n&^3) << 32)
	}
	if n&1 != 0 {
		v /= 100
	}
	return v
}

// readSST reads the workbook's texts, which must be as many as it says.
func (b *biff) readSST() (*stringTable, error) {
	head, err := b.bytes(8)
	if err != nil {
		return nil, err
	}
	count := binary.LittleEndian.Uint32(head[4:])
	t := &stringTable{}
	for range count {
		if len(b.rest) == 0 {
			if err := b.more(); err != nil {
				return nil, err
			}
		}
		text, err := b.text()
		if err != nil {
			return nil, err
		}
		t.add(text)
	}
	return t, nil
}

// readBoundSheet reads the entry of a sheet: where it begins, and its name.
func (b *biff) readBoundSheet() (entry sheetEntry, at int64, sheet bool, err error) {
	head, err := b.bytes(7)
	if err != nil {
		return sheetEntry{}, 0, false, err
	}
	at = int64(binary.LittleEndian.Uint32(head))
	state, kind, length := head[4], head[5], int(head[6])
	name, err := b.textOf(length)
	return sheetEntry{name: strings.TrimSpace(name), hidden: state&3 != 0, macro: kind == 1}, at, kind <= 1, err
}
