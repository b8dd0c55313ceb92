package devstack

import (
	"os"
	"testing"
)

// TestMain lets the test binary be the guard and the stand-in for opora dev
// that the tests kill.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case GuardCommand:
			Guard(os.Args[2], os.Stdin)
			return
		case victimCommand:
			victim(os.Args[2])
			return
		}
	}
	os.Exit(m.Run())
}
