// Command bookingcore is an example of a booking core on Opora: it books,
// cancels, reschedules and completes appointments in a database of its own,
// and nobody gets more than Opora says. README.md beside it says how to run it
// and what a real one has beside this.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/ponimayu/opora/client"
	"github.com/ponimayu/opora/examples/bookingcore/booking"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Getenv); err != nil {
		fmt.Fprintln(os.Stderr, "bookingcore:", err)
		os.Exit(1)
	}
}

// config is what the environment says.
type config struct {
	opora, realm, clientID, clientSecret, database, listen string
	freeUntil, maxStale, outage                            time.Duration
}

// configure reads the environment, and says everything that is missing in it.
func configure(env func(string) string) (config, error) {
	var missing []string
	need := func(name string) string {
		if env(name) == "" {
			missing = append(missing, name)
		}
		return env(name)
	}
	c := config{
		opora: need("OPORA_URL"), realm: need("KEYCLOAK_URL") + "/realms/" + need("OPORA_REALM"),
		clientID: need("BOOKING_CLIENT_ID"), clientSecret: need("BOOKING_CLIENT_SECRET"), database: need("BOOKING_DATABASE_URL"),
		listen: cmp.Or(env("BOOKING_LISTEN"), "127.0.0.1:8090"),
	}
	if missing != nil {
		return c, fmt.Errorf("missing in the environment: %s", strings.Join(missing, ", "))
	}
	var errs [3]error
	c.freeUntil, errs[0] = duration(env, "BOOKING_FREE_UNTIL", 24*time.Hour)
	c.maxStale, errs[1] = duration(env, "BOOKING_MAX_STALE", client.DefaultMaxStale)
	c.outage, errs[2] = duration(env, "BOOKING_OUTAGE", client.DefaultOutage)
	return c, errors.Join(errs[:]...)
}

func duration(env func(string) string, name string, otherwise time.Duration) (time.Duration, error) {
	if env(name) == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(env(name))
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%s is a time such as 24h or 30m", name)
	}
	return d, nil
}

// run serves until ctx ends.
func run(ctx context.Context, env func(string) string) error {
	c, err := configure(env)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	pool, err := booking.Open(ctx, c.database)
	if err != nil {
		return err
	}
	defer pool.Close()
	opora, err := client.New(client.Config{
		URL: c.opora, TokenURL: c.realm + "/protocol/openid-connect/token", ClientID: c.clientID, ClientSecret: c.clientSecret,
		MaxStale: c.maxStale, Outage: c.outage, AfterOutage: client.FailClosed, Logger: log,
	})
	if err != nil {
		return err
	}
	defer opora.Close()
	authenticate, err := byRealm(ctx, c.realm)
	if err != nil {
		return fmt.Errorf("the realm does not answer: %w", err)
	}
	service := booking.New(pool, opora, booking.Policy{FreeUntil: c.freeUntil})
	a := &api{service: service, authenticate: authenticate, log: log, ready: func() error { return answers(opora.State()) }}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go sweepOn(ctx, service, opora, log)
	return serve(ctx, c.listen, a.handler(), log)
}

// answers says why the client cannot answer in its state.
func answers(s client.State) error {
	if s.Phase == client.Fresh || s.Phase == client.Stale {
		return nil
	}
	return errors.New(string(s.Phase))
}

// serve serves until ctx ends, and lets requests that have begun come to their end.
func serve(ctx context.Context, address string, h http.Handler, log *slog.Logger) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: deadline + 5*time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	log.Info("booking core", "address", "http://"+listener.Addr().String())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), deadline)
	defer cancel()
	return server.Shutdown(last)
}

// How often news of Opora is looked for, and how often all is looked at
// without news: contracts and days of work end by the clock.
const (
	sweepAfterNews = 10 * time.Second
	sweepAtLeast   = time.Hour
)

// sweepOn looks through the appointments ahead whenever there was news.
func sweepOn(ctx context.Context, service *booking.Service, opora *client.Client, log *slog.Logger) {
	ticker := time.NewTicker(sweepAfterNews)
	defer ticker.Stop()
	var seen client.Cursor
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		state := opora.State()
		if state.Phase != client.Fresh || state.Cursor == seen && time.Since(last) < sweepAtLeast {
			continue
		}
		swept, err := service.Sweep(ctx, false)
		if err != nil {
			log.Warn("appointments were not swept", "code", booking.CodeOf(err))
			continue // and again the next time
		}
		seen, last = state.Cursor, time.Now()
		level := slog.LevelInfo
		if swept.Held {
			level = slog.LevelWarn // somebody has to look, and to accept it
		}
		log.Log(ctx, level, "appointments were swept", "looked", swept.Looked, "flagged", swept.Flagged, "cleared", swept.Cleared, "unknown", swept.Unknown,
			"moved", swept.Moved, "cancelled", swept.Cancelled, "held", swept.Held)
	}
}
