package token

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ponimayu/opora/internal/tenancy"
)

// MaxSize bounds a token, in bytes. Ours are below 2 KB.
const MaxSize = 8 << 10

// skew is how far ahead of ours the issuer's clock may be. It is not given to
// the expiry: a clock of ours that runs ahead only shortens a token's life.
const skew = 30 * time.Second

// algorithms is what a token may be signed with. Symmetric algorithms and
// "none" are not among them, so a public key can never serve as a shared secret.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA}

// Config says what a token must be. All of it comes from our configuration.
type Config struct {
	Issuer   string              // exact
	Audience string              // must be one of the token's
	Country  tenancy.CountryCode // this contour's; a token of another is refused
}

// Verifier verifies access tokens and remembers its verdicts.
type Verifier struct {
	config   Config
	keys     *KeySet
	now      func() time.Time
	verdicts verdicts
}

// NewVerifier returns a verifier of the realm's access tokens.
func NewVerifier(config Config, keys *KeySet) *Verifier {
	return &Verifier{config: config, keys: keys, now: time.Now}
}

// Verify returns who the access token speaks for. The error is of kind
// Unauthenticated, its code telling why, or Unavailable when no key can be had.
func (v *Verifier) Verify(ctx context.Context, raw string) (tenancy.Actor, error) {
	if len(raw) > MaxSize {
		return tenancy.Actor{}, refused("token_too_large", "The access token is larger than any of ours.", nil)
	}
	var onStack [2 << 10]byte // as large as tokens are: a copy on the heap would cost as much as the digest
	digest := sha256.Sum256(append(onStack[:0], raw...))
	if known, ok := v.verdicts.get(digest); ok && v.now().Before(known.until) && v.keys.has(known.keyID, known.key) {
		return known.actor, nil
	}
	verdict, err := v.judge(ctx, raw)
	if err != nil {
		return tenancy.Actor{}, err
	}
	v.verdicts.put(digest, verdict)
	return verdict.actor, nil
}

// judge verifies a token that was not seen before.
func (v *Verifier) judge(ctx context.Context, raw string) (verdict, error) {
	jws, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return verdict{}, refused("token_malformed", "The access token is not a signed JWT of an accepted algorithm.", err)
	}
	header := jws.Signatures[0].Protected
	if !headerTypeOK(header) || header.KeyID == "" || len(header.KeyID) > 128 {
		return verdict{}, refused("token_malformed", "The access token's header is not as it should be.", nil)
	}
	key, err := v.keys.key(ctx, header.KeyID)
	switch {
	case errors.Is(err, errKeyUnknown):
		return verdict{}, refused("token_key_unknown", "The access token is signed with a key that is not the issuer's.", err)
	case err != nil:
		return verdict{}, err
	case key.Algorithm != "" && key.Algorithm != header.Algorithm:
		return verdict{}, refused("token_malformed", "The access token names another algorithm than its key's.", nil)
	}
	payload, err := jws.Verify(key)
	if err != nil {
		return verdict{}, refused("token_signature", "The access token's signature is not valid.", err)
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return verdict{}, refused("token_malformed", "The access token's claims are not as they should be.", err)
	}
	if err := v.check(c); err != nil {
		return verdict{}, err
	}
	return verdict{actor: c.actor(), until: time.Unix(c.Expires, 0), keyID: header.KeyID, key: key}, nil
}

// headerTypeOK accepts the header types of access tokens; Keycloak writes JWT.
func headerTypeOK(header jose.Header) bool {
	kind, present := header.ExtraHeaders[jose.HeaderType]
	text, isText := kind.(string)
	return !present || isText && slices.Contains([]string{"jwt", "at+jwt"}, strings.ToLower(text))
}

// check compares the claims with what we accept.
func (v *Verifier) check(c claims) error {
	now := v.now()
	switch {
	case c.Issuer != v.config.Issuer:
		return refused("token_issuer", "The access token was issued elsewhere.", nil)
	case c.Type != "Bearer":
		return refused("token_type", "This is not an access token.", nil)
	case !slices.Contains(c.Audience, v.config.Audience):
		return refused("token_audience", "The access token is meant for another service.", nil)
	case c.Country != string(v.config.Country):
		return refused("token_country", "The access token is of another country.", nil)
	case c.Subject == "":
		return refused("token_malformed", "The access token names no subject.", nil)
	case c.Expires == 0 || !now.Before(time.Unix(c.Expires, 0)):
		return refused("token_expired", "The access token has expired; take a new one.", nil)
	case now.Add(skew).Before(time.Unix(c.NotBefore, 0)), now.Add(skew).Before(time.Unix(c.IssuedAt, 0)):
		return refused("token_early", "The access token is not valid yet; check the clocks.", nil)
	}
	return nil
}

func refused(code, message string, cause error) error {
	return tenancy.E(tenancy.Unauthenticated, code, message, cause)
}
