package memory_test

import (
	"testing"

	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/memory"
	"github.com/ponimayu/opora/provisioner/targettest"
)

func TestPeople(t *testing.T) {
	targettest.People(t, func(*testing.T) targettest.PeopleUnderTest {
		p := memory.NewPeople("cdek", "avito")
		return targettest.PeopleUnderTest{
			People:   p,
			Activate: func(a provisioner.Account, code string) bool { return p.Activate(a.ID, code) },
			Sessions: p.Sessions,
		}
	})
}
