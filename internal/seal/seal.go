// Package seal encrypts what must not lie about readable (uploaded rosters,
// activation codes) and hashes what must be comparable but not readable
// (national ids), with keys derived from the contour's one key.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
)

// ErrOpen says that a sealed value was made with another key, for another
// place, or was changed.
var ErrOpen = errors.New("a sealed value does not open: another key, another place, or changed")

// Overhead is by how many bytes a sealed value is longer than the plain one.
const Overhead = 12 + 16 // nonce and tag of AES-GCM

// Key is the contour's key, divided by use. It never prints.
type Key struct {
	aead cipher.AEAD
	hash []byte
}

// New derives the keys from 32 random bytes.
func New(secret []byte) (*Key, error) {
	if len(secret) != 32 {
		return nil, errors.New("the key must have 32 bytes")
	}
	sealing, err := hkdf.Key(sha256.New, secret, nil, "opora sealing 1", 32)
	if err != nil {
		return nil, err
	}
	hash, err := hkdf.Key(sha256.New, secret, nil, "opora national ids 1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Key{aead, hash}, nil
}

// Seal encrypts plain for one place, such as "upload/<id>/3": it opens at that
// place only, so that a sealed value moved elsewhere is refused.
func (k *Key) Seal(place string, plain []byte) []byte {
	nonce := make([]byte, k.aead.NonceSize(), k.aead.NonceSize()+len(plain)+k.aead.Overhead())
	_, _ = rand.Read(nonce) // never fails
	return k.aead.Seal(nonce, nonce, plain, []byte(place))
}

// Open returns what Seal was given, or ErrOpen.
func (k *Key) Open(place string, sealed []byte) ([]byte, error) {
	n := k.aead.NonceSize()
	if len(sealed) < n {
		return nil, ErrOpen
	}
	plain, err := k.aead.Open(nil, sealed[:n], sealed[n:], []byte(place))
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// IDKey returns the secret key of the national ids' hash: equal ids have equal
// hashes within this contour, and a hash is of no use without the key.
func (k *Key) IDKey() []byte { return slices.Clone(k.hash) }

// Format implements fmt.Formatter, so that no verb shows the key.
func (k *Key) Format(w fmt.State, _ rune) { fmt.Fprint(w, "***") }
