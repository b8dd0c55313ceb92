package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/tenancy"
)

// heldTenants is how many tenants the people who are held for checks are of.
const heldTenants = 500

// holdPeople writes so many people into the stack's PostgreSQL unless they are
// there, waits until the server holds them in memory, and tells what they take.
// It returns the ids of up to fifty thousand of them, from all tenants.
func holdPeople(ctx context.Context, s stack, people int) ([]tenancy.EmployeeID, error) {
	before, err := readMetrics(ctx, s.OporaURL)
	if err != nil {
		return nil, err
	}
	missing := people - int(before["opora_entitlements_held"])
	if missing > 0 {
		began := time.Now()
		if err := pgtest.Crowd(ctx, s.DatabaseURL, missing, heldTenants); err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "check: %d people of %d tenants written in %v\n", missing, heldTenants, time.Since(began).Round(time.Second))
	}
	after, err := waitHeld(ctx, s.OporaURL, people)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "check: %.0f people held, %.0f bytes each by the server's count", after["opora_entitlements_held"], after["opora_entitlements_held_bytes"]/after["opora_entitlements_held"])
	if missing > people/2 {
		grown := after["process_resident_memory_bytes"] - before["process_resident_memory_bytes"]
		fmt.Fprintf(os.Stderr, "; its memory grew by %.0f MB, garbage and %d tenants' terms included", grown/1e6, heldTenants)
	}
	fmt.Fprintln(os.Stderr)
	ids, err := pgtest.CrowdIDs(ctx, s.DatabaseURL, 50_000)
	if err == nil && len(ids) == 0 {
		err = fmt.Errorf("there is nobody to ask about")
	}
	return ids, err
}

// waitHeld waits until a server answers about so many from memory.
func waitHeld(ctx context.Context, url string, people int) (metrics map[string]float64, err error) {
	for began := time.Now(); time.Since(began) < 5*time.Minute; {
		if metrics, err = readMetrics(ctx, url); err == nil && metrics["opora_entitlements_held"] >= float64(people) && metrics["opora_entitlements_fresh"] == 1 {
			return metrics, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil, fmt.Errorf("the server at %s does not hold %d people after five minutes: %v %w", url, people, metrics["opora_entitlements_held"], err)
}

// readMetrics returns a server's measurements that have no labels.
func readMetrics(ctx context.Context, url string) (map[string]float64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	all := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if number, err := strconv.ParseFloat(value, 64); ok && err == nil {
			all[name] = number
		}
	}
	return all, lines.Err()
}
