package keycloak

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/Nerzal/gocloak/v13"

	"github.com/ponimayu/opora/internal/tenancy"
)

// tokenSource keeps the client's access token and renews it before it ends.
// The lock is held while a token is fetched, so that one fetch serves all who
// wait.
type tokenSource struct {
	config Config
	cloak  *gocloak.GoCloak

	mu      sync.Mutex
	token   string
	renewAt time.Time
}

func newTokenSource(config Config) *tokenSource {
	return &tokenSource{config: config, cloak: newCloak(config.URL, bounded{config.Transport, config.CallTimeout})}
}

// get returns a token that is good for a while yet.
func (s *tokenSource) get(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != "" && time.Now().Before(s.renewAt) {
		return s.token, nil
	}
	asked := time.Now()
	jwt, err := s.cloak.LoginClient(ctx, s.config.ClientID, s.config.ClientSecret, s.config.TokenRealm)
	if err != nil {
		return "", tokenError(err)
	}
	// At seven tenths of its life: early enough for a slow call, late enough
	// that tokens of a minute are not fetched all the time.
	s.token, s.renewAt = jwt.AccessToken, asked.Add(time.Duration(jwt.ExpiresIn)*time.Second*7/10)
	return s.token, nil
}

// refused forgets the token, unless it has been renewed meanwhile.
func (s *tokenSource) refused(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == token {
		s.token = ""
	}
}

// forget drops the token: one taken before a realm was made is refused in it.
func (s *tokenSource) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = ""
}

// tokenError tells wrong credentials from a Keycloak that is away. The secret
// travels in a header, so nothing of it is in the cause.
func tokenError(err error) error {
	var api *gocloak.APIError
	if errors.As(err, &api) && api.Code >= 400 && api.Code < 500 && api.Code != 429 {
		return tenancy.E(tenancy.Unauthenticated, "keycloak_credential_refused",
			"Keycloak refuses the client's credentials; check the client id, its secret and the realm it belongs to", err)
	}
	return unavailable(err)
}
