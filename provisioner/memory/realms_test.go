package memory_test

import (
	"testing"

	"github.com/ponimayu/opora/provisioner/memory"
	"github.com/ponimayu/opora/provisioner/targettest"
	"github.com/ponimayu/opora/realms"
)

func TestRealms(t *testing.T) {
	targettest.Realms(t, func(*testing.T) targettest.RealmsUnderTest {
		r := memory.NewRealms()
		return targettest.RealmsUnderTest{
			Target: r, Realm: "test",
			PutUnmarked: func(o realms.Object) error { return r.PutUnmarked("test", o) },
		}
	})
}
