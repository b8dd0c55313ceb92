package main

import "fmt"

// Secret is a value that must never be shown: it prints, logs and marshals as
// three stars, whatever the verb. Reveal is the one way to its text. (The text
// is behind a pointer because fmt reads unexported fields of an enclosing
// struct without asking their methods.)
type Secret struct{ text *string }

// newSecret wraps a secret's text.
func newSecret(text string) Secret { return Secret{&text} }

const hidden = "***"

// Reveal returns the text, for the call that needs it and nothing else.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.Reveal() == "" }

// Format implements fmt.Formatter, so that no verb, %#v and %x included, shows
// the text.
func (s Secret) Format(w fmt.State, _ rune) { fmt.Fprint(w, hidden) }

// String implements fmt.Stringer.
func (s Secret) String() string { return hidden }

// MarshalText implements encoding.TextMarshaler, which JSON, YAML and slog use.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
