// Package catalogue reads the YAML in git that says what exists: countries,
// brands, specialist types, and tenants with their contracts and grants. It is
// strict: whatever it does not understand, or what contradicts itself, is a
// problem with file, line and column, and all problems are told at once.
//
// A catalogue is a folder of *.yaml and *.yml files in any layout; a file may
// hold several documents. A document is known by its top-level key: `tenant:`,
// `country:`, `brand:` or `specialist_types:`. A folder without countries,
// brands or specialist types of its own uses those of templates/base.
package catalogue
