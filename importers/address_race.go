//go:build race

package importers

// Under the race detector nothing is bounded: it has terabytes of addresses
// mapped, much of them writable, before a bound is set. From then on no thread
// could start, and now and then a worker died of it.
const (
	workerData    = 1<<64 - 1
	workerAddress = 1<<64 - 1
)
