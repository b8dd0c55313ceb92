package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

const (
	checkTimeout = 10 * time.Second       // of one request
	checkTries   = 3                      // a check changes nothing, so it is safe to repeat
	checkPause   = 300 * time.Millisecond // before the second try, doubled each time
	maxAnswer    = 1 << 20                // bytes
)

func newEntitlementCheckCommand() *cobra.Command {
	var q entitlement.Query
	var at, used, lang string
	cmd := &cobra.Command{
		Use:   "check --employee ID --type TYPE --at TIME",
		Short: "Ask a running Opora whether an employee may book",
		Long: `Ask a running Opora (OPORA_URL) whether an employee may book, as the booking
core does: with a token of its service account (BOOKING_CLIENT_ID and
BOOKING_CLIENT_SECRET) from Keycloak (KEYCLOAK_URL, OPORA_REALM).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := readCheckFlags(&q, at, used); err != nil {
				return err
			}
			language, err := languageFlag(lang)
			if err != nil {
				return err
			}
			decision, err := check(cmd.Context(), q)
			if err != nil {
				return err
			}
			told := tell(&decision, language)
			if wantsJSON(cmd) {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(told)
			}
			writeDecision(cmd.OutOrStdout(), told)
			return nil
		},
	}
	cmd.Flags().StringVar((*string)(&q.EmployeeID), "employee", "", "the employee's id")
	cmd.Flags().StringVar((*string)(&q.SpecialistType), "type", "", "specialist type, such as psychologist")
	cmd.Flags().StringVar(&at, "at", "", "when the appointment begins, such as 2026-12-01T10:00:00+03:00")
	cmd.Flags().StringVar(&used, "used", "", `how many were used: a number for each covering grant, or {"<grant>": n}`)
	cmd.Flags().StringVar((*string)(&q.Format), "format", "", "video, chat or in_person")
	cmd.Flags().IntVar(&q.Minutes, "minutes", 0, "length of the appointment")
	cmd.Flags().StringVar((*string)(&q.For), "for", "", "self or dependant")
	cmd.Flags().StringVar(&lang, "lang", "", "add what the employee is told, in ru, kk or en")
	for _, required := range []string{"employee", "type", "at"} {
		_ = cmd.MarkFlagRequired(required)
	}
	return cmd
}

// readCheckFlags reads the flags that are not plain words.
func readCheckFlags(q *entitlement.Query, at, used string) error {
	parsed, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return tenancy.E(tenancy.Invalid, "field_invalid", "--at is an RFC 3339 time with its zone, such as 2026-12-01T10:00:00+03:00")
	}
	q.At = parsed
	if used != "" {
		if err := q.Used.UnmarshalJSON([]byte(used)); err != nil {
			return err
		}
	}
	return q.Validate()
}

// check asks the Opora that the environment names.
func check(ctx context.Context, q entitlement.Query) (entitlement.Decision, error) {
	var cfg Config
	if err := readConfig(os.LookupEnv, &cfg.Booking, &cfg.Keycloak, &cfg.Contour); err != nil {
		return entitlement.Decision{}, err
	}
	body, err := json.Marshal(q)
	if err != nil {
		return entitlement.Decision{}, err
	}
	client := bookingClient(ctx, cfg)
	address := strings.TrimRight(cfg.Booking.APIURL, "/") + "/v1/entitlements/check"
	for try, pause := 1, checkPause; ; try, pause = try+1, pause*2 {
		decision, err := ask(ctx, client, address, body)
		if err == nil || tenancy.KindOf(err) != tenancy.Unavailable || try == checkTries {
			return decision, err
		}
		select {
		case <-ctx.Done():
			return entitlement.Decision{}, err
		case <-time.After(pause):
		}
	}
}

// bookingClient sends a token of the booking core's service account.
func bookingClient(ctx context.Context, cfg Config) *http.Client {
	credentials := clientcredentials.Config{
		ClientID:     cfg.Booking.ClientID,
		ClientSecret: cfg.Booking.ClientSecret.Reveal(),
		TokenURL:     cfg.Keycloak.TokenURL(cfg.Contour.Realm),
	}
	plain := &http.Client{Timeout: checkTimeout}
	client := credentials.Client(context.WithValue(ctx, oauth2.HTTPClient, plain))
	client.Timeout = checkTimeout
	return client
}

// ask sends the check once. An error of kind Unavailable may be tried again.
func ask(ctx context.Context, client *http.Client, address string, body []byte) (entitlement.Decision, error) {
	var decision entitlement.Decision
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return decision, tenancy.E(tenancy.Invalid, "config_invalid", "OPORA_URL is not an address")
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := send(client, request, maxAnswer)
	if err != nil {
		return decision, err
	}
	if err := json.Unmarshal(answer, &decision); err != nil {
		return decision, errAnswerInvalid
	}
	return decision, nil
}

var errAnswerInvalid = tenancy.E(tenancy.Internal, "answer_invalid", "the answer is not one of Opora's; look at what OPORA_URL names")

// send sends a request once and returns the answer to it, at most so many
// bytes. An error of kind Unavailable may be tried again.
func send(client *http.Client, request *http.Request, most int64) ([]byte, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, unreachable(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, most))
	switch {
	case err != nil:
		return nil, tenancy.E(tenancy.Unavailable, "opora_unreachable", "Opora broke off in the middle of its answer")
	case response.StatusCode != http.StatusOK:
		return nil, refusal(response.StatusCode, answer)
	}
	return answer, nil
}

// unreachable says whether Keycloak refused the client or nobody answered.
func unreachable(err error) error {
	var refused *oauth2.RetrieveError
	switch {
	case !errors.As(err, &refused):
	case refused.Response != nil && refused.Response.StatusCode < http.StatusInternalServerError:
		return tenancy.E(tenancy.Unauthenticated, "client_refused", fmt.Sprintf("Keycloak gave the booking core's client no token (%d %s); look at BOOKING_CLIENT_ID, BOOKING_CLIENT_SECRET and OPORA_REALM", refused.Response.StatusCode, refused.ErrorCode))
	default:
		return tenancy.E(tenancy.Unavailable, "keycloak_unavailable", "Keycloak could not give a token just now; try again")
	}
	return tenancy.E(tenancy.Unavailable, "opora_unreachable", "no answer; look whether Opora runs at OPORA_URL and Keycloak at KEYCLOAK_URL", err)
}

// refusal reads an RFC 9457 problem.
func refusal(status int, answer []byte) error {
	var face struct{ Code, Detail string }
	if err := json.Unmarshal(answer, &face); err != nil || face.Code == "" {
		face.Code, face.Detail = "answer_invalid", fmt.Sprintf("the answer has status %d and is not one of Opora's; look at what OPORA_URL names", status)
	}
	kind := tenancy.Invalid
	switch {
	case status == http.StatusUnauthorized:
		kind = tenancy.Unauthenticated
	case status == http.StatusForbidden:
		kind = tenancy.Forbidden
	case status == http.StatusNotFound:
		kind = tenancy.NotFound
	case status == http.StatusGone:
		kind = tenancy.Gone
	case status == http.StatusTooManyRequests, status >= 500:
		kind = tenancy.Unavailable
	}
	return tenancy.E(kind, face.Code, face.Detail)
}

// writeDecision tells the answer to a person.
func writeDecision(w io.Writer, d toldDecision) {
	verdict := "refused"
	if d.Allowed {
		verdict = "allowed"
	}
	fmt.Fprintf(w, "%s (%s)", verdict, d.Reason)
	if len(d.Lines) > 0 { // no grant covers it: there is nothing of which some could be left
		fmt.Fprintf(w, ": %d of %d left", d.Remaining, d.Limit)
	}
	fmt.Fprintln(w)
	for _, line := range d.Lines {
		mark := " "
		if line.Grant == d.Consume {
			mark = "→"
		}
		fmt.Fprintf(w, "%s %-16s %d of %d left per %s, %s to %s\n", mark, line.Grant, line.Remaining, line.Limit, line.Per,
			line.Window.From.Format(time.RFC3339), line.Window.Until.Format(time.RFC3339))
	}
	if !d.ValidUntil.IsZero() {
		fmt.Fprintf(w, "the answer can change at %s\n", d.ValidUntil.Format(time.RFC3339))
	}
	if d.Text != "" {
		fmt.Fprintf(w, "\n%s\n", d.Text)
	}
}
