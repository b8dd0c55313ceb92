// Package devstack runs PostgreSQL, Keycloak and Opora on this machine, for
// `opora dev`, for the tests and for benchmarks. It finds or fetches the parts
// (verified by checksum, into a cache), starts them on free ports with secrets
// of their own, and leaves no process behind, however it ends itself.
//
// A Stack holds one Contour per country; contours share nothing but the
// programs they run.
package devstack
