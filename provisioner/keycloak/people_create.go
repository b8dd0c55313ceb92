package keycloak

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/Nerzal/gocloak/v13"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
)

// CreateAccounts implements provisioner.People by partial imports, which
// honour the id and the group of a user and take many at once:
//
//	answer to a batch        what becomes of it
//	200, ADDED               done
//	200, SKIPPED             done when the id is ours, else the login is taken
//	400, 409, 500            those that are there are done; the rest is halved until a bad one stands alone
//	none, or a gateway's     those that are there are done; of the others nothing is known
//	never sent               the whole call is an error when no other batch was
func (p *People) CreateAccounts(ctx context.Context, accounts []provisioner.Account) ([]provisioner.Outcome, error) {
	outcomes := make([]provisioner.Outcome, len(accounts))
	rows, err := p.admit(ctx, accounts, outcomes)
	if err != nil {
		return nil, err
	}
	batches := slices.Collect(slices.Chunk(rows, p.client.config.BatchSize))
	failures := make([]error, len(batches))
	var all sync.WaitGroup
	for i, batch := range batches {
		all.Go(func() { failures[i] = p.inTurn(ctx, batch) })
	}
	all.Wait()
	for i, err := range failures {
		if err == nil {
			continue
		}
		if len(batches) == 1 || !slices.Contains(failures, nil) {
			return nil, err
		}
		for _, r := range batches[i] {
			r.unknown()
		}
	}
	return outcomes, nil
}

// inTurn makes the accounts of one batch when there is a place for it. Batches
// of all calls share the places: Keycloak makes people fastest with a few
// batches at once, and the rest of the client's bound is left to single calls,
// which somebody may be waiting for. An error is that nothing was sent.
func (p *People) inTurn(ctx context.Context, batch []row) error {
	select {
	case p.importing <- struct{}{}:
		defer func() { <-p.importing }()
		return p.create(ctx, batch)
	case <-ctx.Done():
		return unavailable(ctx.Err())
	}
}

// row is one account on its way, with the place for its outcome.
type row struct {
	account provisioner.Account
	outcome *provisioner.Outcome
}

func (r row) done()    { *r.outcome = provisioner.Outcome{ID: r.account.ID, Done: true} }
func (r row) unknown() { *r.outcome = provisioner.Outcome{ID: r.account.ID, Unknown: true} }
func (r row) refused(code, message string) {
	*r.outcome = provisioner.Outcome{ID: r.account.ID, Code: code, Message: message}
}

// admit checks what partial imports do not: Keycloak would store an address
// that is none and later refuse every change of that account. It returns the
// rows that may be sent.
func (p *People) admit(ctx context.Context, accounts []provisioner.Account, outcomes []provisioner.Outcome) ([]row, error) {
	seen := map[string]bool{}
	var rows []row
	for i, a := range accounts {
		a.Login, a.Email = strings.ToLower(a.Login), strings.ToLower(a.Email)
		r := row{a, &outcomes[i]}
		if code, message := objection(a, seen); code != "" {
			r.refused(code, message)
			continue
		}
		rows = append(rows, r)
	}
	return p.withTenant(ctx, rows)
}

