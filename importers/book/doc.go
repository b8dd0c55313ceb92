// Package book reads files that hold tables: workbooks of Excel (.xlsx, .xlsm,
// .xls), OpenDocument (.ods), XML Spreadsheet 2003, web pages that call
// themselves workbooks, and delimited text in the encodings of this part of the
// world.
//
// In comes the path of a file nobody vouches for, and limits on what it may
// cost; out come lines of cells, in order, as whoever opened the file would see
// them, and what the sheet says beside (merged ranges, hidden columns). A file is
// read to its last byte or refused whole with a tenancy.Problem: a line lost
// without a word would read as a person who left. What the cells mean is package
// importers' to say; docs/decisions/0020 and 0030 tell why the readers are our own.
package book
