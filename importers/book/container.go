package book

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"unicode/utf16"
)

// container is an OLE2 compound file ([MS-CFB]), in which Excel up to 2003 kept
// workbooks and later ones keep encrypted ones. Every sector that its table of
// sectors names must be there, so that a file cut anywhere is refused.
type container struct {
	file     io.ReaderAt
	size     int64
	shift    uint
	fat      []uint32
	miniFAT  []uint32
	mini     *stream            // where streams below cutoff are
	cutoff   int64              // bytes
	streams  map[string]*stream // of the root, by lower-case name
	storages map[string]bool    // likewise
}

// stream is a chain of sectors within a file or within another stream.
type stream struct {
	in      io.ReaderAt
	base    int64 // of sector 0
	shift   uint
	sectors []uint32
	size    int64
}

// Special sector numbers and the kinds of a directory's entries ([MS-CFB] 2.1 and 2.6.1).
const (
	lastSector  = 0xfffffffa
	endOfChain  = 0xfffffffe
	freeSector  = 0xffffffff
	noEntry     = 0xffffffff
	entrySize   = 128
	maxOLEItems = 4096

	storageEntry = 1
	streamEntry  = 2
	rootEntry    = 5
)

func damagedContainer() error {
	return Problem(FileDamaged, 0, "The workbook is damaged: its table of contents does not fit its size. It was perhaps not sent whole; save and send it again.")
}

// openContainer reads the tables of a compound file.
func openContainer(file io.ReaderAt, size int64) (*container, error) {
	head := make([]byte, 512)
	if n, err := file.ReadAt(head, 0); n < len(head) {
		if err != nil && err != io.EOF {
			return nil, cannotOpen(err)
		}
		return nil, damagedContainer()
	}
	shift := uint(binary.LittleEndian.Uint16(head[30:]))
	if shift != 9 && shift != 12 || binary.LittleEndian.Uint16(head[32:]) != 6 {
		return nil, damagedContainer()
	}
	c := &container{file: file, size: size, shift: shift, cutoff: int64(binary.LittleEndian.Uint32(head[56:])), streams: map[string]*stream{}, storages: map[string]bool{}}
	if err := c.readFAT(head); err != nil {
		return nil, err
	}
	return c, c.readDirectory(binary.LittleEndian.Uint32(head[48:]), binary.LittleEndian.Uint32(head[60:]))
}

// readFAT reads the table that says which sector follows which. Its own sectors
// are listed in the header and in a chain of further lists.
func (c *container) readFAT(head []byte) error {
	count := int64(binary.LittleEndian.Uint32(head[44:]))
	if count<<c.shift > c.size {
		return damagedContainer()
	}
	lists := numbers(head[76:])
	more := binary.LittleEndian.Uint32(head[68:])
	for range c.size >> c.shift {
		if int64(len(lists)) >= count || more > lastSector {
			break
		}
		b, err := c.sector(more)
		if err != nil {
			return err
		}
		part := numbers(b)
		lists, more = append(lists, part[:len(part)-1]...), part[len(part)-1]
	}
	if int64(len(lists)) < count {
		return damagedContainer()
	}
	for _, n := range lists[:count] {
		b, err := c.sector(n)
		if err != nil {
			return err
		}
		c.fat = append(c.fat, numbers(b)...)
	}
	for i := len(c.fat) - 1; i >= 0; i-- {
		if c.fat[i] == freeSector {
			continue
		}
		if int64(i+1)<<c.shift >= c.size {
			return damagedContainer()
		}
		break
	}
	return nil
}

