// Command bench measures Opora against a named rival or limit in the same run
// and prints the ratios. It runs inside a fresh stack:
//
//	opora dev --exec 'go run ./bench'        (make bench)
//
// The rivals live here and nowhere else, so this is the one place besides
// provisioner/keycloak that imports gocloak.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"text/tabwriter"
	"time"
)

// result is one measured line: Opora's rate beside the rival's, and what the
// ratio must reach. The rates are per second.
type result struct {
	What      string
	Opora     float64
	Rival     string
	RivalRate float64
	Wanted    float64 // least ratio; 0 when nothing was promised yet
}

func (r result) ratio() float64 { return r.Opora / r.RivalRate }

func main() {
	turnIfAsked()
	bareIfAsked()
	var lists parseSizes
	flag.IntVar(&lists.rows, "rows", 100_000, "rows of the workbook that is read and planned beside excelize's loop")
	flag.IntVar(&lists.many, "many", 1_000_000, "rows of the text whose memory is measured; 0 leaves that out")
	flag.IntVar(&lists.huge, "huge", 0, "rows of a workbook whose memory is measured; 0 leaves that out")
	flag.IntVar(&lists.turns, "turns", 2, "turns of reading and of excelize's loop")
	var n sizes
	flag.IntVar(&n.employees, "employees", 12_000, "employees on each list that is imported into Keycloak")
	flag.IntVar(&n.loop, "loop", 400, "employees that each turn of the loop of gocloak calls makes")
	flag.IntVar(&n.rounds, "rounds", 2, "turns of Opora and of each rival")
	flag.IntVar(&n.sweep, "sweep", 1000, "users that each turn of each way of the raw partial imports makes")
	flag.IntVar(&n.present, "present", 100_000, "people in the realm when imports are measured again; 0 leaves that out")
	flag.IntVar(&n.first, "first", 0, "number of the first made-up person: what an earlier run on this stack has not made")
	duration := flag.Duration("duration", 20*time.Second, "how long each side of the check answers")
	held := flag.Int("held", 1_000_000, "people of 500 tenants whom the server holds while it is asked checks")
	only := flag.String("only", "", "run one measurement: parse, roster, check, replicas or client")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, lists, n, *held, *duration, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, lists parseSizes, n sizes, held int, duration time.Duration, only string) error {
	stack, err := stackFromEnv()
	if err != nil {
		return err
	}
	var results []result
	if only == "" || only == "parse" {
		rs, err := benchParse(ctx, lists)
		if err != nil {
			return fmt.Errorf("parse: %w", err)
		}
		results = append(results, rs...)
	}
	if only == "" || only == "roster" {
		rs, err := benchRoster(ctx, stack, n)
		if err != nil {
			return fmt.Errorf("roster: %w", errors.Join(err, show(rs)))
		}
		results = append(results, rs...)
	}
	if only == "" || only == "check" || only == "replicas" || only == "client" {
		rs, err := benchHeld(ctx, stack, held, duration, only)
		results = append(results, rs...)
		if err != nil {
			return fmt.Errorf("held: %w", errors.Join(err, show(results)))
		}
	}
	return show(results)
}

// benchHeld measures what is answered about the people whom a server holds in
// memory.
func benchHeld(ctx context.Context, s stack, held int, duration time.Duration, only string) ([]result, error) {
	ids, err := holdPeople(ctx, s, held)
	if err != nil {
		return nil, err
	}
	var results []result
	for _, part := range []struct {
		name    string
		measure func() ([]result, error)
	}{
		{"check", func() ([]result, error) { return benchCheck(ctx, s, ids, duration) }},
		{"replicas", func() ([]result, error) { return benchReplicas(ctx, s, ids, held) }},
		{"client", func() ([]result, error) { return benchClient(ctx, s, ids, duration) }},
	} {
		if only != "" && only != part.name {
			continue
		}
		rs, err := part.measure()
		results = append(results, rs...)
		if err != nil {
			return results, fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return results, nil
}

// show prints the table and fails when a promised ratio was missed, so that
// `make bench` cannot pass quietly over a regression.
func show(results []result) error {
	w := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "what\topora/s\trival\trival/s\tratio\twanted")
	var missed int
	for _, r := range results {
		wanted := "-"
		if r.Wanted > 0 {
			wanted = fmt.Sprintf(">= %.2f", r.Wanted)
		}
		fmt.Fprintf(w, "%s\t%.0f\t%s\t%.0f\t%.2f\t%s\n", r.What, r.Opora, r.Rival, r.RivalRate, r.ratio(), wanted)
		if r.ratio() < r.Wanted {
			missed++
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if missed > 0 {
		return fmt.Errorf("%d promised ratios were missed", missed)
	}
	return nil
}
