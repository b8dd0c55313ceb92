package entitlement_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// A decision is written as encoding/json writes it, to the byte.
func TestAppendJSONIsMarshal(t *testing.T) {
	same := func(t interface{ Fatalf(string, ...any) }, d entitlement.Decision) {
		want, err := json.Marshal(d)
		if got := string(d.AppendJSON([]byte("so far"))); err != nil || got != "so far"+string(want) {
			t.Fatalf("written  %s\nmarshalled %s %v", got, want, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) { same(t, entitlement.Decide(drawSnapshot(t), drawQuery(t))) })
	rapid.Check(t, func(t *rapid.T) { // whatever else a decision may hold
		text := rapid.String()
		at := func() time.Time {
			return time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).In(time.FixedZone("", 60*rapid.IntRange(-720, 720).Draw(t, "zone")))
		}
		window := entitlement.Window{From: at(), Until: at()}
		same(t, entitlement.Decision{
			Allowed: rapid.Bool().Draw(t, "allowed"), Reason: entitlement.Reason(text.Draw(t, "reason")), Consume: tenancy.GrantID(text.Draw(t, "consume")),
			Limit: rapid.Int().Draw(t, "limit"), Window: window, Contract: tenancy.ContractID(text.Draw(t, "contract")), Revision: text.Draw(t, "revision"), ValidUntil: at(),
			Lines: []entitlement.Line{{Grant: tenancy.GrantID(text.Draw(t, "grant")), Window: window, Per: tenancy.Per(text.Draw(t, "per")), Pool: text.Draw(t, "pool")},
				{CarryOver: entitlement.CarryOver{Carried: rapid.Int().Draw(t, "carried"), AtMost: 2, Window: window}}},
		})
	})
	same(t, entitlement.Decision{Lines: []entitlement.Line{}})
}

func BenchmarkAppendJSON(b *testing.B) {
	s, q := askedOften(b)
	d := entitlement.Decide(s, q)
	var to []byte
	b.ReportAllocs()
	for b.Loop() {
		to = d.AppendJSON(to[:0])
	}
}
