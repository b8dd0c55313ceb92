package workbooks

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/ponimayu/opora/importers/book"
)

// patch is a workbook that is copied part by part, with the sheet of the list
// marked on the way.
type patch struct {
	file    *os.File
	archive *zip.Reader
	parts   book.Parts
	marking Marking
	faults  *faults
	styles  *styles
	sheet   survey
	shape   shape
	emptied *bits           // shared strings that only emptied rows use
	dropped map[string]bool // parts that are left out
}

// openPatch looks whether the workbook can be marked in place; nil means that
// it cannot, or is of another format.
func openPatch(ctx context.Context, name string, m Marking, f *faults) (*patch, error) {
	parts, ok, err := book.PartsOf(name, m.Summary.Sheet, m.Options.Limits)
	if err != nil || !ok || parts.Styles == "" {
		return nil, err
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	p := &patch{file: file, parts: parts, marking: m, faults: f, dropped: map[string]bool{}}
	fits, err := p.prepare(ctx, name)
	if err != nil || !fits {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *patch) close() { _ = p.file.Close() }

// prepare reads what must be known before the first byte is written.
func (p *patch) prepare(ctx context.Context, name string) (fits bool, err error) {
	info, err := p.file.Stat()
	if err != nil {
		return false, err
	}
	if p.archive, err = zip.NewReader(p.file, info.Size()); err != nil {
		return false, err
	}
	if p.shape, err = shapeOf(ctx, name, p.marking, true); err != nil {
		return false, err
	}
	if p.styles, err = readPart(p, p.parts.Styles, readStyles); err != nil {
		if errors.Is(err, errNoStyles) {
			err = nil
		}
		return false, err
	}
	if p.sheet, err = readPart(p, p.parts.Sheet, p.survey); err != nil {
		return false, err
	}
	if fits, err := p.dropParts(); err != nil || !fits || p.sheet.last >= book.DefaultLimits.Columns {
		return false, err
	}
	if len(p.faults.blank) == 0 {
		return true, nil
	}
	return p.emptyStrings()
}

// dropParts decides which parts are left out: macros, and the order in which
// formulas are calculated when some of them are emptied. false: the workbook
// has parts that cannot be taken out by leaving them out.
func (p *patch) dropParts() (fits bool, err error) {
	for _, f := range p.archive.File {
		name := partName(f.Name)
		switch {
		case strings.HasPrefix(name, "xl/vba"), strings.HasPrefix(name, "xl/_rels/vba"):
			p.dropped[name] = true
		case name == "xl/calcchain.xml" && len(p.faults.blank) > 0:
			p.dropped[name] = true
		case strings.HasPrefix(name, "xl/macrosheets/"), strings.HasPrefix(name, "_xmlsignatures/"):
			return false, nil
		case len(p.faults.blank) > 0 && copiesRows(name):
			return false, nil
		case len(p.faults.blank) > 0 && (strings.HasPrefix(name, "xl/comments") || strings.HasPrefix(name, "xl/threadedcomments/")):
			if said, err := readPart(p, f.Name, p.speaksOfEmptied); err != nil || said {
				return false, err
			}
		}
	}
	return true, nil
}

// speaksOfEmptied reports whether a comment stands at a row that is emptied.
func (p *patch) speaksOfEmptied(r io.Reader) (said bool, err error) {
	err = copyTags(r, io.Discard, func(name string, tag []byte) []byte {
		if ref := attr(tag, "ref"); name == "comment" || name == "threadedComment" {
			row, err := rowOf(ref)
			said = said || err != nil || p.faults.blank[row]
		}
		return tag
	})
	return said, err
}

// copiesRows reports whether a part may hold copies of what stands in rows, so
// that emptying them in the sheet would not be enough.
func copiesRows(name string) bool {
	for _, folder := range []string{"xl/pivotcache/", "xl/externallinks/", "xl/revisions/", "xl/querytables/", "xl/embeddings/", "xl/charts/", "customxml/", "docprops/thumbnail"} {
		if strings.HasPrefix(name, folder) {
			return true
		}
	}
	return false
}

// partName is a part's name as it is compared.
func partName(name string) string { return strings.ToLower(strings.TrimPrefix(name, "/")) }

func (p *patch) entry(name string) (*zip.File, error) {
	i := slices.IndexFunc(p.archive.File, func(f *zip.File) bool { return partName(f.Name) == partName(name) })
	if i < 0 {
		return nil, os.ErrNotExist
	}
	return p.archive.File[i], nil
}

// readPart opens a part for a function that reads it.
func readPart[T any](p *patch, name string, read func(io.Reader) (T, error)) (result T, err error) {
	f, err := p.entry(name)
	if err != nil {
		return result, err
	}
	r, err := f.Open()
	if err != nil {
		return result, err
	}
	defer r.Close()
	return read(r)
}

// write writes the workbook. The styles come last: what they must hold is known
// when the sheet has been marked.
func (p *patch) write(ctx context.Context, to io.Writer) error {
	out := zip.NewWriter(to)
	var later []*zip.File
	for _, f := range p.archive.File {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		name := partName(f.Name)
		switch {
		case p.dropped[name]:
		case name == partName(p.parts.Styles):
			later = append(later, f)
		default:
			if err := p.copy(out, f, p.change(name)); err != nil {
				return err
			}
		}
	}
	for _, f := range later {
		if err := p.copy(out, f, func(_ io.Reader, w io.Writer) error { return p.styles.write(w) }); err != nil {
			return err
		}
	}
	return out.Close()
}

// change returns what is to be done to a part, or nil when it is copied packed
// as it is.
func (p *patch) change(name string) func(io.Reader, io.Writer) error {
	switch {
	case name == partName(p.parts.Sheet):
		return p.markSheet
	case name == "[content_types].xml":
		return p.contentTypes
	case name == partName(relationsOf(p.parts.Main)) && len(p.dropped) > 0:
		return p.relations
	case name == partName(p.parts.Strings) && p.emptied != nil:
		return p.sharedStrings
	}
	return nil
}

func relationsOf(part string) string {
	return path.Join(path.Dir(part), "_rels", path.Base(part)+".rels")
}

func (p *patch) copy(out *zip.Writer, f *zip.File, change func(io.Reader, io.Writer) error) error {
	if change == nil {
		return out.Copy(f)
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := out.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Deflate, Modified: f.Modified})
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(w, 64<<10)
	if err := change(r, buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

func (p *patch) markSheet(r io.Reader, w io.Writer) error {
	column := p.shape.advice
	if column < 0 {
		column = p.sheet.last + 1
	}
	m := sheetMarker{
		scan: newScanner(r), out: w, styles: p.styles, faults: p.faults, header: p.marking.Summary.HeaderLine,
		name: adviceName.InOrEnglish(p.marking.Language), column: column, again: p.shape.advice >= 0,
	}
	return m.run()
}

// macroTypes are the content types of workbooks with macros, and what the same
// workbooks are without.
var macroTypes = strings.NewReplacer(
	"application/vnd.ms-excel.sheet.macroEnabled.main+xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
	"application/vnd.ms-excel.template.macroEnabled.main+xml", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
	// said of every .bin, when it is not said of one: those that stay are printers' settings
	"application/vnd.ms-office.vbaProject", "application/vnd.openxmlformats-officedocument.spreadsheetml.printerSettings",
)

// contentTypes copies the list of parts without those that were left out.
func (p *patch) contentTypes(r io.Reader, w io.Writer) error {
	return copyTags(r, w, func(name string, tag []byte) []byte {
		if name == "Override" && p.dropped[partName(attr(tag, "PartName"))] {
			return nil
		}
		return []byte(macroTypes.Replace(string(tag)))
	})
}

// relations copies what the workbook refers to without what was left out.
func (p *patch) relations(r io.Reader, w io.Writer) error {
	folder := path.Dir(p.parts.Main)
	return copyTags(r, w, func(name string, tag []byte) []byte {
		target := attr(tag, "Target")
		if !strings.HasPrefix(target, "/") {
			target = path.Join(folder, target)
		}
		if name == "Relationship" && p.dropped[partName(target)] {
			return nil
		}
		return tag
	})
}

// copyTags copies a part; change returns what to write for a tag that begins an
// element. What is changed to nothing must have no content.
func copyTags(r io.Reader, w io.Writer, change func(name string, tag []byte) []byte) error {
	return copyPieces(r, w, func(piece []byte, isTag bool) []byte {
		if isTag {
			if name, closing, _ := nameOf(piece); !closing {
				return change(name, piece)
			}
		}
		return piece
	})
}

// bits is a set of small numbers.
type bits struct{ words []uint64 }

func (b *bits) add(n int) {
	for n/64 >= len(b.words) {
		b.words = append(b.words, 0)
	}
	b.words[n/64] |= 1 << (n % 64)
}

func (b *bits) has(n int) bool { return n/64 < len(b.words) && b.words[n/64]&(1<<(n%64)) != 0 }

// without returns the numbers of the set that are not in the other.
func (b *bits) without(other *bits) *bits {
	words := slices.Clone(b.words)
	for i := range min(len(words), len(other.words)) {
		words[i] &^= other.words[i]
	}
	return &bits{words}
}

// meets reports whether the sets have a number in common.
func (b *bits) meets(other *bits) bool {
	for i := range min(len(b.words), len(other.words)) {
		if b.words[i]&other.words[i] != 0 {
			return true
		}
	}
	return false
}

// survey is what one look at a sheet tells: the last column with a value or a
// merged range below the header, and which shared strings the rows use.
type survey struct {
	last    int
	kept    bits // strings of rows that stay
	emptied bits // strings of rows that are emptied
	shared  bool // an emptied cell has a formula that others depend on
	texts   bool // a cell that stays holds a text of its own, which may be anybody's
	linked  bool // a link or a filter's choice belongs to an emptied row, or may
}

// survey reads the sheet of the list.
func (p *patch) survey(r io.Reader) (survey, error) {
	return surveySheet(r, p.marking.Summary.HeaderLine, p.faults.blank)
}

func surveySheet(r io.Reader, header int, blank map[int]bool) (s survey, err error) {
	row, column := 0, -1
	inside, isString := false, false
	var value []byte
	err = eachPiece(r, func(piece []byte, isTag bool) error {
		if !isTag {
			if isString {
				value = append(value, piece...)
			}
			return nil
		}
		name, closing, single := nameOf(piece)
		switch {
		case name == "sheetData":
			inside = !closing && !single
		case name == "mergeCell" && !closing:
			s.last = max(s.last, mergedUntil(attr(piece, "ref"), header))
		case name == "hyperlink" && !closing:
			s.linked = s.linked || anyBlank(attr(piece, "ref"), blank)
		case name == "filter" && !closing:
			s.linked = s.linked || len(blank) > 0 // a chosen value is a copy of a cell's
		case !inside:
		case name == "row" && !closing:
			row, column = rowNumber(piece, row), -1
		case name == "c" && !closing:
			column = cellColumn(piece, column)
			if !single {
				s.last = max(s.last, column)
			}
			kind := attr(piece, "t")
			isString, value = kind == "s" && !single, value[:0]
			s.texts = s.texts || (kind == "str" || kind == "inlineStr") && !single && !blank[row]
		case name == "c":
			if n, err := strconv.Atoi(string(bytes.TrimSpace(value))); err == nil && isString && n >= 0 && n < maxStrings {
				if blank[row] {
					s.emptied.add(n)
				} else {
					s.kept.add(n)
				}
			}
			isString = false
		case name == "f" && !closing && blank[row]:
			s.shared = s.shared || attr(piece, "t") != ""
		}
		return nil
	})
	return s, err
}

// anyBlank reports whether a range of cells reaches an emptied row. One that is
// not understood may.
func anyBlank(ref string, blank map[int]bool) bool {
	from, to, isRange := strings.Cut(ref, ":")
	if !isRange {
		to = from
	}
	first, err := rowOf(from)
	last, err2 := rowOf(to)
	if err != nil || err2 != nil {
		return len(blank) > 0
	}
	if first == last {
		return blank[first]
	}
	for row := range blank {
		if first <= row && row <= last {
			return true
		}
	}
	return false
}

// rowOf is the row of a cell's reference such as $B$9.
func rowOf(ref string) (int, error) {
	return strconv.Atoi(strings.TrimLeft(ref, "ABCDEFGHIJKLMNOPQRSTUVWXYZ$"))
}

// maxStrings bounds what a cell can make us remember.
const maxStrings = 1 << 27

// mergedUntil is the last column of a merged range that reaches below the header's top.
func mergedUntil(ref string, header int) int {
	_, to, _ := strings.Cut(ref, ":")
	i := strings.IndexAny(to, "0123456789")
	if i < 1 {
		return -1
	}
	column, ok := book.ColumnOf(to[:i])
	if row, err := strconv.Atoi(to[i:]); !ok || err != nil || row < header || column >= book.DefaultLimits.Columns {
		return -1
	}
	return column
}

// emptyStrings finds the shared strings that stand in emptied rows only: a name
// must not stay in the workbook when its cell is gone. false: other cells
// depend on the emptied ones, or another sheet says, or may say, what stood in
// them and in no row that stays: it names the same people.
func (p *patch) emptyStrings() (fits bool, err error) {
	if p.sheet.shared || p.sheet.linked {
		return false, nil
	}
	p.emptied = p.sheet.emptied.without(&p.sheet.kept)
	for _, f := range p.archive.File {
		name := partName(f.Name)
		if !strings.HasPrefix(name, "xl/worksheets/") || !strings.HasSuffix(name, ".xml") || name == partName(p.parts.Sheet) {
			continue
		}
		other, err := readPart(p, f.Name, func(r io.Reader) (survey, error) { return surveySheet(r, 0, nil) })
		if err != nil {
			return false, err
		}
		if other.texts || p.emptied.meets(&other.kept) {
			return false, nil
		}
	}
	return true, nil
}

// sharedStrings copies the workbook's texts without those of emptied rows.
func (p *patch) sharedStrings(r io.Reader, w io.Writer) error {
	n, hiding := -1, false
	return copyPieces(r, w, func(piece []byte, isTag bool) []byte {
		if isTag {
			name, closing, single := nameOf(piece)
			switch {
			case name == "si" && !closing:
				if n++; p.emptied.has(n) && !single {
					hiding = true
					return slicesJoin(piece, []byte("<"+prefixOf(piece)+"t/>"))
				}
			case name == "si":
				hiding = false
			}
		}
		if hiding {
			return nil
		}
		return piece
	})
}
