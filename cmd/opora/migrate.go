package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/postgres"
)

// newMigrateCommand is `opora migrate`: it brings the database's schema to this
// version. It may be run again at any time.
func newMigrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema to this version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var cfg Config
			if err := readConfig(os.LookupEnv, &cfg.Database); err != nil {
				return err
			}
			if err := postgres.Migrate(cmd.Context(), cfg.Database.URL.Reveal()); err != nil {
				return err
			}
			if wantsJSON(cmd) {
				fmt.Fprintln(cmd.OutOrStdout(), `{"migrated":true}`)
				return nil
			}
			fmt.Fprintln(cmd.OutOrStdout(), "the database is up to date")
			return nil
		},
	}
}
