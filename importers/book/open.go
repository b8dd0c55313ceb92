package book

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Book is an opened file: one or more lists that may be read.
type Book interface {
	// Sheets names the lists in order; hidden ones are not among them. A text
	// file has one list without a name.
	Sheets() []string
	// HiddenSheets names those that are.
	HiddenSheets() []string
	// Named finds a list by the name that a person typed.
	Named(name string) (string, error)
	// Open starts reading one list from its beginning.
	Open(sheet string) (Source, error)
	// Describe gives the format and the encoding.
	Describe() (format, encoding string)
	// Remarks are warnings about the file, whichever list of it is read.
	Remarks() []tenancy.Problem
	io.Closer
}

// Open decides by its content, not by its name, what the file is, and opens it.
// What it and its lists cannot be read for is a tenancy.Problem; neither the
// name nor any value of the file is in it or in another error.
func Open(path string, limits Limits) (Book, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, cannotOpen(err)
	}
	b, err := openFile(file, limits.orDefault())
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return b, nil
}

// cannotOpen says why without the path: the name of a roster may hold a person's.
func cannotOpen(err error) error {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return tenancy.E(tenancy.NotFound, "file_unreadable", "The file cannot be opened: give the path of an existing file that you may read.", err)
}

func openFile(file *os.File, limits Limits) (Book, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, cannotOpen(err)
	}
	if info.IsDir() {
		return nil, Problem(FileFormat, 0, "This is a folder: give a file.")
	}
	if info.Size() == 0 {
		return nil, Problem(FileEmpty, 0, "The file has no bytes: it was perhaps not saved or not sent whole. Save the list again.")
	}
	if info.Size() > limits.Bytes {
		return nil, Problem(FileTooLarge, 0, "The file has %d MB, at most %d MB are read: split the list by legal entity or department.", info.Size()>>20, limits.Bytes>>20)
	}
	head := make([]byte, 4096)
	n, err := file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, cannotOpen(err)
	}
	switch kind := sniff(head[:n]); kind {
	case zipKind:
		return openWorkbook(file, info.Size(), limits)
	case oleKind:
		return openOLE(file, info.Size(), limits)
	case biffKind:
		return openXLS(file, wholeFile(file, info.Size()), limits, false)
	case htmlKind:
		return openHTML(file, info.Size(), limits)
	case xmlKind:
		return openXML(file, info.Size(), limits)
	case textKind:
		return openText(file, info.Size(), limits)
	default:
		return nil, Problem(FileFormat, 0, "This is %s, whatever its name says: save the list as an Excel workbook (.xlsx) or CSV.", kind)
	}
}

// The kinds of content that are opened; any other kind is a phrase for the
// person who sent it.
const (
	zipKind  = "zip"
	oleKind  = "ole"
	biffKind = "biff"
	htmlKind = "html"
	xmlKind  = "xml"
	textKind = "text"
)

// magics are the first bytes of what people send instead of a list.
var magics = []struct{ first, kind string }{
	{"PK\x03\x04", zipKind},
	{"PK\x05\x06", zipKind},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", oleKind},
	{"\x09\x08\x10\x00\x00\x06", biffKind},
	{"%PDF", "a PDF document"},
	{"{\\rtf", "an RTF document"},
	{"\x89PNG", "a picture"},
	{"\xff\xd8\xff", "a picture"},
	{"GIF8", "a picture"},
	{"Rar!", "a RAR archive"},
	{"7z\xbc\xaf", "a 7-Zip archive"},
	{"\x1f\x8b", "a gzip archive"},
	{"\x09\x08", "a workbook of a very old Excel"},
	{"\x09\x04", "a workbook of a very old Excel"},
	{"\x09\x02", "a workbook of a very old Excel"},
	{"\x09\x00\x04\x00", "a workbook of a very old Excel"},
	{"\x09\x00\x06\x00", "a workbook of a very old Excel"},
	{"MOXCEL", "a 1C table (.mxl)"},
	{"SQLite format 3", "a database"},
}

func sniff(head []byte) string {
	for _, m := range magics {
		if bytes.HasPrefix(head, []byte(m.first)) {
			return m.kind
		}
	}
	return sniffText(strings.ToLower(strings.TrimLeft(plainHead(head), " \t\r\n\u00a0")))
}

// plainHead is the beginning of a text without the signs of its encoding: the
// words of markup are ASCII in all of them.
func plainHead(head []byte) string {
	for _, bom := range []string{"\xef\xbb\xbf", "\xff\xfe", "\xfe\xff"} {
		head = bytes.TrimPrefix(head, []byte(bom))
	}
	return string(bytes.ReplaceAll(head, []byte{0}, nil))
}

// markups are the beginnings of texts that are marked up, in lower case; a
// remark or an XML declaration may come before those of HTML.
var markups = []struct{ first, kind string }{
	{"<!doctype html", htmlKind},
	{"<html", htmlKind},
	{"<head", htmlKind},
	{"<meta", htmlKind},
	{"<title", htmlKind},
	{"<style", htmlKind},
	{"<body", htmlKind},
	{"<table", htmlKind},
	{"<div", htmlKind},
	{"<center", htmlKind},
	{"<font", htmlKind},
	{"<h1", htmlKind}, {"<h2", htmlKind}, {"<h3", htmlKind},
	{"<p>", htmlKind},
	{"<br", htmlKind},
	{"mime-version:", "a web page packed as one file (.mht)"},
	{"<office:document", "a flat OpenDocument file"},
	{"<workbook", xmlKind},
	{"<ss:workbook", xmlKind},
}

func sniffText(text string) string {
	xml := strings.HasPrefix(text, "<?xml")
	for strings.HasPrefix(text, "<?") || strings.HasPrefix(text, "<!--") {
		_, after, ok := strings.Cut(text, ">")
		if !ok {
			break
		}
		text = strings.TrimLeft(after, " \t\r\n")
	}
	for _, m := range markups {
		if strings.HasPrefix(text, m.first) {
			return m.kind
		}
	}
	if xml {
		return "an XML document"
	}
	return textKind
}
