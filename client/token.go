package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// Times of tokens.
const (
	unknownLifetime = time.Minute     // of a token that does not say how long it lives
	lastMoments     = 5 * time.Second // of its life, in which a token is not used: it is on its way, and clocks differ
	renewAgain      = 5 * time.Second // after a renewal ahead of time that failed
)

// tokens gets access tokens by client credentials. A token is renewed when a
// quarter of its life is left; when that fails, the old one is used while it
// lives. It is the follower's alone.
type tokens struct {
	config    clientcredentials.Config
	transport *http.Client
	clock     clock
	timeout   time.Duration // for a token without which nothing goes on
	ahead     time.Duration // for one ahead of time

	token    string
	got      reading
	lifetime time.Duration
	failed   reading
}

func newTokens(config Config, transport *http.Client, clock clock, timeout time.Duration) *tokens {
	return &tokens{
		config: clientcredentials.Config{
			ClientID: config.ClientID, ClientSecret: config.ClientSecret,
			TokenURL: config.TokenURL, AuthStyle: oauth2.AuthStyleInHeader,
		},
		transport: transport, clock: clock, timeout: timeout,
		ahead: min(max(config.MaxStale/4, 250*time.Millisecond), 2*time.Second),
	}
}

// get returns a token that is good for now.
func (t *tokens) get(ctx context.Context) (string, error) {
	now := t.clock()
	age := now.since(t.got)
	switch {
	case t.token == "" || age >= t.lifetime-min(lastMoments, t.lifetime/4):
		err := t.renew(ctx, t.timeout)
		return t.token, err
	case age >= t.lifetime*3/4 && now.since(t.failed) >= renewAgain:
		if t.renew(ctx, t.ahead) != nil {
			t.failed = now
		}
	}
	return t.token, nil
}

// forget makes the next get ask for a new token.
func (t *tokens) forget() { t.token = "" }

func (t *tokens) renew(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, oauth2.HTTPClient, t.transport), timeout)
	defer cancel()
	asked := t.clock()
	token, err := t.config.Token(ctx)
	if err != nil {
		return tokenError(err)
	}
	t.token, t.got, t.lifetime = token.AccessToken, asked, unknownLifetime
	if !token.Expiry.IsZero() {
		t.lifetime = time.Until(token.Expiry)
	}
	return nil
}

// tokenCodes are the errors of RFC 6749, 5.2, and 4.1.2.1; nothing else that a
// token endpoint says is repeated, for it may quote what it was sent.
var tokenCodes = []string{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
	"unsupported_grant_type", "invalid_scope", "server_error", "temporarily_unavailable"}

func tokenError(err error) error {
	var refused *oauth2.RetrieveError
	var out interface{ Timeout() bool }
	switch {
	case errors.As(err, &refused) && slices.Contains(tokenCodes, refused.ErrorCode):
		return fmt.Errorf("the token endpoint answered %d %s", refused.Response.StatusCode, refused.ErrorCode)
	case errors.As(err, &refused):
		return fmt.Errorf("the token endpoint answered %d", refused.Response.StatusCode)
	case errors.As(err, &out):
		return fmt.Errorf("the token endpoint is not reached: %w", bare(err))
	}
	return errors.New("the token endpoint gives no token")
}
