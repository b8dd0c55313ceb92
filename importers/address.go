//go:build !race

package importers

// workerAddress is the worker's RLIMIT_AS, hard; Go reserves more addresses
// than it uses.
const workerAddress = 2 << 30
