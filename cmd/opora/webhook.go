package main

import (
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/internal/webhook"
)

// newWebhookCommand gathers what is done with webhooks.
func newWebhookCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "webhook",
		Short: "Say who is told that the feed of changes has news",
		Long: `Webhooks are called, signed by the rules of Standard Webhooks, when the feed of
changes has moved: a hint without personal data (docs/webhooks.md). They go to public
addresses by https on port 443, and to what OPORA_WEBHOOK_ALLOW names.`,
	}
	cmd.AddCommand(newWebhookAddCommand(), newWebhookListCommand(), newWebhookRotateCommand(), newWebhookTestCommand(),
		newWebhookDeliveriesCommand(), newWebhookSwitchCommand("enable", true), newWebhookSwitchCommand("disable", false), newWebhookRemoveCommand())
	return cmd
}

// hooking is what such a command has open.
type hooking struct {
	*postgres.Webhooks
	db    *postgres.DB
	actor tenancy.Actor
	cmd   *cobra.Command
}

// webhookCommand is a command that needs the database; who acts is told by --as.
func webhookCommand(use, short string, args cobra.PositionalArgs, do func(h hooking, args []string) error) *cobra.Command {
	var as string
	cmd := &cobra.Command{Use: use, Short: short, Args: args, RunE: func(cmd *cobra.Command, args []string) error {
		var cfg Config
		if err := readConfig(os.LookupEnv, &cfg.Database, &cfg.Keys, &cfg.Webhooks); err != nil {
			return err
		}
		db, err := postgres.Open(cmd.Context(), cfg.Database.URL.Reveal())
		if err != nil {
			return err
		}
		defer db.Close()
		webhooks, err := openWebhooks(db, cfg)
		if err != nil {
			return err
		}
		return do(hooking{webhooks, db, tenancy.Actor{ID: "operator:" + as, Roles: []tenancy.Role{tenancy.RoleOperator}}, cmd}, args)
	}}
	cmd.Flags().StringVar(&as, "as", "operator", "who you are, for the audit log")
	return cmd
}

// newSecretShown is a webhook with its new secret.
type newSecretShown struct {
	webhook.Subscription
	Secret string `json:"secret"`
}

// showSecret prints a new secret, which nobody can print again.
func (h hooking) showSecret(s webhook.Subscription, secret webhook.Secret) error {
	if wantsJSON(h.cmd) {
		return writeJSON(h.cmd.OutOrStdout(), newSecretShown{s, secret.Reveal()})
	}
	out := h.cmd.OutOrStdout()
	fmt.Fprintf(out, "webhook %s → %s\nsecret  %s\n", s.ID, s.URL, secret.Reveal())
	if !s.OldSecretUntil.IsZero() {
		fmt.Fprintf(out, "the secret before it signs too until %s\n", s.OldSecretUntil.Format(time.RFC3339))
	}
	fmt.Fprintln(out, "the secret is shown this once: give it to the receiver now")
	return nil
}

func newWebhookAddCommand() *cobra.Command {
	var description string
	cmd := webhookCommand("add URL", "Have an address told when the feed has news", cobra.ExactArgs(1), func(h hooking, args []string) error {
		s, secret, err := h.AddWebhook(h.cmd.Context(), h.actor, args[0], description)
		if err != nil {
			return err
		}
		return h.showSecret(s, secret)
	})
	cmd.Flags().StringVar(&description, "description", "", "one line about it")
	return cmd
}

func newWebhookRotateCommand() *cobra.Command {
	var dropOld bool
	cmd := webhookCommand("rotate ID", "Give a webhook a new secret; the old one signs too for 24 hours", cobra.ExactArgs(1), func(h hooking, args []string) error {
		s, secret, err := h.RotateWebhook(h.cmd.Context(), h.actor, webhook.ID(args[0]), dropOld)
		if err != nil {
			return err
		}
		return h.showSecret(s, secret)
	})
	cmd.Flags().BoolVar(&dropOld, "drop-old", false, "the old secret signs no more, because others have seen it")
	return cmd
}

