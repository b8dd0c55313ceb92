package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/catalogue"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
)

// changesPending is the exit status of a plan that has something to do.
const changesPending = 2

func newCataloguePlanCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Show what applying the catalogue would change, and store that as a plan",
		Long: `Compare the catalogue with Keycloak and with the contour's own copy, show every
change from old to new, and store it as a plan. Nothing is changed.

Exits 0 when there is nothing to do, 2 when changes are pending, 1 on an error.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			folder, err := planFolder(cmd)
			if err != nil {
				return err
			}
			loaded, err := mustLoadCatalogue(cmd, folder)
			if err != nil {
				return err
			}
			p, err := openPlanner(cmd)
			if err != nil {
				return err
			}
			defer p.Close()
			plan, err := p.Plan(cmd.Context(), loaded, folder)
			if err != nil {
				return err
			}
			if err := showPlan(cmd, plan); err != nil {
				return err
			}
			return pending(plan)
		},
	}
	addCountryFlag(cmd)
	return cmd
}

func addCountryFlag(cmd *cobra.Command) {
	cmd.Flags().String("country", "", "the contour's country (OPORA_COUNTRY when not given)")
}

// pending is the exit status of a plan.
func pending(plan provisioner.Plan) error {
	if len(plan.Ops) == 0 {
		return nil
	}
	return exitError{changesPending}
}

// showPlan writes the plan as text or as one JSON document.
func showPlan(cmd *cobra.Command, plan provisioner.Plan) error {
	if wantsJSON(cmd) {
		return writeJSON(cmd.OutOrStdout(), provisioner.View(plan))
	}
	return provisioner.Print(cmd.OutOrStdout(), plan)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func newCatalogueApplyCommand() *cobra.Command {
	var accept []string
	cmd := &cobra.Command{
		Use:   "apply [PLAN]",
		Short: "Carry out a stored plan, or plan the catalogue in -f DIR and carry that out",
		Long: `Carry out exactly the stored plan PLAN. It is refused (plan_stale) when the
catalogue, Keycloak or the contour has changed since it was made; the catalogue
is read from the folder it was planned from, or from -f DIR. An apply that broke
half-way is finished by applying the same plan, or the catalogue, again.

Without PLAN, the catalogue in -f DIR is planned and carried out at once.

What removes or disables something, or takes over what Opora did not make, must
be accepted by the code of its finding: --accept CODE.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := openPlanner(cmd)
			if err != nil {
				return err
			}
			defer p.Close()
			plan, loaded, err := planToApply(cmd, p, args)
			if err != nil || plan.ID == "" {
				return err
			}
			return applyPlan(cmd, p, plan, loaded, accept)
		},
	}
	cmd.Flags().StringSliceVar(&accept, "accept", nil, "accept a finding by its code; may be given several times")
	addCountryFlag(cmd)
	return cmd
}

// planToApply returns the stored plan that was named, or a new one of the
// folder, with the catalogue that it is about. There may be nothing to do:
// then that has been said, and the plan has no id.
func planToApply(cmd *cobra.Command, p planning, args []string) (plan provisioner.Plan, loaded tenancy.Catalogue, err error) {
	if len(args) == 1 {
		if plan, err = p.db.Plan(cmd.Context(), provisioner.PlanID(args[0])); err != nil {
			return plan, loaded, err
		}
		folder := plan.Source
		if cmd.Flags().Changed("folder") {
			folder = catalogueFolder(cmd)
		}
		loaded, err = mustLoadCatalogue(cmd, folder)
		return plan, loaded, err
	}
	folder, err := planFolder(cmd)
	if err != nil {
		return plan, loaded, err
	}
	if loaded, err = mustLoadCatalogue(cmd, folder); err != nil {
		return plan, loaded, err
	}
	if plan, err = p.Plan(cmd.Context(), loaded, folder); err != nil || plan.ID != "" {
		return plan, loaded, err
	}
	return plan, loaded, showPlan(cmd, plan)
}

// applyPlan carries a plan out, with progress on the people's stream.
func applyPlan(cmd *cobra.Command, p planning, plan provisioner.Plan, loaded tenancy.Catalogue, accept []string) error {
	for _, code := range accept {
		if !slices.ContainsFunc(plan.Findings(), func(f provisioner.Finding) bool { return f.Code == code }) {
			fmt.Fprintf(cmd.ErrOrStderr(), "opora: the plan has no finding %s\n", code)
		}
	}
	if !wantsJSON(cmd) {
		progress := newStepProgress(cmd.ErrOrStderr())
		defer progress.end()
		p.Progress = func(op provisioner.Op, done, of int) { progress.step(op.String(), done, of) }
	}
	applied, err := p.Apply(cmd.Context(), plan.ID, loaded, accept)
	if err != nil {
		return err
	}
	if wantsJSON(cmd) {
		return writeJSON(cmd.OutOrStdout(), provisioner.View(applied))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "Applied plan %s: %s.\n", applied.ID, provisioner.Summary(applied.Ops))
	return nil
}

func newCatalogueExportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export",
		Short: "Write the contour's own copy of the catalogue as YAML",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var database DatabaseConfig
			if err := readConfig(os.LookupEnv, &database); err != nil {
				return err
			}
			db, err := postgres.Open(cmd.Context(), database.URL.Reveal())
			if err != nil {
				return err
			}
			defer db.Close()
			part, _, err := db.Catalogue(cmd.Context())
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return writeJSON(cmd.OutOrStdout(), part)
			}
			return exportTenants(cmd.OutOrStdout(), part)
		},
	}
}

// exportTenants writes a document for each tenant. Countries, brands and
// specialist types are not the contour's to write.
func exportTenants(w io.Writer, part tenancy.Catalogue) error {
	for i, t := range part.Tenants {
		text, err := catalogue.Marshal(t)
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprintln(w, "---")
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}

func newCatalogueSecretCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secret CLIENT",
		Short: "Print the secret of a client of the country's realm, such as opora-people",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var realm struct {
				Name string `env:"OPORA_REALM" validate:"required,realm_name" say:"the country's Keycloak realm, such as ponimayu"`
			}
			country, client, err := openKeycloak(cmd, &realm)
			if err != nil {
				return err
			}
			secret, err := client.Realms(country).Secret(cmd.Context(), realm.Name, args[0])
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return writeJSON(cmd.OutOrStdout(), map[string]string{"client": args[0], "secret": secret})
			}
			fmt.Fprintln(cmd.OutOrStdout(), secret)
			return nil
		},
	}
	addCountryFlag(cmd)
	return cmd
}
