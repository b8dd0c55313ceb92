package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// secretPrefix begins a secret's text, so that one left somewhere is recognised.
const secretPrefix = "whsec_"

// How long secrets are, in bytes: what Standard Webhooks allow, and ours.
const (
	minSecret = 24
	maxSecret = 64
	newSecret = 32
)

// Secret is what a subscription's messages are signed with. It prints nowhere:
// Reveal shows it.
type Secret struct{ bytes []byte }

// NewSecret makes a secret of 32 random bytes.
func NewSecret() Secret {
	b := make([]byte, newSecret)
	_, _ = rand.Read(b) // never fails
	return Secret{b}
}

// ParseSecret reads a secret's text, "whsec_" and 24 to 64 bytes in base64. The
// error is of kind Invalid and never quotes the text.
func ParseSecret(text string) (Secret, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	b, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(b) < minSecret || len(b) > maxSecret {
		return Secret{}, tenancy.E(tenancy.Invalid, "secret_invalid", fmt.Sprintf("a secret is %s and %d to %d bytes in base64", secretPrefix, minSecret, maxSecret))
	}
	return Secret{b}, nil
}

// Reveal returns the secret's text.
func (s Secret) Reveal() string { return secretPrefix + base64.StdEncoding.EncodeToString(s.bytes) }

// Format implements fmt.Formatter, so that no verb shows the secret.
func (s Secret) Format(w fmt.State, _ rune) { fmt.Fprint(w, "***") }
