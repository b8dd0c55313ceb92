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
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/reason"
	"github.com/ponimayu/opora/internal/tenancy"
)

// newEntitlementAsOfCommand is `opora entitlement as-of`.
func newEntitlementAsOfCommand() *cobra.Command {
	var flags overrideFlags
	var at, known, lang string
	cmd := &cobra.Command{
		Use:   "as-of --employee ID --at TIME",
		Short: "Tell what an employee was entitled to on a day, and by which contract, lists and overrides",
		Long: `Answer from history, for disputes: what the employee was entitled to at an instant,
before any use is counted, and which contract, lists and overrides made it so. Days
of work and of overrides are as they are known now, unless --known says otherwise;
"--known at" is what was answered then. A time is written 2026-03-05T10:00:00+03:00,
or as a day, which means noon (of --known: its end) in the country. Each question is
in the audit log.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			language, err := languageOf(lang, tenancy.Country{})
			if err != nil {
				return err
			}
			i, err := openImports(cmd, flags.as)
			if err != nil {
				return err
			}
			defer i.db.Close()
			zone, err := countryZone(cmd, i.db)
			if err != nil {
				return err
			}
			when, until, err := askedTimes(at, known, zone)
			if err != nil {
				return err
			}
			answer, err := i.EntitlementsAsOf(cmd.Context(), i.actor, flags.id(), when, until)
			if err != nil {
				return err
			}
			for n := range answer.Items {
				answer.Items[n].Text = reason.Text(answer.Items[n].Reason, language)
			}
			if wantsJSON(cmd) {
				return writeJSON(cmd.OutOrStdout(), answer)
			}
			out := newFolder(cmd.OutOrStdout())
			if err := writePast(out, answer, zone); err != nil {
				return err
			}
			return out.flush()
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVar(&at, "at", "", "the instant or the day (required)")
	cmd.Flags().StringVar(&known, "known", "", `as far as it was known then: an instant, a day, or "at"; now when absent`)
	cmd.Flags().StringVar(&lang, "lang", "en", "language of what the employee is told: ru, kk or en")
	_ = cmd.MarkFlagRequired("at")
	return cmd
}

// countryZone is the time zone of the contour's country, UTC before there is a
// catalogue.
func countryZone(cmd *cobra.Command, db *postgres.DB) (*time.Location, error) {
	part, _, err := db.Catalogue(cmd.Context())
	if err != nil || len(part.Countries) == 0 {
		return time.UTC, err
	}
	zone, err := time.LoadLocation(part.Countries[0].TimeZone)
	if err != nil {
		return time.UTC, nil //nolint:nilerr // a machine without the zone's data tells times in UTC
	}
	return zone, nil
}

// askedTimes reads --at and --known; known is zero when it was not given.
func askedTimes(at, known string, zone *time.Location) (when, until time.Time, err error) {
	if when, err = askedTime("at", at, 12*time.Hour, zone); err != nil {
		return when, until, err
	}
	switch known {
	case "":
	case "at":
		until = when
	default:
		until, err = askedTime("known", known, 24*time.Hour-time.Second, zone)
	}
	return when, until, err
}

// askedTime reads an instant, or a day as the time of it that is given.
func askedTime(flag, text string, ofDay time.Duration, zone *time.Location) (time.Time, error) {
	if day, err := tenancy.ParseDate(text); err == nil {
		return day.In(zone).Add(ofDay), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, tenancy.E(tenancy.Invalid, "field_invalid", fmt.Sprintf("--%s is a time with its zone, such as 2026-03-05T10:00:00+03:00, or a day, such as 2026-03-05", flag))
	}
	return t.In(zone), nil
}

// writePast tells the answer to a person who may read it to another.
func writePast(w io.Writer, p entitlement.PastEntitlements, zone *time.Location) error {
	at := func(t time.Time) string { return t.In(zone).Format("2006-01-02 15:04 -07:00") }
	fmt.Fprintf(w, "employee  %s of %s\nat        %s\nas known  %s\n\n", p.EmployeeID, p.Tenant, at(p.At), at(p.Known))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TYPE\tANSWER\tAPPOINTMENTS\tGRANTS")
	for _, item := range p.Items {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", item.SpecialistType, pastAnswer(item.Decision), pastAmount(item.Decision), pastGrants(item.Decision, p.Sources.Overrides, zone))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	writeTold(w, p.Items)
	fmt.Fprintln(w)
	writeContractSource(w, p.Sources.Contract, at)
	for _, e := range p.Sources.Employments {
		writeEmploymentSource(w, e, at)
	}
	if len(p.Sources.Employments) == 0 {
		fmt.Fprintln(w, "employment  none was known then: no list had named the employee")
	}
	for _, o := range p.Sources.Overrides {
		writeOverrideSource(w, o, at)
	}
	return nil
}

func pastAnswer(d entitlement.Decision) string {
	if d.Allowed {
		return "may book"
	}
	return "no: " + string(d.Reason)
}

func pastAmount(d entitlement.Decision) string {
	if len(d.Lines) == 0 {
		return "—"
	}
	return fmt.Sprint(d.Limit)
}

// pastGrants names what gave how much, with how much of it by overrides, and
// over which days.
func pastGrants(d entitlement.Decision, overrides []entitlement.OverrideSource, zone *time.Location) string {
	parts := make([]string, 0, len(d.Lines))
	for _, line := range d.Lines {
		extra := ""
		for _, o := range overrides {
			if o.InForce && o.Grant == line.Grant {
				extra += fmt.Sprintf(", %+d by override", o.Amount)
			}
		}
		parts = append(parts, fmt.Sprintf("%s %d per %s%s, %s to %s", line.Grant, line.Limit, line.Per, extra, line.Window.From.In(zone).Format(time.DateOnly), line.Window.Until.In(zone).Add(-time.Second).Format(time.DateOnly)))
	}
	return cmp.Or(strings.Join(parts, "; "), "—")
}

// writeTold says, once for each answer, what the employee is told of it.
func writeTold(w io.Writer, items []entitlement.TypeDecision) {
	told := map[string]bool{}
	for _, item := range items {
		if item.Text != "" && !told[item.Text] {
			told[item.Text] = true
			fmt.Fprintf(w, "\n%s: %s\n", item.Reason, item.Text)
		}
	}
}

func writeContractSource(w io.Writer, c *entitlement.ContractSource, at func(time.Time) string) {
	if c == nil {
		fmt.Fprintln(w, "contract    none ran at that time, as far as was known")
		return
	}
	of := ""
	if c.Holder != "" {
		of = " of " + string(c.Holder) + ", shared"
	}
	fmt.Fprintf(w, "contract    %s%s, %s to %s\n  in force  applied %s%s\n", c.ID, of, c.From, c.Until.AddDays(-1), at(c.LearntAt), catalogueSource(c.Source))
	if c.LearntLate {
		fmt.Fprintln(w, "            only after that time; no other contract ran")
	}
	for _, later := range c.ChangedLater {
		fmt.Fprintf(w, "  later     changed %s%s\n", at(later.LearntAt), catalogueSource(later))
	}
}

// catalogueSource says which revision of the catalogue it was, and whose apply.
func catalogueSource(s entitlement.Source) string {
	var parts []string
	if s.Revision != "" {
		parts = append(parts, "catalogue "+s.Revision[:min(12, len(s.Revision))])
	}
	if s.Plan != "" {
		parts = append(parts, "plan "+s.Plan)
	}
	if s.By != "" {
		parts = append(parts, "by "+s.By)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func writeEmploymentSource(w io.Writer, e entitlement.EmploymentSource, at func(time.Time) string) {
	state := "gave no access at that time"
	switch {
	case !e.TakenBackAt.IsZero():
		state = "taken back " + at(e.TakenBackAt) + ": the list that made it was undone"
	case e.InForce:
		state = "gave access"
	}
	segments := make([]string, len(e.Segments))
	for i, s := range e.Segments {
		segments[i] = string(s)
	}
	fmt.Fprintf(w, "employment  in %s, %s to %s; segments: %s; %s\n", e.LegalEntity, cmp.Or(e.HiredOn.String(), "ever"), cmp.Or(e.LeftOn.String(), "now"), cmp.Or(strings.Join(segments, ", "), "none"), state)
	for n, v := range e.Versions {
		mark := "earlier"
		switch {
		case v.InForce:
			mark = "in force"
		case n > 0 && pastInForce(e.Versions[:n]):
			mark = "later"
		}
		fmt.Fprintf(w, "  %-9s %s  %s%s\n", mark, at(v.LearntAt), listSource(v.Source), changedFields(v.Changed, n == 0))
	}
}

func pastInForce(versions []entitlement.EmploymentChange) bool {
	for _, v := range versions {
		if v.InForce {
			return true
		}
	}
	return false
}

// listSource says which list it was.
func listSource(s entitlement.Source) string {
	switch {
	case s.Undid != "":
		return "undo of list " + s.Undid + ": change"
	case s.Import != nil:
		where := "not in it"
		if s.Import.Line > 0 {
			where = fmt.Sprint("line ", s.Import.Line)
		}
		return fmt.Sprintf("list %s (%s), %s, uploaded by %s: %s", s.Import.ID, s.Import.Mode, where, s.Import.UploadedBy, cmp.Or(s.Import.Change, "changed"))
	}
	return "not by a list: change"
}

func changedFields(names []string, first bool) string {
	switch {
	case first:
		return ""
	case len(names) == 0:
		return ", of nothing that counts"
	}
	return " of " + strings.Join(names, ", ")
}

func writeOverrideSource(w io.Writer, o entitlement.OverrideSource, at func(time.Time) string) {
	state := "did not hold on that day"
	if o.InForce {
		state = "held"
	}
	fmt.Fprintf(w, "override    %+d of %s, %s, %s; %s\n            %s made %s by %s\n", o.Amount, o.Grant, overrideDays(o.Override), overrideReason(o.Override), state, o.ID, at(o.MadeAt), o.Author)
	if !o.EndedAt.IsZero() {
		fmt.Fprintf(w, "            ended %s by %s\n", at(o.EndedAt), o.EndedBy)
	}
}
