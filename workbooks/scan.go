package workbooks

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
)

// scanner cuts an XML part into tags and what stands between them without
// changing a byte, so that a part can be copied with small changes. It does not
// check: the part has been read strictly by importers before.
type scanner struct {
	in  *bufio.Reader
	tag []byte
}

func newScanner(r io.Reader) *scanner { return &scanner{in: bufio.NewReaderSize(r, 64<<10)} }

// eachPiece hands over the pieces of a part in order; their bytes are good until
// f returns.
func eachPiece(r io.Reader, f func(piece []byte, isTag bool) error) error {
	scan := newScanner(r)
	for {
		piece, isTag, err := scan.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = f(piece, isTag)
		}
		if err != nil {
			return err
		}
	}
}

// copyPieces copies a part; change returns what to write for a piece.
func copyPieces(r io.Reader, w io.Writer, change func(piece []byte, isTag bool) []byte) error {
	return eachPiece(r, func(piece []byte, isTag bool) error {
		_, err := w.Write(change(piece, isTag))
		return err
	})
}

// maxTag bounds one tag with its attributes, comment or CDATA section.
const maxTag = 1 << 20

var errTag = errors.New("workbooks: a tag that is too long or never ends")

// next returns the next piece and whether it is a tag; text may come in several
// pieces. The bytes are good until the next call.
func (s *scanner) next() (piece []byte, isTag bool, err error) {
	first, err := s.in.Peek(1)
	if err != nil {
		return nil, false, err
	}
	if first[0] == '<' {
		return s.nextTag()
	}
	piece, err = s.in.ReadSlice('<')
	switch {
	case err == nil:
		return piece[:len(piece)-1], false, s.in.UnreadByte()
	case errors.Is(err, bufio.ErrBufferFull), errors.Is(err, io.EOF):
		return piece, false, nil
	}
	return nil, false, err
}

// nextTag takes a usual tag as it lies in the buffer, and reads every other one
// byte by byte.
func (s *scanner) nextTag() ([]byte, bool, error) {
	there, _ := s.in.Peek(s.in.Buffered())
	end := bytes.IndexByte(there, '>')
	if end < 2 || there[1] == '!' || there[1] == '?' || bytes.Count(there[:end], []byte{'"'})%2 != 0 || bytes.IndexByte(there[:end], '\'') >= 0 {
		return s.readTag()
	}
	_, err := s.in.Discard(end + 1)
	return there[:end+1], true, err
}

// readTag reads from "<" to the ">" that ends it. Comments, CDATA sections and
// processing instructions are handed over as text.
func (s *scanner) readTag() ([]byte, bool, error) {
	s.tag = s.tag[:0]
	var quote byte
	end := ">"
	for {
		b, err := s.in.ReadByte()
		if err != nil {
			return nil, false, errTag
		}
		s.tag = append(s.tag, b)
		switch n := len(s.tag); {
		case n > maxTag:
			return nil, false, errTag
		case n == 2 && b == '?':
			end = "?>"
		case n == 4 && bytes.Equal(s.tag, []byte("<!--")):
			end = "-->"
			continue
		case n == 9 && bytes.Equal(s.tag, []byte("<![CDATA[")):
			end = "]]>"
		}
		switch {
		case end != ">":
			if b == '>' && len(s.tag) > 2 && bytes.HasSuffix(s.tag, []byte(end)) {
				return s.tag, false, nil
			}
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == '"' || b == '\'':
			quote = b
		case b == '>':
			return s.tag, true, nil
		}
	}
}

// nameOf returns a tag's name without "/" and prefix; closing says that it ends
// an element, single that it is an element without content.
func nameOf(tag []byte) (name string, closing, single bool) {
	rest := tag[1:]
	if closing = rest[0] == '/'; closing {
		rest = rest[1:]
	}
	if i := bytes.IndexAny(rest, " \t\r\n/>"); i >= 0 {
		rest = rest[:i]
	}
	if i := bytes.IndexByte(rest, ':'); i >= 0 {
		rest = rest[i+1:]
	}
	return string(rest), closing, tag[len(tag)-2] == '/'
}

// prefixOf returns the namespace prefix of a tag with its colon, or "".
func prefixOf(tag []byte) string {
	rest := bytes.TrimPrefix(tag[1:], []byte("/"))
	if i := bytes.IndexAny(rest, " \t\r\n/>"); i >= 0 {
		rest = rest[:i]
	}
	if i := bytes.IndexByte(rest, ':'); i >= 0 {
		return string(rest[:i+1])
	}
	return ""
}

// place says where in a tag an attribute is: from the blank before its name to
// its closing quote, and its value.
type place struct{ from, to, valueFrom, valueTo int }

// find looks for an attribute by its whole name.
func find(tag []byte, name string) (place, bool) {
	i := bytes.IndexAny(tag, " \t\r\n")
	for i >= 0 && i < len(tag) {
		from := i
		for i < len(tag) && bytes.IndexByte([]byte(" \t\r\n"), tag[i]) >= 0 {
			i++
		}
		equals := bytes.IndexByte(tag[i:], '=')
		if equals < 0 {
			return place{}, false
		}
		key := bytes.TrimSpace(tag[i : i+equals])
		i += equals + 1
		open := bytes.IndexAny(tag[i:], `"'`)
		if open < 0 {
			return place{}, false
		}
		i += open + 1
		length := bytes.IndexByte(tag[i:], tag[i-1])
		if length < 0 {
			return place{}, false
		}
		if string(key) == name {
			return place{from, i + length + 1, i, i + length}, true
		}
		i += length + 1
	}
	return place{}, false
}

// attr returns an attribute's value as it is written.
func attr(tag []byte, name string) string {
	p, ok := find(tag, name)
	if !ok {
		return ""
	}
	return string(tag[p.valueFrom:p.valueTo])
}

// number returns an attribute that is a whole number; absent or broken is -1.
func number(tag []byte, name string) int {
	n, err := strconv.Atoi(attr(tag, name))
	if err != nil {
		return -1
	}
	return n
}

// without returns the tag without an attribute.
func without(tag []byte, name string) []byte {
	p, ok := find(tag, name)
	if !ok {
		return tag
	}
	return append(append([]byte{}, tag[:p.from]...), tag[p.to:]...)
}

// withAttr returns the tag with an attribute set to a value that needs no
// escaping.
func withAttr(tag []byte, name, value string) []byte {
	if p, ok := find(tag, name); ok {
		return slicesJoin(tag[:p.valueFrom], []byte(value), tag[p.valueTo:])
	}
	end := len(tag) - 1
	if tag[end-1] == '/' {
		end--
	}
	return slicesJoin(bytes.TrimRight(tag[:end], " "), []byte(" "+name+`="`+value+`"`), tag[end:])
}

func slicesJoin(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
