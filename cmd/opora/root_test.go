package main

import (
	"encoding/json"
	"testing"
)

// What is wrong with a command line is not our fault: it has a code of its own.
func TestACommandLineThatIsWrong(t *testing.T) {
	for _, args := range [][]string{
		{"entitlement", "check", "--nonsense"},
		{"entitlement", "check", "--employee", "e1"},
		{"entitlement", "override", "end"},
	} {
		_, stderr, code := opora(t, append([]string{"--output", "json"}, args...)...)
		var got struct{ Code, Kind, Message string }
		if err := json.Unmarshal([]byte(stderr), &got); err != nil || code != 1 || got.Code != "flags_invalid" || got.Kind != "invalid" || got.Message == "" {
			t.Errorf("%v: exit %d: %s", args, code, stderr)
		}
	}
}
