package entitlement

import (
	"reflect"
	"testing"
	"time"
)

// sameAsDecoded fails when readQuery takes what encoding/json reads otherwise,
// and returns whether it was taken.
func sameAsDecoded(t *testing.T, body []byte) bool {
	t.Helper()
	got, ok := readQuery(body)
	if !ok {
		return false
	}
	want, err := decodeQuery(body)
	if err != nil {
		t.Fatalf("%q is taken; encoding/json says %v", body, err)
	}
	if a, b := got.At.Format(time.RFC3339Nano), want.At.Format(time.RFC3339Nano); a != b {
		t.Fatalf("%q: at %s, want %s", body, a, b)
	}
	got.At = want.At
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q is read as %+v, want %+v", body, got, want)
	}
	return true
}

const usualQuery = `{"employee_id":"0193b6f2-7d5a-7c11-9a55-3d1f5b0e7a01","specialist_type":"coach","at":"2026-12-01T10:00:00+03:00"`

func TestTheUsualSpellingIsReadFast(t *testing.T) {
	for body, fast := range map[string]bool{
		usualQuery + `}`: true,
		" {\n \"specialist_type\" : \"coach\" , \"at\":\t\"2026-12-01T10:00:00.5Z\"\r\n}\n":                     true,
		usualQuery + `,"used":0,"used_before":{"talk":2,"extra":1},"minutes":50,"for":"self","format":"video"}`: true,
		usualQuery + `,"used":{}}`:              true,
		`{}`:                                    true,
		usualQuery + `,"used":{"a":1,"a":2}}`:   false,
		usualQuery + `,"used":1,"used":2}`:      false,
		usualQuery + `,"used":01}`:              false,
		usualQuery + `,"used":-1}`:              false,
		usualQuery + `,"used":1.5}`:             false,
		usualQuery + `,"used":1e3}`:             false,
		usualQuery + `,"used":1000000001}`:      false,
		usualQuery + `,"used":null}`:            false,
		usualQuery + `,"used":{"a":{"b":1}}}`:   false,
		usualQuery + `,"used":{"a":1,}}`:        false,
		usualQuery + `,"used":{,"a":1}}`:        false,
		usualQuery + `,"tenant":"cdek"}`:        false,
		usualQuery + `,"FORMAT":"video"}`:       false,
		usualQuery + `,"format":"\u0076ideo"}`:  false,
		usualQuery + `,"format":"видео"}`:       false,
		usualQuery + `,"format":"a` + "\x01\"}": false,
		usualQuery + `,"at":"2026-12-01"}`:      false,
		usualQuery + `,}`:                       false,
		usualQuery + `}}`:                       false,
		usualQuery + `} x`:                      false,
		usualQuery + `}{}`:                      false,
		usualQuery:                              false,
		usualQuery + `,"format":"video`:         false,
		`{,"used":1}`:                           false,
		`{"used" 1}`:                            false,
		`{"used":}`:                             false,
		`{"used":{"a"}}`:                        false,
		`null`:                                  false,
		`[]`:                                    false,
		``:                                      false,
		"\xef\xbb\xbf{}":                        false,
	} {
		if got := sameAsDecoded(t, []byte(body)); got != fast {
			t.Errorf("%s is read fast: %v", body, got)
		}
	}
}

func FuzzReadQuery(f *testing.F) {
	for _, seed := range []string{
		usualQuery + `}`, usualQuery + `,"used":{"talk":2},"used_before":3,"minutes":50,"for":"dependant","format":"chat"}`, `{"at":"2199-12-31T23:59:59.999999999-23:59"}`,
		`{"used":{"a":1,"b":999999999}} `, `{"used":00}`, `{"minutes":12,"minutes":13}`, `{"Used":1}`, `{"used":1e2}`, "{\"for\":\"\x7f\"}", `{"at":"2026-12-01t10:00:00z"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) { sameAsDecoded(t, body) })
}

func BenchmarkParseQuery(b *testing.B) {
	body := []byte(usualQuery + `,"used":{"talk":2}}`)
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ParseQuery(body); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decoded", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decodeQuery(body); err != nil {
				b.Fatal(err)
			}
		}
	})
}
