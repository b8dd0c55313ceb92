//go:build !race

package entitlement_test

const raceDetector = false