func numbers(b []byte) []uint32 {
	all := make([]uint32, len(b)/4)
	for i := range all {
		all[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return all
}

// sector reads one whole sector; the header takes the place of one.
func (c *container) sector(n uint32) ([]byte, error) {
	b := make([]byte, 1<<c.shift)
	if read, err := c.file.ReadAt(b, (int64(n)+1)<<c.shift); n > lastSector || read < len(b) {
		if err != nil && err != io.EOF {
			return nil, cannotOpen(err)
		}
		return nil, damagedContainer()
	}
	return b, nil
}

// wholeFile is a file as a stream.
func wholeFile(file io.ReaderAt, size int64) *stream {
	return &stream{in: file, shift: 40, sectors: []uint32{0}, size: size}
}

// chain follows sectors from the first to the end. Size -1: as long as it is.
func chain(in io.ReaderAt, base int64, shift uint, table []uint32, first uint32, size int64) (*stream, error) {
	s := &stream{in: in, base: base, shift: shift, size: size}
	for n := first; n != endOfChain; n = table[n] {
		if int64(n) >= int64(len(table)) || len(s.sectors) > len(table) {
			return nil, damagedContainer()
		}
		s.sectors = append(s.sectors, n)
	}
	length := int64(len(s.sectors)) << shift
	if size < 0 {
		s.size = length
	}
	if s.size > length {
		return nil, damagedContainer()
	}
	return s, nil
}

func (c *container) chain(first uint32, size int64) (*stream, error) {
	return chain(c.file, 1<<c.shift, c.shift, c.fat, first, size)
}

// ReadAt implements io.ReaderAt. Sectors that are not there are damage.
func (s *stream) ReadAt(b []byte, at int64) (n int, err error) {
	for n < len(b) {
		if at >= s.size {
			return n, io.EOF
		}
		within := at & (1<<s.shift - 1)
		piece := b[n:min(int64(len(b)), int64(n)+min(1<<s.shift-within, s.size-at))]
		read, err := s.in.ReadAt(piece, s.base+int64(s.sectors[at>>s.shift])<<s.shift+within)
		n, at = n+read, at+int64(read)
		if read < len(piece) {
			if errors.Is(err, io.EOF) {
				err = damagedContainer()
			}
			return n, err
		}
	}
	return n, nil
}

// readDirectory finds the streams and storages of the root.
func (c *container) readDirectory(first, firstMini uint32) error {
	dir, err := c.chain(first, -1)
	if err != nil {
		return err
	}
	if dir.size < entrySize || dir.size > maxOLEItems*entrySize {
		return damagedContainer()
	}
	entries := make([]byte, dir.size)
	if _, err := dir.ReadAt(entries, 0); err != nil {
		return damagedContainer()
	}
	root := entries[:entrySize]
	if root[66] != rootEntry {
		return damagedContainer()
	}
	if err := c.readMini(root, firstMini); err != nil {
		return err
	}
	return c.readEntries(entries, binary.LittleEndian.Uint32(root[76:]))
}

// readMini opens the stream of small streams, which belongs to the root.
func (c *container) readMini(root []byte, first uint32) (err error) {
	if first > lastSector {
		c.mini = &stream{}
		return nil
	}
	if c.mini, err = c.chain(binary.LittleEndian.Uint32(root[116:]), int64(binary.LittleEndian.Uint32(root[120:]))); err != nil {
		return err
	}
	table, err := c.chain(first, -1)
	if err != nil {
		return err
	}
	b := make([]byte, table.size)
	if _, err := table.ReadAt(b, 0); err != nil {
		return damagedContainer()
	}
	c.miniFAT = numbers(b)
	return nil
}

// readEntries walks the tree of siblings below the root.
func (c *container) readEntries(entries []byte, first uint32) error {
	waiting, seen := []uint32{first}, map[uint32]bool{}
	for len(waiting) > 0 {
		n := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		if n == noEntry {
			continue
		}
		if int64(n) >= int64(len(entries)/entrySize) || seen[n] {
			return damagedContainer()
		}
		seen[n] = true
		e := entries[n*entrySize : (n+1)*entrySize]
		waiting = append(waiting, binary.LittleEndian.Uint32(e[68:]), binary.LittleEndian.Uint32(e[72:]))
		if err := c.readEntry(e); err != nil {
			return err
		}
	}
	return nil
}

func (c *container) readEntry(e []byte) error {
	length := binary.LittleEndian.Uint16(e[64:])
	if length < 2 || length > 64 {
		return damagedContainer()
	}
	units := make([]uint16, 0, 32)
	for i := 0; i+2 < int(length); i += 2 {
		units = append(units, binary.LittleEndian.Uint16(e[i:]))
	}
	name := strings.ToLower(string(utf16.Decode(units)))
	switch e[66] {
	case storageEntry:
		c.storages[name] = true
	case streamEntry:
		s, err := c.openStream(binary.LittleEndian.Uint32(e[116:]), int64(binary.LittleEndian.Uint32(e[120:])))
		if err != nil {
			return err
		}
		c.streams[name] = s
	}
	return nil
}

func (c *container) openStream(first uint32, size int64) (*stream, error) {
	switch {
	case size == 0:
		return &stream{}, nil
	case size >= c.cutoff:
		return c.chain(first, size)
	}
	return chain(c.mini, 0, 6, c.miniFAT, first, size)
}
