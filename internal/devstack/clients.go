package devstack

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// readyMade are the clients that stand for people on a development stack: each
// is a service account that is a member of a group, so its tokens say what a
// person's there would. Opora did not make them and leaves them alone.
var readyMade = []struct{ variable, client, group string }{
	{"PLATFORM", "dev-platform", "platform"},
	{"HR_CDEK", "dev-hr-cdek", "tenants/cdek/hr"},
	{"HR_CDEK2", "dev-hr-cdek2", "tenants/cdek/hr"},
	{"HR_AVITO", "dev-hr-avito", "tenants/avito/hr"},
}

// ownClients are clients of the catalogue whose secrets a command needs.
var ownClients = []struct{ variable, client string }{
	{"BOOKING", "booking-core"},
	{"PAYMENTS", "payments"},
	{"KEYCLOAK_PEOPLE", "opora-people"},
}

// readyMade gathers the credentials of the catalogue's clients and makes the
// ready-made ones, for the groups that the country's realm has.
func (o *opora) readyMade(ctx context.Context) error {
	c := o.contour
	admin, err := newRealmAdmin(ctx, c.KeycloakURL, c.Realm, c.secrets.Admin)
	if err != nil {
		return err
	}
	o.credentials = nil
	for _, own := range ownClients {
		id, err := admin.client(ctx, own.client)
		if err != nil {
			return err
		}
		if err := o.keep(ctx, admin, own.variable, own.client, id); err != nil {
			return err
		}
	}
	for _, made := range readyMade {
		group, err := admin.group(ctx, made.group)
		if errors.Is(err, errNotThere) {
			continue // the tenant is not in this country
		}
		if err != nil {
			return err
		}
		id, err := admin.ensureMember(ctx, made.client, group)
		if err != nil {
			return err
		}
		if err := o.keep(ctx, admin, made.variable, made.client, id); err != nil {
			return err
		}
	}
	return nil
}

// keep notes a client's credentials for the environment.
func (o *opora) keep(ctx context.Context, admin *realmAdmin, variable, client, id string) error {
	secret, err := admin.secret(ctx, id)
	if err != nil {
		return fmt.Errorf("the secret of the client %s: %w", client, err)
	}
	o.credentials = append(o.credentials, variable+"_CLIENT_ID="+client, variable+"_CLIENT_SECRET="+secret)
	return nil
}

// realmAdmin does the few things in a realm that only a development stack
// needs; what Opora itself does to Keycloak is in provisioner/keycloak.
type realmAdmin struct {
	base  string // …/admin/realms/{realm}
	token string
}

// errNotThere says that Keycloak has no such object.
var errNotThere = errors.New("not there")

// newRealmAdmin signs in with the admin client of the master realm.
func newRealmAdmin(ctx context.Context, keycloak, realm, secret string) (*realmAdmin, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {adminClient}, "client_secret": {secret}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, keycloak+"/realms/master/protocol/openid-connect/token", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		Token string `json:"access_token"`
	}
	if _, err := do(req, &answer); err != nil {
		return nil, fmt.Errorf("signing in to Keycloak as %s: %w", adminClient, err)
	}
	return &realmAdmin{base: keycloak + "/admin/realms/" + url.PathEscape(realm), token: answer.Token}, nil
}

// call sends one request below the realm; body and answer may be nil. It
// returns the last part of the Location that a creation answers with.
func (a *realmAdmin) call(ctx context.Context, method, path string, body, answer any) (string, error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return "", err
		}
		content = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, content)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	location, err := do(req, answer)
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", method, path, err)
	}
	return location[strings.LastIndexByte(location, '/')+1:], nil
}

// do sends a request and decodes the answer; it returns the Location.
func do(req *http.Request, answer any) (string, error) {
	ctx, cancel := context.WithTimeout(req.Context(), 30*time.Second)
	defer cancel()
	resp, err := http.DefaultClient.Do(req.WithContext(ctx))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return "", errNotThere
	case resp.StatusCode/100 != 2:
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
		return "", fmt.Errorf("Keycloak answered %s: %s", resp.Status, text)
	}
	if answer == nil {
		return resp.Header.Get("Location"), nil
	}
	return resp.Header.Get("Location"), json.NewDecoder(resp.Body).Decode(answer)
}

// client returns a client's internal id by its name.
func (a *realmAdmin) client(ctx context.Context, name string) (string, error) {
	var found []struct{ ID string }
	if _, err := a.call(ctx, http.MethodGet, "/clients?clientId="+url.QueryEscape(name), nil, &found); err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", fmt.Errorf("the client %s: %w", name, errNotThere)
	}
	return found[0].ID, nil
}

func (a *realmAdmin) secret(ctx context.Context, id string) (string, error) {
	var answer struct{ Value string }
	_, err := a.call(ctx, http.MethodGet, "/clients/"+id+"/client-secret", nil, &answer)
	return answer.Value, err
}

// group returns a group's id by its path, without the leading slash.
func (a *realmAdmin) group(ctx context.Context, path string) (string, error) {
	var answer struct{ ID string }
	_, err := a.call(ctx, http.MethodGet, "/group-by-path/"+path, nil, &answer)
	return answer.ID, err
}

// ensureMember returns the id of a service-account client, made when it is not
// there, whose user is a member of the group.
func (a *realmAdmin) ensureMember(ctx context.Context, name, group string) (string, error) {
	id, err := a.client(ctx, name)
	if errors.Is(err, errNotThere) {
		id, err = a.call(ctx, http.MethodPost, "/clients", map[string]any{
			"clientId": name, "name": "Development only", "secret": rand.Text(),
			"serviceAccountsEnabled": true, "standardFlowEnabled": false, "directAccessGrantsEnabled": false,
			"publicClient": false, "fullScopeAllowed": true,
			"defaultClientScopes": []string{"opora"}, "optionalClientScopes": []string{},
		}, nil)
	}
	if err != nil {
		return "", err
	}
	var user struct{ ID string }
	if _, err := a.call(ctx, http.MethodGet, "/clients/"+id+"/service-account-user", nil, &user); err != nil {
		return "", err
	}
	_, err = a.call(ctx, http.MethodPut, "/users/"+user.ID+"/groups/"+group, nil, nil)
	return id, err
}
