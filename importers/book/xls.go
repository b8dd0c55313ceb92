package book

import (
	"encoding/binary"
	"os"

	"github.com/ponimayu/opora/internal/tenancy"
)

// xlsBook is a workbook in the binary format of Excel 97 to 2003 (BIFF8), read
// by our own strict reader: docs/decisions/0030.
type xlsBook struct {
	directory
	file    *os.File
	stream  *stream
	limits  Limits
	at      []int64 // where the sheets of directory begin
	strings *stringTable
	styles  []style
	day0    Epoch
	macros  bool
	parsed  *xlsTable // the sheet read last
}

// openOLE opens a compound file, which may be many things beside a workbook.
func openOLE(file *os.File, size int64, limits Limits) (Book, error) {
	c, err := openContainer(file, size)
	if err != nil {
		return nil, err
	}
	has := func(name string) bool { return c.streams[name] != nil }
	switch {
	case has("encryptedpackage"):
		return nil, encryptedWorkbook()
	case has("workbook"):
		return openXLS(file, c.streams["workbook"], limits, c.storages["_vba_project_cur"])
	case has("book"):
		return nil, tooOldWorkbook()
	case has("worddocument"):
		return nil, Problem(FileFormat, 0, "This is a Word document: save the list as an Excel workbook (.xlsx) or CSV.")
	}
	return nil, Problem(FileFormat, 0, "This is a document of an Office program, but no workbook: save the list as an Excel workbook (.xlsx).")
}

// openXLS reads what holds for all sheets. Some programs write the records of a
// workbook into a file as they are, without a container.
func openXLS(file *os.File, s *stream, limits Limits, macros bool) (Book, error) {
	w := &xlsBook{file: file, stream: s, limits: limits, macros: macros}
	if err := w.readGlobals(); err != nil {
		return nil, err
	}
	return w, nil
}

func encryptedWorkbook() error {
	return Problem(FileEncrypted, 0, "The workbook is protected by a password: save it without one (File → Info → Protect Workbook), and send it again.")
}

func tooOldWorkbook() error {
	return Problem(FileFormat, 0, "This is a workbook of Excel 95 or older, whose letters cannot be read without guessing: open it and save it as an Excel workbook (.xlsx).")
}

// readGlobals reads the first part of the stream, which holds for all sheets.
func (w *xlsBook) readGlobals() error {
	b := newBIFF(w.stream, 0, w.limits)
	if err := begin(b); err != nil {
		return err
	}
	formats := map[int]style{}
	var kinds []int
	w.strings = &stringTable{}
	for {
		kind, err := b.next()
		if err != nil {
			return err
		}
		switch kind {
		case recordEOF:
			for _, id := range kinds {
				w.styles = append(w.styles, formatStyle(id, formats))
			}
			return w.checkDirectory(b)
		case recordFilePass:
			return encryptedWorkbook()
		case recordDateMode:
			var mode uint16
			mode, err = b.uint16()
			w.day0 = Epoch(mode == 1)
		case recordFormat:
			err = readFormat(b, formats)
		case recordXF:
			var ids []byte
			if ids, err = b.bytes(4); err == nil {
				kinds = append(kinds, int(binary.LittleEndian.Uint16(ids[2:])))
			}
		case recordBoundSheet:
			err = w.readEntry(b)
		case recordSST:
			w.strings, err = b.readSST()
		}
		if err != nil {
			return err
		}
	}
}

// begin reads the record with which the stream, and every sheet in it, begins.
func begin(b *biff) error {
	kind, err := b.next()
	if err != nil {
		return err
	}
	if kind&0xff != 9 || len(b.rest) < 4 {
		return b.damaged("a part inside is not where it should be")
	}
	if version := binary.LittleEndian.Uint16(b.rest); kind != recordBOF || version != 0x0600 {
		return tooOldWorkbook()
	}
	return nil
}

func readFormat(b *biff, formats map[int]style) error {
	id, err := b.uint16()
	if err != nil {
		return err
	}
	code, err := b.text()
	formats[int(id)] = styleOf(code)
	return err
}

func (w *xlsBook) readEntry(b *biff) error {
	entry, at, sheet, err := b.readBoundSheet()
	if err != nil || !sheet {
		return err
	}
	w.macros = w.macros || entry.macro
	w.directory, w.at = append(w.directory, entry), append(w.at, at)
	return nil
}

func (w *xlsBook) checkDirectory(b *biff) error {
	if len(w.directory) == 0 {
		return b.damaged("it has no sheet")
	}
	return nil
}

// Describe implements Book.
func (w *xlsBook) Describe() (format, encoding string) { return "xls", "utf-16le" }

// Close implements io.Closer.
func (w *xlsBook) Close() error { return w.file.Close() }

// Remarks implements Book.
func (w *xlsBook) Remarks() []tenancy.Problem {
	if w.macros {
		return []tenancy.Problem{macrosUnread()}
	}
	return nil
}

// Open implements Book. A sheet has at most 65,536 rows and is read whole: its
// cells may stand in any order.
func (w *xlsBook) Open(name string) (Source, error) {
	i, err := w.find(name)
	if err != nil {
		return nil, err
	}
	if w.parsed == nil || w.parsed.name != name {
		w.parsed = nil
		t := &xlsTable{book: w, name: name, in: newBIFF(w.stream, w.at[i], w.limits)}
		if err := t.read(); err != nil {
			return nil, PlacedIn(name, err)
		}
		w.parsed = t
	}
	return &xlsRows{table: w.parsed}, nil
}
