package main

import (
	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/importers"
)

// newParseWorkerCommand is how the server starts itself to read one uploaded
// file in a process of its own; nobody types it.
func newParseWorkerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    importers.WorkerCommand,
		Short:  "Read one list, told on the standard input (used by opora itself)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return importers.Work(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}
