package devstack

import "testing"

// Who adds a webhook from a shell on the stack may add what its server and its
// worker may call.
func TestTheShellAllowsTheStacksWebhooks(t *testing.T) {
	c := &Contour{OporaURL: "http://127.0.0.1:8080", opora: &opora{}}
	if got := variable(c.env(), "OPORA_WEBHOOK_ALLOW"); got != loopbackReceivers {
		t.Errorf("%q", got)
	}
	t.Setenv("OPORA_WEBHOOK_ALLOW", "10.20.0.0/16")
	if got := variable(c.env(), "OPORA_WEBHOOK_ALLOW"); got != "10.20.0.0/16" {
		t.Errorf("%q", got)
	}
	c.OporaURL = ""
	if got := variable(c.env(), "OPORA_WEBHOOK_ALLOW"); got != "" {
		t.Errorf("without an Opora: %q", got)
	}
}
