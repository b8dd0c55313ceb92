package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/client"
	"github.com/ponimayu/opora/internal/tenancy"
)

// checkLimit is how long a check by the Go client may take.
const checkLimit = time.Microsecond

// benchClient fills the Go client from the stack's Opora and measures how long
// its checks take, about everybody who is held, and how soon a committed change
// is in its answers.
func benchClient(ctx context.Context, s stack, ids []tenancy.EmployeeID, duration time.Duration) ([]result, error) {
	c, err := client.New(client.Config{
		URL: s.OporaURL, TokenURL: s.KeycloakURL + "/realms/" + s.Realm + "/protocol/openid-connect/token",
		ClientID: s.BookingID, ClientSecret: s.BookingSecret,
	})
	if err != nil {
		return nil, err
	}
	defer c.Close()
	began := time.Now()
	filling, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if err := c.Ready(filling); err != nil {
		return nil, err
	}
	st := c.State()
	fmt.Fprintf(os.Stderr, "client: filled with %d people in %v, %d bytes each\n", st.Employees, time.Since(began).Round(10*time.Millisecond), st.Bytes/int64(st.Employees))

	each, err := benchClientCheck(c, ids, duration)
	if err != nil {
		return nil, err
	}
	changes, err := benchClientChanges(ctx, c, s, ids)
	return append([]result{each}, changes...), err
}

// benchClientCheck asks by one goroutine about somebody else each time, in
// turns of which the middle one counts. What counts is the processor time that
// this process takes, following the feed included: on a machine that others use
// too, the time that goes by says more about them.
func benchClientCheck(c *client.Client, ids []tenancy.EmployeeID, duration time.Duration) (result, error) {
	const turns, batch = 5, 1000
	q := client.Query{SpecialistType: "psychologist", At: time.Now().AddDate(0, 0, 3), Used: client.UsedByGrant(map[client.GrantID]int{"talk": 1})}
	var a client.Answer
	var each, gone []time.Duration // of a check, by turn: processor time, and time gone by
	var before, after runtime.MemStats
	checks, allowed := 0, 0
	runtime.ReadMemStats(&before)
	for range turns {
		began, used, n := time.Now(), processorTime(), 0
		for time.Since(began) < duration/turns {
			for range batch {
				q.EmployeeID = ids[(checks+n)%len(ids)]
				if err := c.CheckInto(&q, &a); err != nil {
					return result{}, err
				}
				if n++; a.Allowed {
					allowed++
				}
			}
		}
		each, gone = append(each, (processorTime()-used)/time.Duration(n)), append(gone, time.Since(began)/time.Duration(n))
		checks += n
	}
	runtime.ReadMemStats(&after)
	slices.Sort(each)
	slices.Sort(gone)
	fmt.Fprintf(os.Stderr, "client: %d checks, %d allowed, each %v of a processor and %v by the clock (turns from %v to %v), %.4f allocations, those of following the feed among them\n",
		checks, allowed, each[turns/2], gone[turns/2], gone[0], gone[turns-1], float64(after.Mallocs-before.Mallocs)/float64(checks))
	return result{What: "client.Check, one goroutine, processor time", Opora: 1 / each[turns/2].Seconds(),
		Rival: fmt.Sprintf("the limit, %v", checkLimit), RivalRate: 1 / checkLimit.Seconds(), Wanted: 1}, nil
}

// processorTime is what this process has taken of the processors.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchClientChanges lets people go, or takes them back, and measures how long
// the client still gives the answer of before.
func benchClientChanges(ctx context.Context, c *client.Client, s stack, ids []tenancy.EmployeeID) ([]result, error) {
	conn, err := pgx.Connect(ctx, s.DatabaseURL)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `SET ROLE opora_contour`); err != nil {
		return nil, err
	}
	var all load
	for round := range replicaRounds {
		took, err := clientRound(ctx, conn, c, ids[round%len(ids)])
		if err != nil {
			return nil, err
		}
		all.latencies = append(all.latencies, took)
	}
	slices.Sort(all.latencies)
	fmt.Fprintf(os.Stderr, "client: from a commit to its changed answer: p50 %v p99 %v, the longest %v\n",
		all.percentile(50), all.percentile(99), all.latencies[len(all.latencies)-1].Round(time.Millisecond))
	return []result{{What: "a committed change to the client's changed answer, 1/p99", Opora: 1 / all.percentile(99).Seconds(),
		Rival: fmt.Sprintf("the limit, %v", replicaLimit), RivalRate: 1 / replicaLimit.Seconds(), Wanted: 1}}, nil
}

func clientRound(ctx context.Context, conn *pgx.Conn, c *client.Client, id tenancy.EmployeeID) (time.Duration, error) {
	q := client.Query{EmployeeID: id, SpecialistType: "psychologist", At: time.Now().AddDate(0, 0, 3)}
	before, err := c.Check(q)
	if err != nil {
		return 0, err
	}
	tag, err := conn.Exec(ctx, `UPDATE employment SET left_on = CASE WHEN left_on IS NULL THEN date '2025-12-31' END WHERE person_id = $1`, id)
	if err != nil || tag.RowsAffected() == 0 {
		return 0, fmt.Errorf("a change of %d rows: %w", tag.RowsAffected(), err)
	}
	for committed := time.Now(); ; time.Sleep(time.Millisecond) {
		a, err := c.Check(q)
		took := time.Since(committed)
		switch {
		case err != nil:
			return took, err
		case a.Reason != before.Reason:
			return took, nil
		case took > 10*time.Second:
			return took, fmt.Errorf("the client gives the old answer after ten seconds: %+v", c.State())
		}
	}
}
