package entitlement

import (
	"testing"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

func TestLoadZone(t *testing.T) {
	for _, name := range []string{"Europe/Moscow", "Asia/Almaty", "Asia/Qostanay", "Asia/Kamchatka", "UTC"} {
		if zone, err := loadZone(tenancy.Contract{TimeZone: name}); err != nil || zone.String() != name {
			t.Errorf("%s: %v %v", name, zone, err)
		}
	}
	for _, name := range []string{"", "Local", "Europe/Mosow", "../etc/passwd", "+03:00"} {
		if _, err := loadZone(tenancy.Contract{TimeZone: name}); tenancy.KindOf(err) != tenancy.Invalid {
			t.Errorf("%q is taken: %v", name, err)
		}
	}
}

// Data from before Kazakhstan's move has Almaty at UTC+6 for ever.
func TestOldZonesAreNoticed(t *testing.T) {
	if currentZone(time.FixedZone("Asia/Almaty", 6*60*60)) {
		t.Error("an Almaty of UTC+6 is taken for the present one")
	}
	if !currentZone(time.FixedZone("Asia/Omsk", 6*60*60)) {
		t.Error("Omsk has moved nowhere")
	}
}
