// Package e2e tests Opora from outside, through its built binary, its API and
// the pages people see, on a whole stack:
//
//	opora dev --exec 'go test -tags e2e ./e2e/...'
//
// It knows nothing of the code: only addresses, credentials of the ready-made
// clients and what docs/design.md promises.
package e2e
