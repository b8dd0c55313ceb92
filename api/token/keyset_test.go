package token

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ponimayu/opora/internal/tenancy"
)

func TestUnknownKeysDoNotFloodTheIssuer(t *testing.T) {
	i, c := newIssuer(t), newClock()
	i.publish(rsaKey("known"))
	v := newTestVerifier(i, c)
	for n := range 500 {
		raw := sign(t, testRSA(), jose.RS256, fmt.Sprint("made-up-", n%50), goodClaims(c), nil)
		if _, err := v.Verify(context.Background(), raw); codeOf(err) != "token_key_unknown" {
			t.Fatal(err)
		}
	}
	if n := i.asked.Load(); n != 1 {
		t.Errorf("500 tokens of unknown keys asked %d times, want 1", n)
	}
	broken := sign(t, ecKey("x").Key, jose.ES256, "known", goodClaims(c), nil)
	for range 10 {
		if _, err := v.Verify(context.Background(), broken); err == nil {
			t.Fatal("accepted")
		}
	}
	c.advance(Cooldown)
	raw := sign(t, testRSA(), jose.RS256, "made-up-1", goodClaims(c), nil)
	_, _ = v.Verify(context.Background(), raw)
	if n := i.asked.Load(); n != 1 {
		t.Errorf("a key known to be unknown asked again (%d)", n)
	}
	c.advance(MissingFor)
	_, _ = v.Verify(context.Background(), raw)
	if n := i.asked.Load(); n != 2 {
		t.Errorf("asked %d times after the negative cache ended, want 2", n)
	}
}

func TestUnknownKeysAreRememberedWithinBounds(t *testing.T) {
	i, c := newIssuer(t), newClock()
	i.publish(rsaKey("known"))
	keys := newTestVerifier(i, c).keys
	for n := range 5 * maxMissing {
		_, _ = keys.key(context.Background(), fmt.Sprint(n))
	}
	if n := len(keys.missing); n > maxMissing {
		t.Errorf("%d unknown key ids are remembered", n)
	}
}

func TestNewKeyIsFoundByItsFirstToken(t *testing.T) {
	i, c := newIssuer(t), newClock()
	i.publish(rsaKey("old"))
	v := newTestVerifier(i, c)
	if _, err := v.Verify(context.Background(), sign(t, testRSA(), jose.RS256, "old", goodClaims(c), nil)); err != nil {
		t.Fatal(err)
	}
	next := ecKey("next")
	i.publish(rsaKey("old"), next)
	c.advance(Cooldown)
	if _, err := v.Verify(context.Background(), sign(t, next.Key, jose.ES256, "next", goodClaims(c), nil)); err != nil {
		t.Error(err)
	}
}

func TestManyCallersAskOnce(t *testing.T) {
	i, c := newIssuer(t), newClock()
	i.slow = 50 * time.Millisecond
	i.publish(rsaKey("known"))
	v := newTestVerifier(i, c)
	raw := sign(t, testRSA(), jose.RS256, "known", goodClaims(c), nil)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := v.Verify(context.Background(), raw); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := i.asked.Load(); n != 1 {
		t.Errorf("the issuer was asked %d times, want 1", n)
	}
}

func TestKeysServeWhileTheIssuerIsDown(t *testing.T) {
	i, c := newIssuer(t), newClock()
	i.publish(rsaKey("known"))
	v := newTestVerifier(i, c)
	verify := func(keyID string) error {
		_, err := v.Verify(context.Background(), sign(t, testRSA(), jose.RS256, keyID, goodClaims(c), nil))
		return err
	}
	if err := verify("known"); err != nil {
		t.Fatal(err)
	}
	i.setDown(true)
	c.advance(MaxStale - time.Minute)
	if err := v.keys.fetch(context.Background()); err == nil {
		t.Fatal("the issuer is not down: the fault did not fire")
	}
	if err := verify("known"); err != nil {
		t.Errorf("a good token while the issuer is down: %v", err)
	}
	if err := verify("other"); codeOf(err) != "token_key_unknown" {
		t.Errorf("an unknown key while the issuer is down: %v", err)
	}
	c.advance(2 * time.Minute)
	if err := verify("known"); tenancy.KindOf(err) != tenancy.Unavailable {
		t.Errorf("keys older than MaxStale still serve: %v", err)
	}
	i.setDown(false)
	if err := v.keys.fetch(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := verify("known"); err != nil {
		t.Errorf("after the issuer came back: %v", err)
	}
}

func TestAnIssuerWithoutKeysIsAFault(t *testing.T) {
	i, c := newIssuer(t), newClock()
	i.setDown(true)
	v := newTestVerifier(i, c)
	raw := sign(t, testRSA(), jose.RS256, "known", goodClaims(c), nil)
	if _, err := v.Verify(context.Background(), raw); tenancy.KindOf(err) != tenancy.Unavailable {
		t.Errorf("no keys at all: %v, want unavailable", err)
	}
	i.setDown(false)
	i.publish(rsaKey("known"))
	c.advance(time.Second)
	if _, err := v.Verify(context.Background(), raw); err != nil {
		t.Fatalf("the issuer came up: %v", err)
	}
	i.publish()
	if err := v.keys.fetch(context.Background()); err == nil {
		t.Error("an empty document was taken")
	}
	if _, err := v.Verify(context.Background(), raw); err != nil {
		t.Errorf("an empty document drove the good keys out: %v", err)
	}
}

func TestParseKeysKeepsOnlyUsableOnes(t *testing.T) {
	document := `{"keys":[
		{"kid":"oct","kty":"oct","k":"AAAA","alg":"HS256"},
		{"kid":"enc","kty":"RSA","use":"enc","n":"AQAB","e":"AQAB"},
		{"kid":"small","kty":"RSA","use":"sig","n":"AQAB","e":"AQAB"},
		{"kid":"strange","kty":"LATTICE"}, 17,
		{"kid":"good","kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","use":"sig"}]}`
	keys, err := parseKeys([]byte(document))
	if err != nil || len(keys) != 1 || keys["good"] == nil {
		t.Errorf("kept %v, %v", keys, err)
	}
}
