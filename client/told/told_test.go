package told_test

import (
	"fmt"
	"testing"

	"github.com/ponimayu/opora/client"
	"github.com/ponimayu/opora/client/told"
)

func Example() {
	a := client.Answer{Decision: client.Decision{Reason: client.OK}}
	fmt.Println(told.Text(a.Reason, "en"))
	// Output: You can book: your company pays for the appointment.
}

// Every reason is told in every language, the client's own too, each otherwise.
func TestText(t *testing.T) {
	seen := map[string]bool{}
	for _, reason := range []client.Reason{
		client.OK, client.EmployeeUnknown, client.EmployeeInactive, client.EmployeeNotStarted, client.TenantSuspended, client.ContractAbsent,
		client.TypeUnknown, client.TypeNotCovered, client.FormatNotCovered, client.AudienceNotCovered, client.QuotaExhausted, client.PoolExhausted,
		client.Unavailable,
	} {
		for _, lang := range []string{"ru", "kk", "en"} {
			if text := told.Text(reason, lang); text == "" || seen[text] {
				t.Errorf("%s in %s: %q", reason, lang, text)
			} else {
				seen[text] = true
			}
		}
		if told.Text(reason, "de") != told.Text(reason, "en") {
			t.Errorf("%s in a language that is not ours", reason)
		}
	}
	if text := told.Text("nonsense", "ru"); text != "" {
		t.Error(text)
	}
}
