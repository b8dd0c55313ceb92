package postgres

import (
	"testing"

	"github.com/ponimayu/opora/internal/tenancy"
)

func TestDatesOfCOPY(t *testing.T) {
	for _, d := range []tenancy.Date{tenancy.NewDate(1900, 1, 2), tenancy.NewDate(2026, 11, 21), tenancy.NewDate(2104, 2, 29), tenancy.NewDate(999, 12, 31)} {
		if got := string(appendCopyDate(nil, d)); got != d.String() {
			t.Errorf("%s became %q", d, got)
		}
	}
	if got := string(appendCopyDate(nil, tenancy.Date{})); got != `\N` {
		t.Errorf("no date became %q", got)
	}
}
