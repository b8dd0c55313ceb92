package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/tenancy"
)

// exitError carries an exit status that is an answer, not a failure, such as
// "changes pending" (2) or the status of the command that dev --exec ran.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// run is main without the process: arguments and streams in, exit status out.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	}
	report(root, stderr, err)
	return 1
}

// newRootCommand gathers the commands, one file per noun.
func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "opora",
		Short:         "Identity and tenancy provisioning around Keycloak",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().String("output", "human", `how results are written: "human" or "json"`)
	root.AddCommand(
		newCatalogueCommand(),
		newChangesCommand(),
		newDriftCommand(),
		newEntitlementCommand(),
		newRosterCommand(),
		newParseWorkerCommand(),
		newWebhookCommand(),
		newServeCommand(),
		newWorkerCommand(),
		newMigrateCommand(),
		newAuditCommand(),
		newDoctorCommand(),
		newDevCommand(),
		newDevGuardCommand(),
	)
	return root
}

// wantsJSON reports whether --output json was given.
func wantsJSON(cmd *cobra.Command) bool {
	output, _ := cmd.Flags().GetString("output")
	return output == "json"
}

// report writes an error once, for the person at the terminal or as the one
// JSON document of --output json.
func report(root *cobra.Command, stderr io.Writer, err error) {
	if wantsJSON(root) {
		face := map[string]string{"code": "internal", "message": err.Error()}
		var e *tenancy.Error
		var p tenancy.Problem
		switch {
		case errors.As(err, &p):
			_ = json.NewEncoder(stderr).Encode(p)
			return
		case errors.As(err, &e):
			face = map[string]string{"code": e.Code, "kind": string(e.Kind), "message": e.Message}
		}
		_ = json.NewEncoder(stderr).Encode(face)
		return
	}
	fmt.Fprintln(stderr, "opora:", err)
}
