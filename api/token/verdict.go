package token

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ponimayu/opora/internal/tenancy"
)

// verdict is a token found good: whom it speaks for, until when, and by which
// key.
type verdict struct {
	actor tenancy.Actor
	until time.Time
	keyID string
	key   *jose.JSONWebKey
}

// maxVerdicts bounds each of the two generations of kept verdicts.
const maxVerdicts = 1 << 15

// verdicts keeps good verdicts by the token's digest: a caller sends the same
// token for minutes, and a signature costs more than all the rest of a check.
// Bad tokens are not kept, so nobody without a good one can fill it. It is
// bounded by dropping the older of two generations when the younger is full.
type verdicts struct {
	mu           sync.RWMutex
	young, older map[[sha256.Size]byte]verdict
}

func (v *verdicts) get(digest [sha256.Size]byte) (verdict, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	known, ok := v.young[digest]
	if !ok {
		known, ok = v.older[digest]
	}
	return known, ok
}

func (v *verdicts) put(digest [sha256.Size]byte, known verdict) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.young == nil || len(v.young) >= maxVerdicts {
		v.older, v.young = v.young, make(map[[sha256.Size]byte]verdict)
	}
	v.young[digest] = known
}
