package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

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
	if misused(err) {
		err = flagsInvalid(err)
	}
	report(root, stderr, err)
	return 1
}

// flagsInvalid gives a code to what cobra says of flags and arguments.
func flagsInvalid(err error) error {
	return tenancy.E(tenancy.Invalid, "flags_invalid", err.Error())
}

// misused reports whether cobra refused the command line. Only for flags that
// it cannot read does it have a hook; of the rest it says it by these words.
func misused(err error) bool {
	var known *tenancy.Error
	if errors.As(err, &known) {
		return false
	}
	for _, begin := range []string{"required flag(s) ", "unknown command ", "accepts ", "requires at least ", "requires at most "} {
		if strings.HasPrefix(err.Error(), begin) {
			return true
		}
	}
	return false
}

// newRootCommand gathers the commands, one file per noun.
func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "opora",
		Short:         "Identity and tenancy provisioning around Keycloak",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagsInvalid(err) })
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
