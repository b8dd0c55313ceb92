package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/tenancy"
)

// newRosterMappingCommand is `opora roster mapping`.
func newRosterMappingCommand() *cobra.Command {
	var tenant, as string
	var forget bool
	cmd := &cobra.Command{
		Use:   "mapping --tenant SLUG",
		Short: "Show what is remembered of the headers of a tenant's lists",
		Long: `Show which columns' names were settled for a tenant (with --map, or in the form of
an upload) and what they mean; lists that are uploaded later are read by them.
--forget makes the next list be read by the dictionary alone.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			i, err := openImports(cmd, as)
			if err != nil {
				return err
			}
			defer i.db.Close()
			if forget {
				return i.ForgetMapping(cmd.Context(), i.actor, tenancy.TenantSlug(tenant))
			}
			return i.showMapping(tenancy.TenantSlug(tenant))
		},
	}
	cmd.Flags().StringVar(&tenant, "tenant", "", "whose (required)")
	cmd.Flags().BoolVar(&forget, "forget", false, "forget it")
	cmd.Flags().StringVar(&as, "as", "operator", "who you are, for the audit log")
	_ = cmd.MarkFlagRequired("tenant")
	return cmd
}

func (i importing) showMapping(tenant tenancy.TenantSlug) error {
	m, err := i.RememberedMapping(i.cmd.Context(), i.actor, tenant)
	if err != nil {
		return err
	}
	out := i.cmd.OutOrStdout()
	if wantsJSON(i.cmd) {
		return json.NewEncoder(out).Encode(m)
	}
	if len(m.Names) == 0 {
		fmt.Fprintf(out, "nothing is remembered of the headers of %s's lists\n", tenant)
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "COLUMN\tFIELD")
	for _, name := range slices.Sorted(maps.Keys(m.Names)) {
		field := m.Names[name]
		if field == "" {
			field = "none"
		}
		fmt.Fprintf(table, "%s\t%s\n", name, field)
	}
	fmt.Fprintf(table, "settled %s by %s, import %s\n", m.SettledAt.Format(time.DateTime), m.SettledBy, m.Import)
	return table.Flush()
}

// newRosterDueCommand is `opora roster due`.
func newRosterDueCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "due",
		Short: "Show when the lists that tenants promised are due",
		Long: `Show, for every tenant whose contract promises a full list every so many days
(roster: {due_every_days: N}), when the last one was applied and when the next is
due. A list is overdue when it is more than a day late: whoever left keeps access
meanwhile. Exits 2 when some list is overdue.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			i, err := openImports(cmd, "operator")
			if err != nil {
				return err
			}
			defer i.db.Close()
			return i.showDue()
		},
	}
}

func (i importing) showDue() error {
	all, err := i.db.ListsDue(i.cmd.Context(), time.Now())
	if err != nil {
		return err
	}
	overdue := false
	table := tabwriter.NewWriter(i.cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TENANT\tENTITY\tEVERY\tLAST\tDUE\tOVERDUE")
	for _, s := range all {
		overdue = overdue || s.Overdue
		for _, p := range s.Promises {
			fmt.Fprintf(table, "%s\t%s\t%d days\t%s\t%s\t%s\n", s.Tenant, orDash(string(p.LegalEntity)), p.Every, orDash(p.Last.String()), p.Due, lateness(p.Days))
		}
	}
	if wantsJSON(i.cmd) {
		err = json.NewEncoder(i.cmd.OutOrStdout()).Encode(map[string]any{"items": all})
	} else {
		err = table.Flush()
	}
	if err == nil && overdue {
		return exitError{2}
	}
	return err
}

func orDash(s string) string {
	if s == "" {
		return "—"
	}
	return s
}

func lateness(days int) string {
	if days == 0 {
		return "no"
	}
	return fmt.Sprintf("%d days", days)
}
