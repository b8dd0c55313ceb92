package seal

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func TestSealOpensAtItsPlaceOnly(t *testing.T) {
	one, err := New(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	other, _ := New(bytes.Repeat([]byte{2}, 32))
	plain := []byte("Примеров")
	sealed := one.Seal("upload/a/0", plain)
	if got, err := one.Open("upload/a/0", sealed); err != nil || !bytes.Equal(got, plain) {
		t.Fatalf("%q, %v", got, err)
	}
	if bytes.Contains(sealed, plain) || bytes.Equal(sealed, one.Seal("upload/a/0", plain)) {
		t.Error("the seal shows the text, or is the same twice")
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another place": func() ([]byte, error) { return one.Open("upload/a/1", sealed) },
		"another key":   func() ([]byte, error) { return other.Open("upload/a/0", sealed) },
		"changed":       func() ([]byte, error) { return one.Open("upload/a/0", changed) },
		"cut":           func() ([]byte, error) { return one.Open("upload/a/0", sealed[:5]) },
	} {
		if got, err := open(); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if _, err := New(plain); err == nil {
		t.Error("a short key was taken")
	}
	if text := fmt.Sprintf("%v %+v %#v %s %x", one, one, one, one, one); text != "*** *** *** *** ***" {
		t.Errorf("the key prints as %s", text)
	}
}
