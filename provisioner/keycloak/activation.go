package keycloak

import (
	"context"
	"net/http"
	"slices"

	"github.com/Nerzal/gocloak/v13"

	"github.com/ponimayu/opora/internal/tenancy"
)

// updatePassword is Keycloak's required action that makes a password a
// one-time one: whoever signs in with it must choose his own.
const updatePassword = "UPDATE_PASSWORD"

// OfferActivation implements provisioner.People. An account is its owner's
// once it has a password that he chose, a passkey, a second factor or a link
// to a company's sign-in; then nothing is done. A one-time password that was
// never used is replaced by the new one.
func (p *People) OfferActivation(ctx context.Context, id tenancy.EmployeeID, code string) (offered bool, err error) {
	state, err := p.activation(ctx, id)
	if err != nil || state.owned {
		return false, err
	}
	body := gocloak.SetPasswordRequest{Type: gocloak.StringP("password"), Temporary: gocloak.BoolP(true), Password: &code}
	_, err = p.client.send(ctx, http.MethodPut, p.path("users", string(id), "reset-password"), body, nil)
	if statusOf(err) == http.StatusBadRequest {
		return false, tenancy.E(tenancy.Invalid, "activation_code_refused", "the realm's password policy refuses the activation code; make it longer", err)
	}
	return err == nil, missing(err)
}

// WithdrawActivation implements provisioner.People.
func (p *People) WithdrawActivation(ctx context.Context, id tenancy.EmployeeID) error {
	state, err := p.activation(ctx, id)
	if err != nil || state.owned || state.oneTime == "" {
		return err
	}
	if _, err := p.client.send(ctx, http.MethodDelete, p.path("users", string(id), "credentials", state.oneTime), nil, nil); err != nil {
		return err
	}
	rest := slices.DeleteFunc(slices.Clone(state.actions), func(a string) bool { return a == updatePassword })
	_, err = p.client.send(ctx, http.MethodPut, p.path("users", string(id)), gocloak.User{RequiredActions: &rest}, nil)
	return err
}

// activation is how far an account's owner has come.
type activation struct {
	owned   bool     // he has credentials of his own
	oneTime string   // id of a one-time password that waits
	actions []string // required actions
}

// activation reads how far the account's owner has come. A password with
// UPDATE_PASSWORD pending is a one-time one: Keycloak takes the action away in
// the same transaction in which he sets his own.
func (p *People) activation(ctx context.Context, id tenancy.EmployeeID) (activation, error) {
	user, err := p.user(ctx, id)
	if err != nil {
		return activation{}, missing(err)
	}
	var credentials []gocloak.CredentialRepresentation
	if err := p.client.get(ctx, p.path("users", string(id), "credentials"), &credentials); err != nil {
		return activation{}, missing(err)
	}
	var links []gocloak.FederatedIdentityRepresentation
	if err := p.client.get(ctx, p.path("users", string(id), "federated-identity"), &links); err != nil {
		return activation{}, missing(err)
	}
	state := activation{owned: len(links) > 0}
	if user.RequiredActions != nil {
		state.actions = *user.RequiredActions
	}
	for _, c := range credentials {
		if gocloak.PString(c.Type) == "password" && slices.Contains(state.actions, updatePassword) {
			state.oneTime = gocloak.PString(c.ID)
		} else {
			state.owned = true
		}
	}
	return state, nil
}
