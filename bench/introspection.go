package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/oauth2"
)

// audience is the client that tokens for Opora are meant for. Keycloak tells of a
// token to nobody else.
const audience = "opora-api"

// introspection asks Keycloak whether the booking core's token is good, as a
// service does that leaves the question to Keycloak: it learns who calls, and
// nothing of what an employee may use.
type introspection struct{ address, secret, form string }

func newIntrospection(ctx context.Context, s stack, token *oauth2.Token) (*introspection, error) {
	in := &introspection{
		address: s.KeycloakURL + "/realms/" + s.Realm + "/protocol/openid-connect/token/introspect",
		form:    url.Values{"token": {token.AccessToken}}.Encode(),
	}
	admin := newRawImport(ctx, s)
	var found []struct{ ID string }
	if err := admin.call(ctx, http.MethodGet, "/clients?clientId="+audience, nil, &found); err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, fmt.Errorf("the realm has %d clients %s", len(found), audience)
	}
	var secret struct{ Value string }
	if err := admin.call(ctx, http.MethodGet, "/clients/"+found[0].ID+"/client-secret", nil, &secret); err != nil {
		return nil, err
	}
	in.secret = secret.Value
	return in, in.prove(ctx)
}

func (in *introspection) ask(int) *http.Request {
	req, _ := http.NewRequest(http.MethodPost, in.address, strings.NewReader(in.form))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(audience, in.secret)
	return req
}

// prove sees that the token is one that Keycloak takes for good: a bad one costs
// it less.
func (in *introspection) prove(ctx context.Context) error {
	text, err := once(in.ask(0).WithContext(ctx))
	if err != nil {
		return fmt.Errorf("introspection: %w", err)
	}
	var answer struct{ Active bool }
	if err := json.Unmarshal(text, &answer); err != nil {
		return err
	}
	if !answer.Active {
		return fmt.Errorf("keycloak does not take the booking core's token for good")
	}
	return nil
}
