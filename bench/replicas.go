package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/tenancy"
)

const (
	replicaRounds = 100
	replicaLimit  = 500 * time.Millisecond
)

// benchReplicas starts a second server on the same database and measures the
// time from a committed roster change to the changed answer at each of the two.
func benchReplicas(ctx context.Context, s stack, ids []tenancy.EmployeeID, held int) ([]result, error) {
	second, stop, err := startReplica(ctx)
	if err != nil {
		return nil, err
	}
	defer stop()
	if _, err := waitHeld(ctx, second, held); err != nil {
		return nil, err
	}
	token, err := bookingToken(ctx, s)
	if err != nil {
		return nil, err
	}
	turnover, err := pgtest.NewTurnover(ctx, s.DatabaseURL)
	if err != nil {
		return nil, err
	}
	defer turnover.Close(ctx)
	var all load
	for round := range replicaRounds {
		took, err := replicaRound(ctx, turnover, []string{s.OporaURL, second}, ids[round%len(ids)], token)
		if err != nil {
			return nil, err
		}
		all.latencies = append(all.latencies, took...)
	}
	slices.Sort(all.latencies)
	fmt.Fprintf(os.Stderr, "replicas: from a commit to the changed answer at each of two servers: p50 %v p99 %v, the longest %v\n",
		all.percentile(50), all.percentile(99), all.latencies[len(all.latencies)-1].Round(time.Millisecond))
	return []result{{What: "a committed change to the changed answer, two servers, 1/p99", Opora: 1 / all.percentile(99).Seconds(),
		Rival: fmt.Sprintf("the limit, %v", replicaLimit), RivalRate: 1 / replicaLimit.Seconds(), Wanted: 1}}, nil
}

// replicaRound lets somebody go, or takes him back, and returns how long each
// server still gave the answer of before.
func replicaRound(ctx context.Context, turnover *pgtest.Turnover, servers []string, id tenancy.EmployeeID, token *oauth2.Token) ([]time.Duration, error) {
	before := make([]string, len(servers))
	for i, url := range servers {
		body, err := once(checkRequest(url, id, token))
		if err != nil {
			return nil, err
		}
		before[i] = reasonOf(body)
	}
	if err := turnover.Turn(ctx, id); err != nil {
		return nil, err
	}
	committed := time.Now()
	took, errs := make([]time.Duration, len(servers)), make([]error, len(servers))
	var all sync.WaitGroup
	for i, url := range servers {
		all.Go(func() {
			for took[i] < 10*time.Second {
				var body []byte
				body, errs[i] = once(checkRequest(url, id, token))
				took[i] = time.Since(committed)
				if errs[i] != nil || reasonOf(body) != before[i] {
					return
				}
				time.Sleep(2 * time.Millisecond)
			}
			errs[i] = fmt.Errorf("%s gives the old answer after ten seconds", url)
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return took, nil
}

// reasonOf finds the reason in a decision.
func reasonOf(body []byte) string {
	_, after, _ := strings.Cut(string(body), `"reason":"`)
	reason, _, _ := strings.Cut(after, `"`)
	return reason
}

// startReplica builds this checkout's Opora and serves the stack's database by
// a process of its own.
func startReplica(ctx context.Context) (url string, stop func(), err error) {
	dir, err := os.MkdirTemp("", "opora-bench-")
	if err != nil {
		return "", nil, err
	}
	binary := filepath.Join(dir, "opora")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/opora").CombinedOutput(); err != nil {
		return "", nil, fmt.Errorf("build: %w: %s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	address := l.Addr().String()
	_ = l.Close()
	server := exec.CommandContext(ctx, binary, "serve")
	server.Env = append(os.Environ(), "OPORA_LISTEN="+address)
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	server.WaitDelay = 20 * time.Second
	if err := server.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = server.Process.Signal(os.Interrupt)
		_ = server.Wait()
		_ = os.RemoveAll(dir)
	}
	for range 100 {
		if resp, err := http.Get("http://" + address + "/healthz"); err == nil {
			_ = resp.Body.Close()
			return "http://" + address, stop, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	stop()
	return "", nil, fmt.Errorf("the second server does not answer")
}