var (
	uuidForm  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	loginForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{2,100}$`)
	emailForm = regexp.MustCompile(`^[a-z0-9!#$%&'*+/=?^_{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_{|}~-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])$`)
)

// objection says what is wrong with an account in itself or beside the others
// of its call, or nothing.
func objection(a provisioner.Account, seen map[string]bool) (code, message string) {
	local, _, _ := strings.Cut(a.Email, "@")
	switch {
	case !uuidForm.MatchString(string(a.ID)):
		return "keycloak_refused", "the id is no UUID in lower case"
	case !loginForm.MatchString(a.Login):
		return "keycloak_refused", "the login is not one Keycloak takes"
	case a.Email != "" && (!emailForm.MatchString(a.Email) || len(local) > 64 || len(a.Email) > 254):
		return "keycloak_refused", "the e-mail address is not one Keycloak takes"
	case utf8.RuneCountInString(a.FirstName) > 255 || utf8.RuneCountInString(a.LastName) > 255:
		return "keycloak_refused", "a name is longer than 255 letters"
	case seen["id "+string(a.ID)]:
		return "id_taken", "two accounts of one call have the same id"
	case seen["login "+a.Login]:
		return "login_taken", "two accounts of one call have the same login"
	case a.Email != "" && seen["email "+a.Email]:
		return "email_taken", "two accounts of one call have the same e-mail address"
	}
	seen["id "+string(a.ID)], seen["login "+a.Login], seen["email "+a.Email] = true, true, true
	return "", ""
}

// create sends the rows as one batch and sees to what comes of it.
func (p *People) create(ctx context.Context, rows []row) error {
	results, err := p.partialImport(ctx, rows)
	switch status := statusOf(err); {
	case err == nil:
		return p.settle(ctx, rows, results)
	case status == http.StatusBadRequest || status == http.StatusConflict || status == http.StatusInternalServerError:
		return p.divide(ctx, rows, status)
	case isRefusal(err) || neverSent(err, status):
		return err
	}
	return p.observe(ctx, rows)
}

// settle reads what a successful import says of each row.
func (p *People) settle(ctx context.Context, rows []row, results map[string]importResult) error {
	for _, r := range rows {
		result, ok := results[r.account.Login]
		switch {
		case ok && result.ID == string(r.account.ID):
			r.done()
		case ok && result.Action == "SKIPPED":
			r.refused("login_taken", "another account of the realm has this login")
		default:
			r.unknown()
		}
	}
	return nil
}

// divide takes those out of a refused batch that are there already and halves
// the rest, so that one bad row costs a few calls and no other row.
func (p *People) divide(ctx context.Context, rows []row, status int) error {
	missing, err := p.takeThoseThere(ctx, rows)
	if err == nil {
		missing, err = p.lookAgain(ctx, missing)
	}
	switch {
	case err != nil:
		return err
	case len(missing) == 0:
		return nil
	case len(missing) == 1 && len(rows) == 1:
		return p.diagnose(ctx, missing[0], status)
	case len(missing) == 1 || len(missing) < len(rows):
		return p.create(ctx, missing)
	}
	half := len(missing) / 2
	if err := p.create(ctx, missing[:half]); err != nil {
		return err
	}
	return p.create(ctx, missing[half:])
}

// observe settles a batch whose answer was lost.
func (p *People) observe(ctx context.Context, rows []row) error {
	missing, err := p.takeThoseThere(ctx, rows)
	if err != nil {
		missing = rows
	}
	for _, r := range missing {
		r.unknown()
	}
	return nil
}

// takeThoseThere marks the rows whose accounts exist as done and returns the
// others.
func (p *People) takeThoseThere(ctx context.Context, rows []row) ([]row, error) {
	ids := make([]tenancy.EmployeeID, len(rows))
	for i, r := range rows {
		ids[i] = r.account.ID
	}
	there, err := p.ObserveAccounts(ctx, ids)
	if err != nil {
		return nil, err
	}
	var missing []row
	for _, r := range rows {
		if _, ok := there[r.account.ID]; ok {
			r.done()
		} else {
			missing = append(missing, r)
		}
	}
	return missing, nil
}

// diagnose finds out why Keycloak refuses a single row whose answer is a bare
// 500. It cannot ask by address, since an address must not stand in a URL; so
// it tries without one. When that succeeds the address was the cause, and the
// account, which nobody has seen yet, is taken away again.
func (p *People) diagnose(ctx context.Context, r row, status int) error {
	r.refused("keycloak_refused", "Keycloak refuses the account and does not say why (status "+http.StatusText(status)+")")
	if r.account.Email == "" {
		return nil
	}
	without := r
	without.account.Email = ""
	results, err := p.partialImport(ctx, []row{without})
	if err != nil || results[r.account.Login].ID != string(r.account.ID) {
		return nil //nolint:nilerr // the row is refused above; this was only to say why
	}
	r.refused("email_taken", "another account of the realm has this e-mail address")
	return p.DeleteAccount(ctx, r.account.ID)
}

// importResult is what a partial import says of one user.
type importResult struct {
	Action string `json:"action"` // ADDED or SKIPPED
	Name   string `json:"resourceName"`
	ID     string `json:"id"`
}

// partialImport sends the rows and returns the results by login. SKIP leaves
// what is there alone, so that it is safe to repeat; OVERWRITE would delete the
// account with its credentials.
func (p *People) partialImport(ctx context.Context, rows []row) (map[string]importResult, error) {
	users := make([]gocloak.User, len(rows))
	for i, r := range rows {
		users[i] = newUser(r.account)
	}
	body := map[string]any{"ifResourceExists": "SKIP", "users": users}
	var answer struct {
		Results []importResult `json:"results"`
	}
	if _, err := p.client.send(ctx, http.MethodPost, p.path("partialImport"), body, &answer); err != nil {
		return nil, err
	}
	results := make(map[string]importResult, len(answer.Results))
	for _, r := range answer.Results {
		results[strings.ToLower(r.Name)] = r
	}
	return results, nil
}

// newUser is the account as Keycloak takes it.
func newUser(a provisioner.Account) gocloak.User {
	user := gocloak.User{
		ID:       gocloak.StringP(string(a.ID)),
		Username: &a.Login,
		Enabled:  &a.Enabled,
		Groups:   &[]string{employeesGroup(a.Tenant)},
	}
	optional := func(field **string, value string) {
		if value != "" {
			*field = &value
		}
	}
	optional(&user.FirstName, a.FirstName)
	optional(&user.LastName, a.LastName)
	optional(&user.Email, a.Email)
	return user
}
