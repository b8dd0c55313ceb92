package keycloak

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/targettest"
)

// slow is a Keycloak that takes a second for a partial import and knows how
// many it had at once.
type slow struct {
	mu          sync.Mutex
	going, most int
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	switch {
	case strings.HasSuffix(r.URL.Path, "/token"):
		return respond(r, http.StatusOK, `{"access_token":"t","expires_in":600}`), nil
	case !strings.HasSuffix(r.URL.Path, "/partialImport"):
		return respond(r, http.StatusOK, `{}`), nil
	}
	s.count(1)
	defer s.count(-1)
	select {
	case <-time.After(time.Second):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	var body struct {
		Users []struct{ ID, Username string }
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return nil, err
	}
	answer := map[string][]importResult{}
	for _, u := range body.Users {
		answer["results"] = append(answer["results"], importResult{Action: "ADDED", Name: u.Username, ID: u.ID})
	}
	text, err := json.Marshal(answer)
	return respond(r, http.StatusOK, string(text)), err
}

func (s *slow) count(by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.going += by
	s.most = max(s.most, s.going)
}

// two calls of 200 accounts, each four batches.
func twoCalls(ctx context.Context, p *People) (outcomes []provisioner.Outcome, took time.Duration, failed int) {
	began := time.Now()
	var mu sync.Mutex
	var all sync.WaitGroup
	for call := range 2 {
		var accounts []provisioner.Account
		for i := range 200 {
			accounts = append(accounts, targettest.Person("cdek", call*200+i))
		}
		all.Go(func() {
			made, err := p.CreateAccounts(ctx, accounts)
			mu.Lock()
			defer mu.Unlock()
			outcomes = append(outcomes, made...)
			if tenancy.KindOf(err) == tenancy.Unavailable {
				failed++
			}
		})
	}
	all.Wait()
	return outcomes, time.Since(began), failed
}

func TestPartialImportsLeaveRoomForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keycloak := &slow{}
		p := New(Config{URL: "http://keycloak.example", Transport: keycloak, MaxInFlight: 8}).People("ru")
		outcomes, took, _ := twoCalls(t.Context(), p)
		for _, o := range outcomes {
			if !o.Done {
				t.Fatalf("%+v", o)
			}
		}
		// Eight batches in six places, none of them empty while one waits.
		if len(outcomes) != 400 || keycloak.most != 6 || took != 2*time.Second {
			t.Errorf("%d outcomes, %d partial imports at once, %v", len(outcomes), keycloak.most, took)
		}
	})
}

// What has not had its turn when the time is over was not sent, and is no
// refusal.
func TestABatchThatWaitsTooLongIsNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keycloak := &slow{}
		p := New(Config{URL: "http://keycloak.example", Transport: keycloak, MaxInFlight: 8}).People("ru")
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		outcomes, _, failed := twoCalls(ctx, p)
		var done, unknown int
		for _, o := range outcomes {
			switch {
			case o.Done:
				done++
			case o.Unknown:
				unknown++
			default:
				t.Fatalf("%+v", o)
			}
		}
		if done != 300 || done+unknown+200*failed != 400 {
			t.Errorf("%d done, %d not known, %d calls failed", done, unknown, failed)
		}
	})
}
