package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/errgroup"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/rostergen"
)

// rawImport is the limit of the Keycloak stage: partial imports and nothing
// else. Its users are like ours in all that costs Keycloak something (an id that
// grows with time, a login of random letters, names, an address for those who
// have one, the group) and its requests are made up before the clock runs.
type rawImport struct {
	stack  stack
	client *http.Client
	made   int // users so far, so that none is made twice
	ids    []string
}

// rawWay is a size of batch and how many are on the way at once.
type rawWay struct{ batch, atOnce int }

func (w rawWay) String() string { return fmt.Sprintf("batches of %d, %d at once", w.batch, w.atOnce) }

// rawWays are tried for the best one.
var rawWays = []rawWay{{20, 8}, {40, 4}, {40, 8}, {50, 4}, {50, 8}, {80, 4}}

func newRawImport(ctx context.Context, s stack) *rawImport {
	pooled := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: time.Minute}
	credentials := clientcredentials.Config{
		ClientID: s.AdminID, ClientSecret: s.AdminSecret, TokenURL: s.KeycloakURL + "/realms/master/protocol/openid-connect/token",
	}
	return &rawImport{stack: s, client: credentials.Client(context.WithValue(ctx, oauth2.HTTPClient, pooled))}
}

// sweeps is how often every way is tried: one pause of Keycloak's must not
// decide which is the best.
const sweeps = 2

// best tries every way by turns with n users each and returns the one that was
// fastest in its best turn.
func (r *rawImport) best(ctx context.Context, n int) (rawWay, error) {
	fastest := map[rawWay]float64{}
	for range sweeps {
		for _, way := range rawWays {
			took, err := r.run(ctx, n, way)
			if err != nil {
				return rawWay{}, err
			}
			fastest[way] = max(fastest[way], float64(n)/took.Seconds())
		}
	}
	for _, way := range rawWays {
		note("raw partialImport, %v: %.0f/s", way, fastest[way])
	}
	return slices.MaxFunc(rawWays, func(a, b rawWay) int { return cmp.Compare(fastest[a], fastest[b]) }), nil
}

// run makes n users and returns how long that took.
func (r *rawImport) run(ctx context.Context, n int, way rawWay) (time.Duration, error) {
	bodies, err := r.bodies(n, way.batch)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan []byte, len(bodies))
	for _, b := range bodies {
		queue <- b
	}
	close(queue)
	began := time.Now()
	var all sync.WaitGroup
	for range way.atOnce {
		all.Go(func() {
			for body := range queue {
				if err := r.send(ctx, body); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	all.Wait()
	return time.Since(began), context.Cause(ctx)
}

// bodies are the requests for n new users.
func (r *rawImport) bodies(n, batch int) (bodies [][]byte, err error) {
	people := rostergen.Options{Seed: 11, Country: "RU", Domain: "raw.example"}
	type user struct {
		ID        string   `json:"id"`
		Username  string   `json:"username"`
		FirstName string   `json:"firstName"`
		LastName  string   `json:"lastName"`
		Email     string   `json:"email,omitempty"`
		Enabled   bool     `json:"enabled"`
		Groups    []string `json:"groups"`
	}
	for n > 0 {
		users := make([]user, min(n, batch))
		for i := range users {
			p := people.Person(r.made)
			id, err := uuid.NewV7()
			if err != nil {
				return nil, err
			}
			users[i] = user{
				ID: id.String(), Username: "raw-" + roster.NewCode(8), FirstName: p.First, LastName: p.Last, Email: strings.ToLower(p.Email),
				Enabled: true, Groups: []string{"/" + employeesGroup},
			}
			r.made++
			r.ids = append(r.ids, users[i].ID)
		}
		body, err := json.Marshal(map[string]any{"ifResourceExists": "SKIP", "users": users})
		if err != nil {
			return nil, err
		}
		bodies, n = append(bodies, body), n-len(users)
	}
	return bodies, nil
}

func (r *rawImport) send(ctx context.Context, body []byte) error {
	var answer struct {
		Added int `json:"added"`
	}
	if err := r.call(ctx, http.MethodPost, "/partialImport", body, &answer); err != nil {
		return err
	}
	if answer.Added == 0 {
		return fmt.Errorf("partialImport added nobody")
	}
	return nil
}

// call asks the realm's admin API; out may be nil.
func (r *rawImport) call(ctx context.Context, method, path string, body []byte, out any) error {
	return exchange(ctx, r.client, method, r.stack.KeycloakURL+"/admin/realms/"+url.PathEscape(r.stack.Realm)+path, body, out)
}

// exchange asks a rival in JSON; out may be nil.
func exchange(ctx context.Context, client *http.Client, method, address string, body []byte, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s: %s: %s", req.URL.Path, resp.Status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

// count returns how many users the realm has.
func (r *rawImport) count(ctx context.Context) (n int, err error) {
	return n, r.call(ctx, http.MethodGet, "/users/count", nil, &n)
}

// tellMembership tells how fast n users become members of the tenant's
// organization, four at once. Opora makes no such members: the tenant's claim
// comes from the group, and its sign-in goes by the address. Whoever wants them
// beforehand pays this much more.
func (r *rawImport) tellMembership(ctx context.Context, tenant string, n int) error {
	var found []struct{ ID, Alias string }
	if err := r.call(ctx, http.MethodGet, "/organizations?max=100&search="+url.QueryEscape(tenant), nil, &found); err != nil {
		return err
	}
	i := slices.IndexFunc(found, func(o struct{ ID, Alias string }) bool { return o.Alias == tenant })
	if i < 0 {
		note("organization membership: %s has no organization", tenant)
		return nil
	}
	ids := r.ids[max(0, len(r.ids)-n):]
	began := time.Now()
	var group errgroup.Group
	group.SetLimit(4)
	for _, id := range ids {
		group.Go(func() error {
			return r.call(ctx, http.MethodPost, "/organizations/"+found[i].ID+"/members", []byte(id), nil)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	note("organization membership, which Opora does not make: %.0f/s", float64(len(ids))/time.Since(began).Seconds())
	return nil
}
