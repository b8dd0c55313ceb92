package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/provisioner"
)

// newDriftCommand is `opora drift`: a plan that nobody applied.
func newDriftCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Show what somebody changed in Keycloak by hand",
		Long: `Compare Keycloak with the contour's own copy of the catalogue, which the last
apply wrote, and show what the next apply would mend. Nothing is changed.

Exits 0 when there is no drift, 2 when there is, 1 on an error.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := openPlanner(cmd)
			if err != nil {
				return err
			}
			defer p.Close()
			plan, err := p.Drift(cmd.Context())
			if err != nil {
				return err
			}
			if err := showDrift(cmd, plan); err != nil {
				return err
			}
			return pending(plan)
		},
	}
	addCountryFlag(cmd)
	return cmd
}

func showDrift(cmd *cobra.Command, plan provisioner.Plan) error {
	if wantsJSON(cmd) {
		return writeJSON(cmd.OutOrStdout(), provisioner.View(plan))
	}
	if len(plan.Ops) == 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "Realm %s is as the catalogue says.\n", plan.Realm)
		return nil
	}
	fmt.Fprintln(cmd.OutOrStdout(), "Keycloak is not as the catalogue says; the next `opora catalogue apply` would do this:")
	return provisioner.Print(cmd.OutOrStdout(), plan)
}
