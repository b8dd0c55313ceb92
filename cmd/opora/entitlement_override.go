package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// newEntitlementOverrideCommand gathers what is done with the dated exceptions
// of one employee.
func newEntitlementOverrideCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "override",
		Short: "Give one employee more, or less, of a grant for some days",
		Long: `Make, list and end dated exceptions of one employee. They hold in the next decision
and are in the audit log. The reason is a code, and the reference the number of a
ticket: there is no free text, for a sentence about one person soon says why he
needs help.`,
	}
	cmd.AddCommand(newOverrideAddCommand(), newOverrideListCommand(), newOverrideEndCommand())
	return cmd
}

// overrideFlags say whose overrides, and who asks.
type overrideFlags struct{ employee, as string }

func (f *overrideFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.employee, "employee", "", "the employee's id (required)")
	cmd.Flags().StringVar(&f.as, "as", "operator", "who you are, for the audit log")
	_ = cmd.MarkFlagRequired("employee")
}

// id is the employee's id as ids are kept.
func (f *overrideFlags) id() tenancy.EmployeeID {
	return tenancy.EmployeeID(strings.ToLower(strings.TrimSpace(f.employee)))
}

func newOverrideAddCommand() *cobra.Command {
	var flags overrideFlags
	var asked entitlement.OverrideRequest
	var from, until, key string
	cmd := &cobra.Command{
		Use:   "add --employee ID --grant G --amount N --from DATE --until DATE --reason CODE",
		Short: "Make an override",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := dates(map[string]string{"from": from, "until": until}, map[string]*tenancy.Date{"from": &asked.From, "until": &asked.Until}); err != nil {
				return err
			}
			i, err := openImports(cmd, flags.as)
			if err != nil {
				return err
			}
			defer i.db.Close()
			made, isNew, err := i.AddOverride(cmd.Context(), i.actor, flags.id(), asked, key)
			if err != nil {
				return err
			}
			said := "made"
			if !isNew {
				said = "was made before, under the same key"
			}
			return showOverride(cmd, made, said)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar((*string)(&asked.Grant), "grant", "", "the grant that it adds to, such as talk")
	cmd.Flags().IntVar(&asked.Amount, "amount", 0, "appointments added in each window of the grant; taken when negative")
	cmd.Flags().StringVar(&from, "from", "", "the first day, such as 2026-12-01")
	cmd.Flags().StringVar(&until, "until", "", "the first day without it")
	cmd.Flags().StringVar((*string)(&asked.Reason), "reason", "", reasonsFlag())
	cmd.Flags().StringVar(&asked.Reference, "reference", "", "the number of a ticket, such as HELP-1234")
	cmd.Flags().StringVar(&key, "key", "", "your own name for this request: asked again under it, nothing more is made")
	for _, required := range []string{"grant", "amount", "from", "until", "reason"} {
		_ = cmd.MarkFlagRequired(required)
	}
	return cmd
}

func reasonsFlag() string {
	words := make([]string, 0, len(entitlement.OverrideReasons()))
	for _, reason := range entitlement.OverrideReasons() {
		words = append(words, string(reason))
	}
	return "why: " + strings.Join(words, ", ")
}

// dates reads flags that are days.
func dates(given map[string]string, into map[string]*tenancy.Date) error {
	for name, text := range given {
		day, err := tenancy.ParseDate(text)
		if err != nil {
			return tenancy.E(tenancy.Invalid, "field_invalid", fmt.Sprintf("--%s is a day, such as 2026-12-01", name))
		}
		*into[name] = day
	}
	return nil
}

func newOverrideListCommand() *cobra.Command {
	var flags overrideFlags
	cmd := &cobra.Command{
		Use:   "list --employee ID",
		Short: "List an employee's overrides, those that are over among them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			i, err := openImports(cmd, flags.as)
			if err != nil {
				return err
			}
			defer i.db.Close()
			all, err := i.Overrides(cmd.Context(), i.actor, flags.id())
			switch {
			case err != nil:
				return err
			case wantsJSON(cmd):
				return writeJSON(cmd.OutOrStdout(), map[string]any{"items": append([]entitlement.Override{}, all...)})
			case len(all) == 0:
				fmt.Fprintln(cmd.OutOrStdout(), "the employee has no overrides and had none")
				return nil
			}
			return writeOverrides(cmd.OutOrStdout(), all)
		},
	}
	flags.add(cmd)
	return cmd
}

func newOverrideEndCommand() *cobra.Command {
	var flags overrideFlags
	cmd := &cobra.Command{
		Use:   "end OVERRIDE --employee ID",
		Short: "End an override: from today on it does not hold any more",
		Long: `End an override. One that has begun does not hold from today on, one that has not is
withdrawn. It stays in the list and in the history. To end what is over is success.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := openImports(cmd, flags.as)
			if err != nil {
				return err
			}
			defer i.db.Close()
			ended, err := i.EndOverride(cmd.Context(), i.actor, flags.id(), entitlement.OverrideID(strings.ToLower(args[0])))
			if err != nil {
				return err
			}
			return showOverride(cmd, ended, string(ended.State))
		},
	}
	flags.add(cmd)
	return cmd
}

// showOverride writes one override, and what became of it.
func showOverride(cmd *cobra.Command, o entitlement.Override, said string) error {
	if wantsJSON(cmd) {
		return writeJSON(cmd.OutOrStdout(), o)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "override %s %s: %+d of %s, %s (%s)\n", o.ID, said, o.Amount, o.Grant, overrideDays(o), overrideReason(o))
	return err
}

// overrideDays says on which days an override holds.
func overrideDays(o entitlement.Override) string {
	switch {
	case o.State == entitlement.OverrideWithdrawn:
		return "never held"
	case !o.From.IsZero() && o.Until == o.From:
		return "ended on its first day, " + o.From.String()
	case o.Until.IsZero():
		return "from " + cmp.Or(o.From.String(), "ever") + " without end"
	}
	return fmt.Sprintf("from %s to %s", cmp.Or(o.From.String(), "ever"), o.Until.AddDays(-1))
}

func overrideReason(o entitlement.Override) string {
	return strings.TrimSpace(string(o.Reason) + " " + o.Reference)
}

func writeOverrides(w io.Writer, all []entitlement.Override) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "OVERRIDE\tSTATE\tADDS\tDAYS\tREASON\tMADE\tENDED")
	for _, o := range all {
		ended := ""
		if !o.EndedAt.IsZero() {
			ended = o.EndedAt.Format(time.DateOnly) + " by " + o.EndedBy
		}
		fmt.Fprintf(table, "%s\t%s\t%+d of %s\t%s\t%s\t%s by %s\t%s\n", o.ID, o.State, o.Amount, o.Grant, overrideDays(o), overrideReason(o), o.MadeAt.Format(time.DateOnly), o.Author, ended)
	}
	return table.Flush()
}
