package devstack

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
)

// signIn is somebody made up that a newcomer may sign in as.
type signIn struct {
	Who      string `json:"who"`
	Login    string `json:"login"`
	Password string `json:"password"`
	Employee string `json:"employee,omitempty"` // the employee's id
}

// sampleStaff are the people who are not in any roster.
var sampleStaff = []struct{ who, login, group string }{
	{"platform admin", "platform-admin", "platform"},
	{"HR admin of CDEK", "cdek-hr", "tenants/cdek/hr"},
	{"HR admin of Avito", "avito-hr", "tenants/avito/hr"},
}

// makeSignIns makes the staff and gives one imported employee a password. It
// is done once per data folder: passwords that were changed stay changed.
func (o *opora) makeSignIns(ctx context.Context) error {
	c := o.contour
	file := filepath.Join(c.dir, "sign-ins.json")
	if b, err := os.ReadFile(file); err == nil {
		return json.Unmarshal(b, &o.signIns)
	}
	admin, err := newRealmAdmin(ctx, c.KeycloakURL, c.Realm, c.secrets.Admin)
	if err != nil {
		return err
	}
	var made []signIn
	for _, s := range sampleStaff {
		group, err := admin.group(ctx, s.group)
		if errors.Is(err, errNotThere) {
			continue
		}
		if err != nil {
			return err
		}
		id, err := admin.ensureUser(ctx, s.login)
		if err != nil {
			return err
		}
		if _, err := admin.call(ctx, http.MethodPut, "/users/"+id+"/groups/"+group, nil, nil); err != nil {
			return err
		}
		sign, err := admin.admit(ctx, id, s.who, s.login)
		if err != nil {
			return err
		}
		made = append(made, sign)
	}
	employee, err := o.admitEmployee(ctx, admin)
	switch {
	case err == nil:
		made = append(made, employee)
	case !errors.Is(err, errNotThere):
		return err
	}
	b, err := json.Marshal(made)
	if err != nil {
		return err
	}
	o.signIns = made
	return os.WriteFile(file, b, 0o600)
}

// admitEmployee gives the first employee of the sample rosters a password, as
// his activation would.
func (o *opora) admitEmployee(ctx context.Context, admin *realmAdmin) (signIn, error) {
	for _, r := range o.contour.stack.spec.Sample.Rosters {
		if r.Country != o.contour.Country || r.ByCompany {
			continue
		}
		group, err := admin.group(ctx, "tenants/"+r.Tenant+"/employees")
		if err != nil {
			return signIn{}, err
		}
		var members []struct{ ID, Username string }
		if _, err := admin.call(ctx, http.MethodGet, "/groups/"+group+"/members?first=0&max=1", nil, &members); err != nil {
			return signIn{}, err
		}
		if len(members) > 0 {
			sign, err := admin.admit(ctx, members[0].ID, "employee of "+r.Tenant, members[0].Username)
			sign.Employee = members[0].ID
			return sign, err
		}
	}
	return signIn{}, errNotThere
}

// ensureUser returns the id of an account, made when it is not there.
func (a *realmAdmin) ensureUser(ctx context.Context, login string) (string, error) {
	var found []struct{ ID string }
	if _, err := a.call(ctx, http.MethodGet, "/users?exact=true&username="+url.QueryEscape(login), nil, &found); err != nil {
		return "", err
	}
	if len(found) > 0 {
		return found[0].ID, nil
	}
	return a.call(ctx, http.MethodPost, "/users", map[string]any{"username": login, "enabled": true}, nil)
}

// admit gives an account a password that need not be changed.
func (a *realmAdmin) admit(ctx context.Context, id, who, login string) (signIn, error) {
	password := randomWord()
	_, err := a.call(ctx, http.MethodPut, "/users/"+id+"/reset-password", map[string]any{"type": "password", "value": password, "temporary": false}, nil)
	return signIn{Who: who, Login: login, Password: password}, err
}
