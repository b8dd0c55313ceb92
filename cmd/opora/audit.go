package main

import (
	"encoding/hex"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/postgres"
)

// newAuditCommand gathers what is done with the audit log.
func newAuditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Look after the log of who did what",
	}
	cmd.AddCommand(&cobra.Command{
		Use:   "verify",
		Short: "See that nothing in the log was changed, removed or added",
		Long: `Walk the chain of the audit log: each entry's hash covers the one before it. Exits
1 and names the first entry that does not follow. Prints the number of entries and
the head, which is the hash of the last one. What was cut off at the end, or written
anew from some entry on, does not show in the log itself: keep a copy of both
elsewhere, and compare. The number never falls, and while it stays so does the head.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var cfg Config
			if err := readConfig(os.LookupEnv, &cfg.Database); err != nil {
				return err
			}
			db, err := postgres.Open(cmd.Context(), cfg.Database.URL.Reveal())
			if err != nil {
				return err
			}
			defer db.Close()
			head, err := db.VerifyAudit(cmd.Context())
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return writeJSON(cmd.OutOrStdout(), map[string]any{"entries": head.Entries, "head": hex.EncodeToString(head.Hash)})
			}
			fmt.Fprintf(cmd.OutOrStdout(), "the audit log holds together: %d entries, head %x\n", head.Entries, head.Hash)
			return nil
		},
	})
	return cmd
}
