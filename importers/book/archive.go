package book

import (
	"archive/zip"
	"errors"
	"io"
	"path"
	"strings"
)

// Bounds on the directory of a workbook's archive. A real workbook has a few
// dozen entries, and its sheets shrink ten- to fiftyfold.
const (
	maxEntries    = 4000
	maxRatio      = 200
	ratioFrom     = 8 << 20 // below this size a ratio proves nothing
	maxSmallPart  = 64 << 20
	encryptedFlag = 0x1
)

// archive is a workbook's zip directory, checked.
type archive struct {
	parts map[string]*zip.File // by lower-case name without a leading slash
}

// openArchive reads the directory and refuses what no workbook has: it trusts
// no declared size, but a declared one that is too large is enough to refuse.
func openArchive(file io.ReaderAt, size int64, limits Limits) (*archive, error) {
	r, err := zip.NewReader(file, size)
	if err != nil {
		return nil, Problem(FileDamaged, 0, "The workbook is damaged: its table of contents cannot be read. It was perhaps not sent whole; save and send it again.")
	}
	if len(r.File) > maxEntries {
		return nil, Problem(FileTooLarge, 0, "The workbook has %d parts inside, at most %d are read: save the sheet with the list as a workbook of its own.", len(r.File), maxEntries)
	}
	a := &archive{parts: make(map[string]*zip.File, len(r.File))}
	var total uint64
	for _, f := range r.File {
		if err := a.add(f); err != nil {
			return nil, err
		}
		if total += f.UncompressedSize64; total > uint64(limits.Unzipped) || f.UncompressedSize64 > uint64(limits.Unzipped) {
			return nil, tooLargeUnzipped(limits)
		}
	}
	return a, nil
}

func tooLargeUnzipped(limits Limits) error {
	return Problem(FileTooLarge, 0, "The workbook unpacks to more than %d MB: copy the list alone into a new workbook, as values.", limits.Unzipped>>20)
}

func (a *archive) add(f *zip.File) error {
	name := strings.ToLower(strings.TrimPrefix(f.Name, "/"))
	switch {
	case f.Flags&encryptedFlag != 0:
		return Problem(FileEncrypted, 0, "The archive inside the workbook is protected by a password: save the workbook without one.")
	case strings.Contains(name, "\\") || path.Clean("/"+name) != "/"+strings.TrimSuffix(name, "/"):
		return Problem(FileDamaged, 0, "The workbook is damaged: a part inside has an impossible name. Save it again with Excel.")
	case a.parts[name] != nil:
		return Problem(FileDamaged, 0, "The workbook is damaged: it has two parts with the same name. Save it again with Excel.")
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return Problem(FileDamaged, 0, "The workbook is packed in a way that Excel does not use: save it again with Excel.")
	case f.UncompressedSize64 > ratioFrom && f.UncompressedSize64/maxRatio > f.CompressedSize64:
		return Problem(FileTooLarge, 0, "A part of the workbook unpacks to more than %d times its size: copy the list alone into a new workbook, as values.", maxRatio)
	}
	a.parts[name] = f
	return nil
}

func (a *archive) has(name string) bool { return a.parts[strings.ToLower(name)] != nil }

// hasPrefix reports whether some part's name begins so.
func (a *archive) hasPrefix(prefix string) bool {
	for name := range a.parts {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// open gives the bytes of a part. Reading to the end verifies its checksum.
func (a *archive) open(name string) (io.ReadCloser, error) {
	f := a.parts[strings.ToLower(name)]
	if f == nil {
		return nil, Problem(FileDamaged, 0, "The workbook is damaged: a part that it needs is missing. Save it again with Excel.")
	}
	r, err := f.Open()
	if err != nil {
		return nil, damagedPart(err)
	}
	return r, nil
}

// damagedPart is the problem of a part that cannot be unpacked or is no XML.
// The cause is not quoted: an XML error may hold pieces of the text.
func damagedPart(err error) error {
	if errors.Is(err, zip.ErrChecksum) {
		return Problem(FileDamaged, 0, "The workbook is damaged: a checksum inside is wrong. Save and send it again.")
	}
	return Problem(FileDamaged, 0, "The workbook is damaged: a part inside ends too early or is malformed. Save and send it again.")
}
