//go:build race

package entitlement_test

// raceDetector says that the tests run with the race detector, which takes
// several times the memory.
const raceDetector = true
