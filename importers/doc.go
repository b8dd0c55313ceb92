// Package importers understands the lists of people that HR departments send.
//
// In comes a file of any format that package book reads (or, in the isolated
// child, its path) with what is known of the tenant; out come a record for every
// line, a row with its problems by line and column or the reason why the line is
// nobody's, and a summary. Between them stand the list (its sheet, header,
// columns, groups and what it says of itself), the values (names, contacts,
// dates, numbers) and the record.
//
// The package imports book and tenancy, and knows neither the database nor
// Keycloak.
package importers
