package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

const (
	maxChangesAnswer = 32 << 20        // bytes
	changesWait      = 5 * time.Second // below checkTimeout
	maxChangesPause  = 10 * time.Second
)

// newChangesCommand is `opora changes`: the feed as the booking core reads it.
func newChangesCommand() *cobra.Command {
	var since string
	var limit int
	var follow bool
	cmd := &cobra.Command{
		Use:   "changes [--since CURSOR] [--follow]",
		Short: "Read the feed of changes of a running Opora",
		Long: `Read what has changed for employees and in the terms, from a running Opora
(OPORA_URL), as the booking core does: with a token of its service account
(BOOKING_CLIENT_ID and BOOKING_CLIENT_SECRET) from Keycloak (KEYCLOAK_URL,
OPORA_REALM). Without --since it begins with the oldest change that is kept,
with "now" at the end. One page is printed, and the cursor to go on from; with
--follow every change as it comes, as lines, until the command is stopped.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			feed, err := newFeedReader(cmd.Context(), limit)
			if err != nil {
				return err
			}
			out := changesPrinter{to: cmd.OutOrStdout(), json: wantsJSON(cmd)}
			if follow {
				return feed.follow(cmd.Context(), entitlement.Cursor(since), out.items)
			}
			page, err := feed.page(cmd.Context(), entitlement.Cursor(since), 0)
			if err != nil {
				return err
			}
			return out.page(page)
		},
	}
	cmd.Flags().StringVar(&since, "since", "", `the cursor to go on from, or "now"`)
	cmd.Flags().IntVar(&limit, "limit", 500, "how many changes a page has, at most 1000")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on until stopped")
	return cmd
}

// feedReader asks for pages of the feed.
type feedReader struct {
	client  *http.Client
	address string
	limit   int
}

func newFeedReader(ctx context.Context, limit int) (*feedReader, error) {
	var cfg Config
	if err := readConfig(os.LookupEnv, &cfg.Booking, &cfg.Keycloak, &cfg.Contour); err != nil {
		return nil, err
	}
	return &feedReader{client: bookingClient(ctx, cfg), address: strings.TrimRight(cfg.Booking.APIURL, "/") + "/v1/changes", limit: limit}, nil
}

// page asks for what comes after the cursor, and waits for it.
func (f *feedReader) page(ctx context.Context, since entitlement.Cursor, wait time.Duration) (page entitlement.ChangePage, err error) {
	query := url.Values{"since": {string(since)}, "limit": {strconv.Itoa(f.limit)}, "wait": {strconv.Itoa(int(wait.Seconds()))}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.address+"?"+query.Encode(), nil)
	if err != nil {
		return page, tenancy.E(tenancy.Invalid, "config_invalid", "OPORA_URL is not an address")
	}
	answer, err := send(f.client, request, maxChangesAnswer)
	if err != nil {
		return page, err
	}
	if err := json.Unmarshal(answer, &page); err != nil || page.Next == "" {
		return page, errAnswerInvalid
	}
	return page, nil
}

// follow tells of changes until ctx ends. Whoever does not answer is asked again.
func (f *feedReader) follow(ctx context.Context, since entitlement.Cursor, tell func([]entitlement.Change) error) error {
	pause := checkPause
	for {
		page, err := f.page(ctx, since, changesWait)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it was stopped
		case tenancy.KindOf(err) == tenancy.Unavailable:
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
			pause = min(2*pause, maxChangesPause)
			continue
		case err != nil:
			return err
		}
		if err := tell(page.Items); err != nil {
			return err
		}
		since, pause = page.Next, checkPause
	}
}

// changesPrinter writes changes for a person or as JSON.
type changesPrinter struct {
	to   io.Writer
	json bool
}

func (p changesPrinter) page(page entitlement.ChangePage) error {
	if p.json {
		enc := json.NewEncoder(p.to)
		enc.SetIndent("", "  ")
		return enc.Encode(page)
	}
	if err := p.items(page.Items); err != nil {
		return err
	}
	more := ""
	if page.More {
		more = " (there is more)"
	}
	_, err := fmt.Fprintf(p.to, "next: %s%s\n", page.Next, more)
	return err
}

// items writes a line for each.
func (p changesPrinter) items(items []entitlement.Change) error {
	for i := range items {
		var err error
		if p.json {
			err = json.NewEncoder(p.to).Encode(&items[i])
		} else {
			_, err = fmt.Fprintln(p.to, changeLine(&items[i]))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// changeLine says in a line what an item tells.
func changeLine(c *entitlement.Change) string {
	if c.Type != entitlement.EmployeeChanged {
		return fmt.Sprintf("%-8s revision %d", c.Type, c.Revision)
	}
	what := "superseded"
	switch {
	case c.Gone:
		what = "gone"
	case c.Employee != nil:
		what = describeRecord(c.Employee)
	}
	return fmt.Sprintf("%-8s %s of %s, revision %d: %s", c.Type, c.EmployeeID, c.Tenant, c.Revision, what)
}

func describeRecord(r *entitlement.Record) string {
	var parts []string
	for _, e := range r.Employments {
		part := "works"
		if !e.HiredOn.IsZero() {
			part += " from " + e.HiredOn.String()
		}
		if !e.LeftOn.IsZero() {
			part += " until " + e.LeftOn.String()
		}
		for _, s := range e.Segments {
			part += " in " + string(s)
		}
		parts = append(parts, part)
	}
	for _, o := range r.Overrides {
		parts = append(parts, fmt.Sprintf("%+d %s", o.Amount, o.Grant))
	}
	if len(parts) == 0 {
		return "no employment"
	}
	return strings.Join(parts, "; ")
}
