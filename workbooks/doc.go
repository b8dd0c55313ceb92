// Package workbooks writes what HR gets back: its own list with the problems
// marked where they are, a template to fill in, an export of the people we have
// and the parts of a mixed list by country. importers reads, this writes. It
// imports importers and tenancy and knows neither the database nor Keycloak.
//
// Nothing of a list is written to a disk on the way: sheets are streamed into
// the archive that is being sent, row by row.
package workbooks
