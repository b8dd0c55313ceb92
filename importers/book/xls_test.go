package book_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"testing"
	"unicode/utf16"

	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// packContainer writes a compound file: the streams by name, in order, then the
// directory and the table of sectors. A name in brackets is a storage's.
func packContainer(t testing.TB, names []string, streams map[string][]byte) []byte {
	t.Helper()
	var body []byte
	var fat []uint32
	put := func(b []byte) uint32 {
		first := uint32(len(fat))
		for len(b)%512 != 0 || len(b) == 0 {
			b = append(b, 0)
		}
		body = append(body, b...)
		for i := range len(b) / 512 {
			fat = append(fat, first+uint32(i)+1)
		}
		fat[len(fat)-1] = book.EndOfChain
		return first
	}
	directory := oleEntry("Root Entry", book.RootEntry, book.NoEntry, 1, book.EndOfChain, 0)
	for i, name := range names {
		next := uint32(book.NoEntry)
		if i+1 < len(names) {
			next = uint32(i) + 2
		}
		if name[0] == '(' {
			directory = append(directory, oleEntry(name[1:len(name)-1], book.StorageEntry, next, book.NoEntry, 0, 0)...)
			continue
		}
		content := streams[name]
		for len(content) < 4096 {
			content = append(content, 0)
		}
		directory = append(directory, oleEntry(name, book.StreamEntry, next, book.NoEntry, put(bytes.Clone(content)), len(content))...)
	}
	start := put(directory)
	for len(fat)%128 != 127 {
		fat = append(fat, book.FreeSector)
	}
	if len(fat) > 127 {
		t.Fatal("too long for one sector of the table")
	}
	at := uint32(len(body) / 512)
	for uint32(len(fat)) <= at {
		fat = append(fat, book.FreeSector)
	}
	fat[at] = 0xfffffffd
	for len(fat) < 128 {
		fat = append(fat, book.FreeSector)
	}
	for _, n := range fat {
		body = binary.LittleEndian.AppendUint32(body, n)
	}
	head := bytes.Repeat([]byte{0}, 512)
	copy(head, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	for offset, v := range map[int]uint16{24: 0x3e, 26: 3, 28: 0xfffe, 30: 9, 32: 6} {
		binary.LittleEndian.PutUint16(head[offset:], v)
	}
	for offset, v := range map[int]uint32{44: 1, 48: start, 56: 4096, 60: book.EndOfChain, 68: book.EndOfChain, 76: at} {
		binary.LittleEndian.PutUint32(head[offset:], v)
	}
	for i := 80; i < 512; i += 4 {
		binary.LittleEndian.PutUint32(head[i:], book.FreeSector)
	}
	return append(head, body...)
}

func oleEntry(name string, kind byte, right, child, start uint32, size int) []byte {
	e := make([]byte, book.EntrySize)
	units := utf16.Encode([]rune(name))
	for i, u := range units {
		binary.LittleEndian.PutUint16(e[2*i:], u)
	}
	binary.LittleEndian.PutUint16(e[64:], uint16(2*len(units)+2))
	e[66] = kind
	for offset, v := range map[int]uint32{68: book.NoEntry, 72: right, 76: child, 116: start, 120: uint32(size)} {
		binary.LittleEndian.PutUint32(e[offset:], v)
	}
	return e
}

// biffWriter writes records.
type biffWriter struct{ bytes.Buffer }

func (w *biffWriter) record(kind uint16, parts ...any) {
	var data bytes.Buffer
	for _, p := range parts {
		switch p := p.(type) {
		case string: // characters of two bytes, without a length
			for _, u := range utf16.Encode([]rune(p)) {
				_ = binary.Write(&data, binary.LittleEndian, u)
			}
		default:
			_ = binary.Write(&data, binary.LittleEndian, p)
		}
	}
	_ = binary.Write(w, binary.LittleEndian, []uint16{kind, uint16(data.Len())})
	w.Write(data.Bytes())
}

// label writes a text as a cell of its own.
func (w *biffWriter) label(row, column uint16, text string) {
	w.record(book.RecordLabel, row, column, uint16(0), uint16(len(utf16.Encode([]rune(text)))), uint8(1), text)
}

const (
	wholeStream = uint16(0x0005)
	worksheet   = uint16(0x0010)
)

func (w *biffWriter) begin(kind uint16) {
	w.record(book.RecordBOF, uint16(0x0600), kind, uint16(0), uint16(0), uint32(0), uint32(6))
}

// packXLS makes a workbook of one sheet.
func packXLS(t testing.TB, state, kind uint8, globals, sheet func(*biffWriter)) []byte {
	t.Helper()
	return packContainer(t, []string{"Workbook"}, map[string][]byte{"Workbook": workbookRecords(state, kind, globals, sheet)})
}

// workbookRecords are those of a workbook of one sheet, globals and sheet among them.
func workbookRecords(state, kind uint8, globals, sheet func(*biffWriter)) []byte {
	before := func(at uint32) *biffWriter {
		w := &biffWriter{}
		w.begin(wholeStream)
		w.record(book.RecordBoundSheet, at, state, kind, uint8(5), uint8(1), "Лист1")
		w.record(book.RecordXF, uint16(0), uint16(0))
		w.record(book.RecordXF, uint16(0), uint16(14))
		w.record(book.RecordFormat, uint16(164), uint16(6), uint8(0), []byte("000000"))
		w.record(book.RecordXF, uint16(0), uint16(164))
		if globals != nil {
			globals(w)
		}
		w.record(book.RecordEOF)
		return w
	}
	w := before(uint32(before(0).Len()))
	w.begin(worksheet)
	sheet(w)
	w.record(book.RecordEOF)
	return w.Bytes()
}

// Some programs leave the container out.
func TestBareRecords(t *testing.T) {
	packed := workbookRecords(0, 0, nil, func(w *biffWriter) { xlsHead(w); xlsPerson(w) })
	if got := told(mustParse(t, packed, russianList())); got != "2 1 Иванов Склад" {
		t.Errorf("got %s", got)
	}
	for size := len(packed) - 1; size > 8; size-- {
		wantFileProblem(t, packed[:size], book.FileDamaged, 0)
	}
}

func xlsHead(w *biffWriter) {
	for i, name := range []string{"Таб. №", "ФИО", "Отдел", "Дата приема"} {
		w.label(0, uint16(i), name)
	}
}

func xlsPerson(w *biffWriter) {
	w.label(1, 0, "1")
	w.label(1, 1, "Иванов Иван")
	w.label(1, 2, "Склад")
}

func TestRecordsOfXLS(t *testing.T) {
	rkOf := func(n int32, hundredth bool) uint32 {
		v := uint32(n)<<2 | 2
		if hundredth {
			v |= 1
		}
		return v
	}
	for name, c := range map[string]struct {
		globals, sheet func(*biffWriter)
		want           string
	}{
		"labels": {nil, xlsPerson, "2 1 Иванов Склад"},
		"packed numbers": {nil, func(w *biffWriter) {
			w.record(book.RecordRK, uint16(1), uint16(0), uint16(2), rkOf(17, false))
			w.label(1, 1, "Иванов Иван")
			w.record(book.RecordMulRK, uint16(1), uint16(2), uint16(0), rkOf(1250, true), uint16(1), rkOf(45352, false), uint16(3))
		}, "2 000017 Иванов 12.5 2024-03-01"},
		"long numbers": {nil, func(w *biffWriter) {
			w.record(book.RecordNumber, uint16(1), uint16(0), uint16(0), 900101300007.0)
			w.label(1, 1, "Иванов Иван")
			w.record(book.RecordBoolErr, uint16(1), uint16(2), uint16(0), uint8(0x2a), uint8(1))
			w.record(book.RecordRK, uint16(1), uint16(3), uint16(1), uint32(math.Float64bits(45352)>>32)&^3)
		}, "2 900101300007 Иванов  2024-03-01"},
		"formulas": {nil, func(w *biffWriter) {
			w.record(book.RecordFormula, uint16(1), uint16(0), uint16(0), 7.0, uint16(0), uint32(0), uint16(0))
			w.record(book.RecordFormula, uint16(1), uint16(1), uint16(0), uint64(0xffff)<<48, uint16(0), uint32(0), uint16(0))
			w.record(0x04bc, uint32(0)) // a shared formula stands before its text
			w.record(book.RecordString, uint16(11), uint8(1), "Иванов Иван")
			w.record(book.RecordFormula, uint16(1), uint16(2), uint16(0), uint64(0xffff)<<48|2, uint16(0), uint32(0), uint16(0))
			w.record(book.RecordFormula, uint16(1), uint16(3), uint16(0), uint64(0xffff)<<48|3, uint16(0), uint32(0), uint16(0))
		}, "2 7 Иванов "},
		"shared texts in pieces": {func(w *biffWriter) {
			w.record(book.RecordSST, uint32(3), uint32(3), uint16(6), uint8(1), "Иванов", uint16(11), uint8(1), "Иванов")
			w.record(book.RecordContinue, uint8(1), " Иван", uint16(8), uint8(0x0d), uint16(2), uint32(5), "Сбыт")
			w.record(book.RecordContinue, uint8(0), []byte(" abc"), uint32(0), uint16(1))
			w.record(book.RecordContinue, uint16(2), []byte("12345"))
		}, func(w *biffWriter) {
			w.label(1, 0, "1")
			w.record(book.RecordLabelSST, uint16(1), uint16(1), uint16(0), uint32(1))
			w.record(book.RecordLabelSST, uint16(1), uint16(2), uint16(0), uint32(2))
		}, "2 1 Иванов Сбыт abc"},
		"cells in any order": {nil, func(w *biffWriter) {
			w.label(2, 1, "Ким Олег")
			w.label(1, 2, "Склад")
			w.label(2, 0, "2")
			w.label(1, 1, "Иванов Иван")
			w.label(1, 0, "1")
		}, "2 1 Иванов Склад; 3 2 Ким "},
		"1904": {func(w *biffWriter) { w.record(book.RecordDateMode, uint16(1)) }, func(w *biffWriter) {
			xlsPerson(w)
			w.record(book.RecordRK, uint16(1), uint16(3), uint16(1), rkOf(45352-1462, false))
		}, "2 1 Иванов Склад 2024-03-01"},
		"a chart on the sheet": {nil, func(w *biffWriter) {
			w.begin(0x20)
			w.label(1, 0, "9")
			w.record(book.RecordEOF)
			xlsPerson(w)
		}, "2 1 Иванов Склад"},
		"cells merged": {nil, func(w *biffWriter) {
			xlsPerson(w)
			w.label(2, 0, "2")
			w.label(2, 1, "Ким Олег")
			w.record(book.RecordMerged, uint16(1), uint16(1), uint16(2), uint16(2), uint16(2))
		}, "2 1 Иванов Склад; 3 2 Ким Склад"},
	} {
		t.Run(name, func(t *testing.T) {
			packed := packXLS(t, 0, 0, c.globals, func(w *biffWriter) { xlsHead(w); c.sheet(w) })
			p := mustParse(t, packed, russianList())
			got := told(p)
			if hired := p.rows()[0].Row.HiredOn; !hired.IsZero() {
				got += " " + hired.String()
			}
			if got != c.want || p.summary.Format != "xls" {
				t.Errorf("%s: got %s, want %s", p.summary.Format, got, c.want)
			}
		})
	}
}

func TestXLSThatIsRefusedWhole(t *testing.T) {
	good := func(w *biffWriter) { xlsHead(w); xlsPerson(w) }
	sheet := func(f func(*biffWriter)) []byte {
		return packXLS(t, 0, 0, nil, func(w *biffWriter) { good(w); f(w) })
	}
	global := func(f func(*biffWriter)) []byte { return packXLS(t, 0, 0, f, good) }
	stream := func(name string) []byte {
		return packContainer(t, []string{name}, map[string][]byte{name: nil})
	}
	old := &biffWriter{}
	old.record(book.RecordBOF, uint16(0x0500), wholeStream, uint32(0))
	for name, c := range map[string]struct {
		content []byte
		code    tenancy.ProblemCode
		line    int
	}{
		"a password":              {global(func(w *biffWriter) { w.record(book.RecordFilePass, uint16(0)) }), book.FileEncrypted, 0},
		"an encrypted package":    {stream("EncryptedPackage"), book.FileEncrypted, 0},
		"Excel 95":                {packContainer(t, []string{"Book"}, map[string][]byte{"Book": old.Bytes()}), book.FileFormat, 0},
		"Excel 95 by its version": {packContainer(t, []string{"Workbook"}, map[string][]byte{"Workbook": old.Bytes()}), book.FileFormat, 0},
		"Excel 4":                 {[]byte("\x09\x04\x06\x00\x00\x04\x10\x00\x00\x00"), book.FileFormat, 0},
		"Excel 2":                 {[]byte("\x09\x00\x04\x00\x02\x00\x10\x00"), book.FileFormat, 0},
		"a script's short way":    {[]byte("\x09\x08\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00"), book.FileFormat, 0},
		"a Word document":         {stream("WordDocument"), book.FileFormat, 0},
		"a presentation":          {stream("PowerPoint Document"), book.FileFormat, 0},
		"an empty stream":         {stream("Workbook"), book.FileDamaged, 0},
		"a sheet that is hidden":  {packXLS(t, 2, 0, nil, good), book.SheetMissing, 0},
		"a sheet of macros":       {packXLS(t, 0, 1, nil, good), book.SheetMissing, 0},
		"no sheet":                {packXLS(t, 0, 2, nil, good), book.FileDamaged, 0},
		"texts that are missing":  {global(func(w *biffWriter) { w.record(book.RecordSST, uint32(1), uint32(2), uint16(1), uint8(0), []byte("x")) }), book.FileDamaged, 0},
		"a text of no kind": {global(func(w *biffWriter) {
			w.record(book.RecordSST, uint32(1), uint32(1), uint16(1), uint8(0x40), []byte("x"))
		}), book.FileDamaged, 0},
		"no such text":     {sheet(func(w *biffWriter) { w.record(book.RecordLabelSST, uint16(2), uint16(0), uint16(0), uint32(9)) }), book.FileDamaged, 3},
		"a cell twice":     {sheet(xlsPerson), book.FileDamaged, 2},
		"a cell beyond":    {sheet(func(w *biffWriter) { w.record(book.RecordRK, uint16(4), uint16(256), uint16(0), uint32(0)) }), book.FileDamaged, 5},
		"a cell too short": {sheet(func(w *biffWriter) { w.record(book.RecordNumber, uint16(4), uint16(0), uint16(0), uint32(0)) }), book.FileDamaged, 5},
		"a cell too long": {sheet(func(w *biffWriter) {
			w.record(book.RecordRK, uint16(4), uint16(0), uint16(0), uint32(0), make([]byte, 28)) // and the next two records
		}), book.FileDamaged, 5},
		"a row too long":        {sheet(func(w *biffWriter) { w.record(book.RecordRow, make([]byte, 80)) }), book.FileDamaged, 2},
		"a record of no kind":   {sheet(func(w *biffWriter) { w.record(0xfd00, uint32(0)) }), book.FileDamaged, 2},
		"a number that is none": {sheet(func(w *biffWriter) { w.record(book.RecordNumber, uint16(4), uint16(0), uint16(0), math.NaN()) }), book.FileDamaged, 5},
		"a row of numbers":      {sheet(func(w *biffWriter) { w.record(book.RecordMulRK, uint16(4), uint16(0), uint16(0), uint32(2), uint16(7)) }), book.FileDamaged, 5},
		"a formula without text": {sheet(func(w *biffWriter) {
			w.record(book.RecordFormula, uint16(4), uint16(0), uint16(0), uint64(0xffff)<<48, uint32(0), uint16(0))
		}), book.FileDamaged, 5},
		"an impossible merge": {sheet(func(w *biffWriter) {
			w.record(book.RecordMerged, uint16(1), uint16(4), uint16(2), uint16(0), uint16(0))
		}), book.FileDamaged, 2},
		"merges that are missing": {sheet(func(w *biffWriter) { w.record(book.RecordMerged, uint16(2), uint64(0)) }), book.FileDamaged, 2},
		"no end":                  {sheet(func(w *biffWriter) { w.begin(0x20) }), book.FileDamaged, 2},
	} {
		t.Run(name, func(t *testing.T) {
			wantFileProblem(t, c.content, c.code, c.line)
		})
	}
}

func TestASheetOfMacrosIsNeverRead(t *testing.T) {
	packed := packXLS(t, 0, 1, nil, func(w *biffWriter) { xlsHead(w); xlsPerson(w) })
	o := russianList()
	o.Sheet = "Лист1"
	if _, err := parseBytes(t, packed, o); !hasCode(err, book.FileMacro) {
		t.Errorf("got %v", err)
	}
	w := &biffWriter{}
	w.begin(wholeStream)
	at := uint32(w.Len() + 4 + 13 + 4)
	w.record(book.RecordBoundSheet, at, uint16(0), uint8(5), uint8(0), []byte("Sheet"))
	w.record(book.RecordEOF)
	w.begin(worksheet)
	xlsHead(w)
	xlsPerson(w)
	w.record(book.RecordEOF)
	p := mustParse(t, packContainer(t, []string{"(_VBA_PROJECT_CUR)", "Workbook"}, map[string][]byte{"Workbook": w.Bytes()}), russianList())
	if told(p) != "2 1 Иванов Склад" || len(p.summary.Problems) != 1 || p.summary.Problems[0].Code != book.FileMacro {
		t.Errorf("%s: %+v", told(p), p.summary.Problems)
	}
}

// The tables of a compound file may be hostile: chains without end, entries that
// are their own neighbours, counts beyond the file.
func TestContainersThatAreRefused(t *testing.T) {
	good := packXLS(t, 0, 0, nil, func(w *biffWriter) { xlsHead(w); xlsPerson(w) })
	put := func(offset int, v uint32) []byte {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint32(b[offset:], v)
		return b
	}
	fat := int(binary.LittleEndian.Uint32(good[76:])+1) * 512
	directory := int(binary.LittleEndian.Uint32(good[48:])+1) * 512
	for name, content := range map[string][]byte{
		"a chain without end":         put(fat+4*3, 2),
		"a chain that leaves":         put(fat+4*3, 70000),
		"a chain that is short":       put(fat+4*3, book.EndOfChain),
		"a sector that is not there":  put(fat+4*100, book.EndOfChain),
		"an entry beside itself":      put(directory+book.EntrySize+68, 1),
		"an entry that is not there":  put(directory+76, 77),
		"a root that is none":         put(directory+64, 0),
		"no directory":                put(48, book.EndOfChain),
		"a directory without end":     put(fat+4*int(binary.LittleEndian.Uint32(good[48:])), binary.LittleEndian.Uint32(good[48:])),
		"tables beyond the file":      put(44, 1<<30),
		"more tables than are listed": put(44, 5),
		"sectors of another size":     put(30, 0x0006000a),
		"a stream beyond its sectors": put(directory+book.EntrySize+120, 1<<30),
		"small sectors, but no table": put(directory+book.EntrySize+120, 100),
	} {
		t.Run(name, func(t *testing.T) {
			wantFileProblem(t, content, book.FileDamaged, 0)
		})
	}
	if p := mustParse(t, good, russianList()); told(p) != "2 1 Иванов Склад" {
		t.Error(fmt.Sprint("the sound one: ", told(p)))
	}
}

// A stream below the cutoff stands in the small sectors of the root's stream.
func TestASmallWorkbook(t *testing.T) {
	records := workbookRecords(0, 0, nil, func(w *biffWriter) { xlsHead(w); xlsPerson(w) })
	var table []byte
	for i := range uint32(64) {
		next := i + 1
		if int(next)*64 >= len(records) {
			next = book.EndOfChain
		}
		table = binary.LittleEndian.AppendUint32(table, next)
	}
	packed := packContainer(t, []string{"Workbook", "Table"}, map[string][]byte{"Workbook": records, "Table": table})
	directory := int(binary.LittleEndian.Uint32(packed[48:])+1) * 512
	workbook, tables := directory+book.EntrySize, directory+2*book.EntrySize
	put := func(offset int, v uint32) { binary.LittleEndian.PutUint32(packed[offset:], v) }
	put(60, binary.LittleEndian.Uint32(packed[tables+116:]))
	put(directory+116, binary.LittleEndian.Uint32(packed[workbook+116:]))
	put(directory+120, 4096)
	put(workbook+116, 0)
	put(workbook+120, uint32(len(records)))
	if got := told(mustParse(t, packed, russianList())); got != "2 1 Иванов Склад" {
		t.Errorf("got %s", got)
	}
	put(workbook+120, 4000)
	wantFileProblem(t, packed, book.FileDamaged, 0)
}
