//go:build !race

package importers

// The worker's hard limits on memory. workerData (RLIMIT_DATA) bounds what it
// can write to, and is the one that is meant to bite. workerAddress (RLIMIT_AS)
// is a second wall far behind it, for kernels that count no data: before it has
// read a byte, the runtime has nearly 2 GB of addresses reserved, the more the
// more threads there are, and a bound near to that ends lists at random.
const (
	workerData    = 1 << 30
	workerAddress = 6 << 30
)
