package token

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Timings of a KeySet.
const (
	RefreshEvery = 5 * time.Minute  // keys are fetched anew, so that a removed key goes
	Cooldown     = 10 * time.Second // at least so long between fetches that tokens cause
	MissingFor   = time.Minute      // an unknown key id causes no fetch for so long
	MaxStale     = 24 * time.Hour   // keys serve so long while Keycloak does not answer
	fetchTimeout = 5 * time.Second
	maxKeysBody  = 1 << 20 // bytes of a key document
	maxMissing   = 1024    // key ids remembered as unknown
	minRSABits   = 2048
)

// errKeyUnknown says that the issuer has no such key.
var errKeyUnknown = errors.New("the token's key is not one of the issuer's")

// KeySet holds an issuer's public keys. go-oidc's own set asks the issuer for
// every unknown key id and every bad signature, which lets anybody without a
// token flood Keycloak; this one asks once for many callers, waits between
// times, and goes on with the keys it has while Keycloak is down.
type KeySet struct {
	url    string
	client *http.Client
	now    func() time.Time

	keys      atomic.Pointer[map[string]*jose.JSONWebKey] // by key id; replaced whole
	fetchedAt atomic.Int64                                // unix nanoseconds of the last success, 0 before it
	one       singleflight.Group

	mu      sync.Mutex // guards the rest
	asking  bool       // a question is under way, and may be joined
	triedAt time.Time
	missing map[string]time.Time // key id → until when it is believed unknown
}

// NewKeySet returns the set whose document stands at url. Nothing is fetched
// until the first token or Run.
func NewKeySet(url string) *KeySet {
	k := &KeySet{url: url, now: time.Now, missing: map[string]time.Time{}, client: &http.Client{
		Timeout:       fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	k.keys.Store(&map[string]*jose.JSONWebKey{})
	return k
}

// Run keeps the keys fresh until ctx ends. While there are none it tries every
// second, so that a server started before Keycloak becomes ready by itself.
func (k *KeySet) Run(ctx context.Context) {
	for {
		err := k.fetch(ctx)
		wait := RefreshEvery
		switch {
		case err != nil && k.fetchedAt.Load() == 0:
			wait = time.Second
		case err != nil:
			wait = Cooldown
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// Age returns the time since the keys were last fetched, and whether they ever
// were.
func (k *KeySet) Age() (time.Duration, bool) {
	at := k.fetchedAt.Load()
	if at == 0 {
		return 0, false
	}
	return k.now().Sub(time.Unix(0, at)), true
}

// has reports whether key is still the issuer's key of that id.
func (k *KeySet) has(id string, key *jose.JSONWebKey) bool {
	if age, ok := k.Age(); !ok || age > MaxStale {
		return false
	}
	return (*k.keys.Load())[id] == key
}

// key returns the key with the id. It asks the issuer for an unknown one, at
// most once per Cooldown whoever asks. The error is errKeyUnknown, or of kind
// Unavailable when there are no keys that may be trusted.
func (k *KeySet) key(ctx context.Context, id string) (*jose.JSONWebKey, error) {
	if key, ok := k.known(id); ok {
		return key, nil
	}
	if k.mayAsk(id) {
		if err := k.fetch(ctx); ctx.Err() != nil {
			return nil, errKeysUnavailable(errors.Join(err, ctx.Err()))
		}
		if key, ok := k.known(id); ok {
			return key, nil
		}
	}
	if age, ok := k.Age(); !ok || age > MaxStale {
		return nil, errKeysUnavailable(nil)
	}
	k.remember(id)
	return nil, errKeyUnknown
}

func errKeysUnavailable(cause error) error {
	return tenancy.E(tenancy.Unavailable, "keys_unavailable", "The sign-in service does not answer, so no token can be verified; try again.", cause)
}

func (k *KeySet) known(id string) (*jose.JSONWebKey, bool) {
	if age, ok := k.Age(); !ok || age > MaxStale {
		return nil, false
	}
	key, ok := (*k.keys.Load())[id]
	return key, ok
}

// mayAsk reports whether an unknown key id is worth a question to the issuer
// now, or one is under way that may be joined.
func (k *KeySet) mayAsk(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if now.Before(k.missing[id]) {
		return false
	}
	if k.asking {
		return true
	}
	if _, ever := k.Age(); !ever {
		return now.Sub(k.triedAt) >= time.Second
	}
	return now.Sub(k.triedAt) >= Cooldown
}

// remember keeps an unknown key id from causing questions for a while. The
// memory is bounded: when it is full of made-up ids it starts anew, and the
// cooldown holds alone.
func (k *KeySet) remember(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.missing) >= maxMissing {
		clear(k.missing)
	}
	k.missing[id] = k.now().Add(MissingFor)
}

// fetch asks the issuer, once for all who ask at the same time, and replaces
// the keys. A caller who gives up does not stop the question for the others.
func (k *KeySet) fetch(ctx context.Context) error {
	done := k.one.DoChan("keys", func() (any, error) {
		k.setAsking(true)
		defer k.setAsking(false)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		keys, err := k.ask(ctx)
		if err != nil {
			return nil, err
		}
		k.replace(keys)
		return nil, nil
	})
	select {
	case <-ctx.Done():
		return ctx.Err()
	case result := <-done:
		return result.Err
	}
}

func (k *KeySet) setAsking(asking bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asking = asking
	if asking {
		k.triedAt = k.now()
	}
}

// replace puts the new keys in place of the old. A key that has not changed
// keeps its identity, so that verdicts given by it stay.
func (k *KeySet) replace(keys map[string]*jose.JSONWebKey) {
	old := *k.keys.Load()
	for id, key := range keys {
		if was, ok := old[id]; ok && sameKey(was, key) {
			keys[id] = was
		}
	}
	k.keys.Store(&keys)
	k.fetchedAt.Store(k.now().UnixNano())
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(k.missing, func(id string, _ time.Time) bool { return keys[id] != nil })
}

// sameKey reports whether both are the same public key for the same algorithm.
func sameKey(a, b *jose.JSONWebKey) bool {
	public, ok := a.Key.(interface{ Equal(crypto.PublicKey) bool })
	return ok && a.Algorithm == b.Algorithm && public.Equal(b.Key)
}

// ask reads the issuer's key document.
func (k *KeySet) ask(ctx context.Context) (map[string]*jose.JSONWebKey, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking for the keys: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking for the keys: status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeysBody))
	if err != nil {
		return nil, fmt.Errorf("reading the keys: %w", err)
	}
	return parseKeys(body)
}

// parseKeys keeps those keys of the document that may sign access tokens; one
// that it does not understand does not spoil the others. A document without
// any is a fault of the issuer, not a reason to forget the keys we have.
func parseKeys(body []byte) (map[string]*jose.JSONWebKey, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return nil, fmt.Errorf("reading the keys: %w", err)
	}
	keys := map[string]*jose.JSONWebKey{}
	for _, raw := range document.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) == nil && usable(&key) {
			keys[key.KeyID] = &key
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the issuer's document has no usable key")
	}
	return keys, nil
}

// usable reports whether the key is a public one, for signatures, of a kind
// and strength we accept.
func usable(key *jose.JSONWebKey) bool {
	if key.KeyID == "" || !key.Valid() || !key.IsPublic() || (key.Use != "" && key.Use != "sig") {
		return false
	}
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		return public.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}