func newWebhookListCommand() *cobra.Command {
	return webhookCommand("list", "List the webhooks", cobra.NoArgs, func(h hooking, _ []string) error {
		all, err := h.Webhooks.Webhooks(h.cmd.Context(), h.actor)
		if err != nil {
			return err
		}
		if wantsJSON(h.cmd) {
			return writeJSON(h.cmd.OutOrStdout(), map[string]any{"items": append([]webhook.Subscription{}, all...)})
		}
		if len(all) == 0 {
			fmt.Fprintln(h.cmd.OutOrStdout(), "there are no webhooks: opora webhook add URL makes one")
			return nil
		}
		table := tabwriter.NewWriter(h.cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tSTATE\tURL\tDESCRIPTION")
		for _, s := range all {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s.ID, webhookState(s), s.URL, orDash(s.Description))
		}
		return table.Flush()
	})
}

func webhookState(s webhook.Subscription) string {
	switch {
	case !s.Enabled:
		return "disabled: " + string(s.DisabledReason)
	case !s.FailingSince.IsZero():
		return "failing since " + s.FailingSince.Format(time.DateTime)
	}
	return "enabled"
}

// newWebhookTestCommand exits 2 when the message was sent and not accepted.
func newWebhookTestCommand() *cobra.Command {
	cmd := webhookCommand("test ID", "Send a message now and say what came of it", cobra.ExactArgs(1), func(h hooking, args []string) error {
		sent, err := h.TestWebhook(h.cmd.Context(), h.actor, webhook.ID(args[0]))
		if err != nil {
			return err
		}
		if wantsJSON(h.cmd) {
			err = writeJSON(h.cmd.OutOrStdout(), sent)
		} else {
			fmt.Fprintf(h.cmd.OutOrStdout(), "%s: %s\n", sent.State, tried(sent))
		}
		if err == nil && sent.State != webhook.Delivered {
			return exitError{2}
		}
		return err
	})
	cmd.Long = "Send a message now, once, by a running worker. Exits 2 when the receiver did not accept it."
	return cmd
}

func newWebhookDeliveriesCommand() *cobra.Command {
	return webhookCommand("deliveries ID", "List a webhook's last deliveries", cobra.ExactArgs(1), func(h hooking, args []string) error {
		all, err := h.WebhookDeliveries(h.cmd.Context(), h.actor, webhook.ID(args[0]))
		if err != nil {
			return err
		}
		if wantsJSON(h.cmd) {
			return writeJSON(h.cmd.OutOrStdout(), map[string]any{"items": append([]webhook.Record{}, all...)})
		}
		table := tabwriter.NewWriter(h.cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "MADE\tSTATE\tTRIES\tLAST TRY\tNEXT")
		for _, r := range all {
			next := ""
			if !r.NextAt.IsZero() {
				next = r.NextAt.Format(time.DateTime)
			}
			fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", r.MadeAt.Format(time.DateTime), r.State, len(r.Tries), tried(r), orDash(next))
		}
		return table.Flush()
	})
}

// tried is how the last try went, in words.
func tried(r webhook.Record) string {
	if len(r.Tries) == 0 {
		return "—"
	}
	last := r.Tries[len(r.Tries)-1]
	switch {
	case last.Result == "":
		return "under way, or lost with its worker"
	case last.Status == 0:
		return fmt.Sprintf("%s after %d ms", last.Result, last.TookMS)
	}
	return fmt.Sprintf("%s, status %d after %d ms", last.Result, last.Status, last.TookMS)
}

func newWebhookSwitchCommand(word string, on bool) *cobra.Command {
	short := "Tell a webhook nothing until it is enabled again"
	if on {
		short = "Tell a disabled webhook again, and at once of what it has missed"
	}
	return webhookCommand(word+" ID", short, cobra.ExactArgs(1), func(h hooking, args []string) error {
		s, err := h.EditWebhook(h.cmd.Context(), h.actor, webhook.ID(args[0]), webhook.Edit{Enabled: &on})
		if err != nil {
			return err
		}
		if wantsJSON(h.cmd) {
			return writeJSON(h.cmd.OutOrStdout(), s)
		}
		fmt.Fprintf(h.cmd.OutOrStdout(), "%s: %s\n", s.ID, webhookState(s))
		return nil
	})
}

func newWebhookRemoveCommand() *cobra.Command {
	return webhookCommand("remove ID", "Remove a webhook", cobra.ExactArgs(1), func(h hooking, args []string) error {
		if err := h.RemoveWebhook(h.cmd.Context(), h.actor, webhook.ID(args[0])); err != nil {
			return err
		}
		if wantsJSON(h.cmd) {
			return writeJSON(h.cmd.OutOrStdout(), map[string]any{"removed": args[0]})
		}
		fmt.Fprintln(h.cmd.OutOrStdout(), "removed", args[0])
		return nil
	})
}
