// Package tenancy holds Opora's vocabulary: countries, tenants, contracts,
// grants, employees, problems and error kinds. It is written in the words of
// docs/design.md ("Words"), imports only the standard library and knows no
// neighbour: every other package may import it, it imports none of them.
package tenancy
