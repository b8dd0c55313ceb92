package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
)

// openfgaEmployees is how many employees are written into OpenFGA: a tenth of
// those whom Opora holds, for its API takes a hundred in a call.
const openfgaEmployees = 100_000

// rival is somebody else who answers a question like Opora's check.
type rival struct {
	name   string
	ask    func(i int) *http.Request
	prove  func(context.Context) error // that its answers are right
	wanted float64                     // how many times as many answers Opora is to give
	load   load
}

// checkRivals makes ready who is asked beside Opora's check. stop ends what was
// started for it.
func checkRivals(ctx context.Context, s stack) (rivals []*rival, stop func() error, err error) {
	stop = func() error { return nil }
	if _, err := os.Stat(openfgaBinary); err == nil {
		fga, err := startOpenFGA(ctx, s, openfgaEmployees)
		if err != nil {
			return nil, stop, err
		}
		stop = fga.stop
		rivals = append(rivals, &rival{name: "OpenFGA's Check, 100,000 employees", ask: fga.check, prove: fga.prove, wanted: 10})
	} else {
		note("check: OpenFGA is left out: %s is not there, `make bench` builds it", openfgaBinary)
	}
	// The token last: it lives two minutes.
	token, err := bookingToken(ctx, s)
	if err != nil {
		return nil, stop, err
	}
	keycloak, err := newIntrospection(ctx, s, token)
	if err != nil {
		return nil, stop, err
	}
	return append(rivals, &rival{name: "Keycloak's token introspection", ask: keycloak.ask, prove: keycloak.prove, wanted: 25}), stop, nil
}

// against are the results of Opora's answers beside the rivals'.
func against(ctx context.Context, what string, opora load, rivals []*rival) (results []result, err error) {
	for _, r := range rivals {
		if wrong := r.prove(ctx); r.load.failed > 0 || wrong != nil {
			err = errors.Join(err, fmt.Errorf("%s: %d answers were not 200: %w", r.name, r.load.failed, wrong))
			continue
		}
		note("check: %s p50 %v p99 %v", r.name, r.load.percentile(50), r.load.percentile(99))
		results = append(results, result{What: what, Opora: opora.rate(), Rival: r.name, RivalRate: r.load.rate(), Wanted: r.wanted})
	}
	return results, err
}
