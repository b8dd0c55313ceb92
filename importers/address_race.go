//go:build race

package importers

// workerAddress sets no bound under the race detector, which has terabytes of
// addresses mapped before the bound is set: from then on no thread could start,
// and now and then a worker died of it.
const workerAddress = 1<<64 - 1
