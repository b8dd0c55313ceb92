package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ponimayu/opora/client"
)

// caller is who asks, by his access token.
type caller struct {
	id    string // the token's sub; of an employee it is his id at Opora
	roles []string
}

func (c caller) employee() client.EmployeeID { return client.EmployeeID(c.id) }

// authenticate returns who the bearer of an access token is.
type authenticate func(ctx context.Context, token string) (caller, error)

// oporaAPI is the audience that Opora's realm gives every token.
const oporaAPI = "opora-api"

// byRealm verifies access tokens of the realm. Its keys are read by go-oidc,
// which asks the realm again for every key that it does not know: before the
// open Internet stands something that slows down who sends made-up tokens.
func byRealm(ctx context.Context, issuer string) (authenticate, error) {
	ctx = oidc.ClientContext(ctx, &http.Client{Timeout: 10 * time.Second})
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, err
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: oporaAPI, SupportedSigningAlgs: []string{oidc.RS256}})
	return func(ctx context.Context, raw string) (caller, error) {
		token, err := verifier.Verify(ctx, raw)
		if err != nil {
			return caller{}, errToken
		}
		var claims struct {
			Type  string `json:"typ"`
			Realm struct {
				Roles []string `json:"roles"`
			} `json:"realm_access"`
		}
		if err := token.Claims(&claims); err != nil || claims.Type != "Bearer" { // an ID token is not one to call with
			return caller{}, errToken
		}
		return caller{id: token.Subject, roles: claims.Realm.Roles}, nil
	}, nil
}

// The roles of the realm that may do something here.
const (
	roleEmployee   = "employee"   // books, moves and cancels his own
	roleSpecialist = "specialist" // says what became of an appointment
	roleAdmin      = "platform-admin"
)

// handler is a handler that knows who asks and returns what went wrong.
type handler func(w http.ResponseWriter, r *http.Request, c caller) error

// as lets those in whose token has the role.
func (a *api) as(role string, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok || len(raw) > 8<<10 {
			a.fail(w, r, errToken)
			return
		}
		c, err := a.authenticate(r.Context(), raw)
		if err == nil && !slices.Contains(c.roles, role) {
			err = errRole
		}
		if err == nil {
			err = h(w, r, c)
		}
		if err != nil {
			a.fail(w, r, err)
		}
	}
}
