package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/scan"
	"github.com/ponimayu/opora/internal/seal"
	"github.com/ponimayu/opora/internal/webhook"
	"github.com/ponimayu/opora/provisioner/keycloak"
)

// stopTime is how long a worker that is told to stop waits for the jobs under
// way; what is not done then is taken up by another worker.
const stopTime = 20 * time.Second

// newWorkerCommand is `opora worker`: it reads uploads and writes people to
// Keycloak. It alone holds the credential for people.
func newWorkerCommand() *cobra.Command {
	var atOnce int
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Carry out what was decided: read uploads, write people to Keycloak",
		Long: `Run the jobs of the contour: read uploaded lists, carry changes of people to
Keycloak, hand over activation codes, end access on a last day, tell webhooks that
the feed has news (no other process calls receivers). Any number of workers may run, on any number of machines. Stops on SIGTERM, when the jobs under
way have ended.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var cfg Config
			if err := readConfig(os.LookupEnv, &cfg.Database, &cfg.Contour, &cfg.Keycloak, &cfg.KeycloakPeople, &cfg.Keys, &cfg.Scanner, &cfg.Retention, &cfg.Webhooks); err != nil {
				return err
			}
			return work(cmd.Context(), cfg, atOnce, slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn})))
		},
	}
	cmd.Flags().IntVar(&atOnce, "jobs", 8, "how many jobs run at once")
	return cmd
}

// work runs the workers until ctx ends.
func work(ctx context.Context, cfg Config, atOnce int, log *slog.Logger) error {
	db, rosters, err := openRosters(ctx, cfg)
	if err != nil {
		return err
	}
	defer db.Close()
	term := time.Duration(cfg.Retention.Days()) * 24 * time.Hour
	rosters.KeepErrorsFor(term)
	client := keycloak.New(keycloak.Config{
		URL: cfg.Keycloak.URL, TokenRealm: cfg.Contour.Realm, ClientID: cfg.KeycloakPeople.ClientID, ClientSecret: cfg.KeycloakPeople.ClientSecret.Reveal(),
	})
	webhooks, err := openWebhooks(db, cfg)
	if err != nil {
		return err
	}
	workers, err := job.NewWorkers(db.Pool(), rosters, client.People(cfg.Contour.Realm), job.WorkersOptions{
		Log: log, MaxWorkers: atOnce, Keep: job.Terms{Upload: term},
		Webhooks: webhooks, Sender: &webhook.Sender{Policy: cfg.Webhooks.Policy()},
	})
	if err != nil {
		return err
	}
	// Stopping is asked for below: jobs under way come to their end.
	if err := workers.Start(context.WithoutCancel(ctx)); err != nil {
		return postgres.Face(err)
	}
	<-ctx.Done()
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := workers.Stop(stopping); err != nil {
		return workers.Kill(context.WithoutCancel(ctx))
	}
	return nil
}

// openWebhooks returns the use cases around webhooks on the database.
func openWebhooks(db *postgres.DB, cfg Config) (*postgres.Webhooks, error) {
	key, err := seal.New(cfg.Keys.Bytes())
	if err != nil {
		return nil, err
	}
	return postgres.NewWebhooks(db, key, cfg.Webhooks.Policy())
}

// openRosters connects to PostgreSQL and returns the use cases on it.
func openRosters(ctx context.Context, cfg Config) (*postgres.DB, *postgres.Rosters, error) {
	key, err := seal.New(cfg.Keys.Bytes())
	if err != nil {
		return nil, nil, err
	}
	db, err := postgres.Open(ctx, cfg.Database.URL.Reveal())
	if err != nil {
		return nil, nil, err
	}
	rosters, err := postgres.NewRosters(db, key)
	if err != nil {
		db.Close()
		return nil, nil, err
	}
	if days := cfg.Retention.Days(); days > 0 {
		rosters.KeepErrorsFor(time.Duration(days) * 24 * time.Hour)
	}
	if cfg.Scanner.Address != "" {
		scanner, err := scan.New(cfg.Scanner.Address)
		if err != nil {
			db.Close()
			return nil, nil, err
		}
		rosters.ScanWith(scanner)
	}
	return db, rosters, nil
}
