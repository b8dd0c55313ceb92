package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/api"
	"github.com/ponimayu/opora/api/token"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/seal"
	"github.com/ponimayu/opora/internal/tenancy"
)

// audience is what an access token for the API must be meant for.
const audience = "opora-api"

// newServeCommand is `opora serve`: the API. It holds no Keycloak credential:
// it reads the realm's public keys and nothing else.
func newServeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Answer the API: entitlement checks, rosters, employees",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var cfg Config
			if err := readConfig(os.LookupEnv, &cfg.Database, &cfg.Contour, &cfg.Keycloak, &cfg.Keys, &cfg.HTTP, &cfg.Uploads, &cfg.Webhooks); err != nil {
				return err
			}
			log := slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
			return serve(cmd.Context(), cfg, log, func(net.Addr) {})
		},
	}
}

// serve answers requests until ctx ends, then lets those that have begun come
// to their end. listening is told the address, once requests are taken.
func serve(ctx context.Context, cfg Config, log *slog.Logger, listening func(net.Addr)) error {
	db, err := postgres.Open(ctx, cfg.Database.URL.Reveal())
	if err != nil {
		return err
	}
	defer db.Close()
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()

	entitlements := postgres.NewEntitlements(db)
	running.Go(func() { entitlements.Run(background, log) })
	feed := postgres.NewFeed(db)
	running.Go(func() { feed.Run(background, log) })
	keys := token.NewKeySet(cfg.Keycloak.KeysURL(cfg.Contour.Realm))
	running.Go(func() { keys.Run(background) })

	var server *drainingServer
	handler, err := newAPI(ctx, cfg, log, db, sources{entitlements, feed, keys}, func(ctx context.Context) error {
		if server.draining.Load() {
			return errors.New("the process is stopping")
		}
		return ready(ctx, db, keys, entitlements)
	})
	if err != nil {
		return err
	}
	server = newDrainingServer(handler)
	listener, err := net.Listen("tcp", cfg.HTTP.Listen)
	if err != nil {
		return tenancy.E(tenancy.Unavailable, "listen_failed", "the API cannot listen on "+cfg.HTTP.Listen+" (OPORA_LISTEN): "+err.Error())
	}
	listening(listener.Addr())
	log.Info("listening", "address", listener.Addr().String(), "country", cfg.Contour.Country, "realm", cfg.Contour.Realm)
	return server.serveUntil(ctx, listener, log)
}

// sources are what the API reads from and the process keeps going beside it.
type sources struct {
	entitlements *postgres.Entitlements
	feed         *postgres.Feed
	keys         *token.KeySet
}

// newAPI joins the API to what it reads from. life ends when the process is told
// to stop.
func newAPI(life context.Context, cfg Config, log *slog.Logger, db *postgres.DB, from sources, ready func(context.Context) error) (http.Handler, error) {
	key, err := seal.New(cfg.Keys.Bytes())
	if err != nil {
		return nil, err
	}
	useCases, err := postgres.NewRosters(db, key)
	if err != nil {
		return nil, err
	}
	useCases.LimitUploads(cfg.Uploads.MaxBytes())
	webhooks, err := openWebhooks(db, cfg)
	if err != nil {
		return nil, err
	}
	return api.New(api.Options{
		Tokens: token.NewVerifier(token.Config{
			Issuer: cfg.Keycloak.Issuer(cfg.Contour.Realm), Audience: audience, Country: cfg.Contour.Country,
		}, from.keys),
		Snapshots: from.entitlements,
		Rosters:   rosters{useCases},
		Employees: useCases,
		Overrides: useCases,
		Webhooks:  webhooks,
		Past:      useCases,
		Feed:      from.feed,
		Life:      life,
		Ready:     ready,
		Log:       log,
		Metrics:   newRegistry(from.keys, db, from.entitlements),
		MaxUpload: cfg.Uploads.MaxBytes(),
		SpoolDir:  cfg.Uploads.Dir,
	}), nil
}

// rosters gives the use cases an upload in the API's words.
type rosters struct{ *postgres.Rosters }

// Receive implements api.Rosters.
func (r rosters) Receive(ctx context.Context, actor tenancy.Actor, u api.Upload) (roster.Import, error) {
	return r.Rosters.Receive(ctx, actor, postgres.Upload{
		Tenant: u.Tenant, Mode: u.Mode, LegalEntity: u.LegalEntity, Hints: u.Hints, File: u.Content,
	})
}

// ready says why requests cannot be answered: without PostgreSQL nothing can,
// while the employees are being read every check would cost a query, without keys nobody can show who he is. Keys that Keycloak does not renew
// at the moment are no reason.
func ready(ctx context.Context, db *postgres.DB, keys *token.KeySet, entitlements *postgres.Entitlements) error {
	if err := db.Ping(ctx); err != nil {
		return err
	}
	if age, ok := keys.Age(); !ok || age > token.MaxStale {
		return errors.New("no keys of the realm are known")
	}
	if _, _, ok := entitlements.Complete(); !ok {
		return errors.New("the employees are being read into memory")
	}
	return nil
}

// newRegistry returns the process's measurements.
func newRegistry(keys *token.KeySet, db *postgres.DB, entitlements *postgres.Entitlements) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		newListMetrics(db.ListsDue),
		newWebhookMetrics(db.Subscriptions),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "opora_keys_age_seconds", Help: "Time since the realm's signing keys were last fetched; -1 before the first time.",
		}, func() float64 {
			age, ok := keys.Age()
			if !ok {
				return -1
			}
			return age.Seconds()
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "opora_entitlements_held", Help: "Employees held in memory for checks.",
		}, func() float64 { people, _, _ := entitlements.Complete(); return float64(people) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "opora_entitlements_held_bytes", Help: "About how much memory they take.",
		}, func() float64 { _, bytes, _ := entitlements.Complete(); return float64(bytes) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "opora_entitlements_fresh", Help: "1 while checks are answered from memory, 0 while each asks the database.",
		}, func() float64 {
			if entitlements.Fresh() {
				return 1
			}
			return 0
		}),
	)
	return registry
}
