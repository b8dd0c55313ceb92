// Package client asks Opora what employees may use, at the speed of memory: it
// keeps a copy of what decisions need, filled from Opora's snapshot and kept
// up by its feed of changes, and answers Check from the copy by the very code
// that the server runs.
//
//	c, err := client.New(client.Config{
//		URL:          "https://opora.example",
//		TokenURL:     "https://sso.example/realms/ponimayu/protocol/openid-connect/token",
//		ClientID:     os.Getenv("BOOKING_CLIENT_ID"),
//		ClientSecret: os.Getenv("BOOKING_CLIENT_SECRET"),
//	})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	if err := c.Ready(ctx); err != nil { // until the first snapshot is in
//		return err
//	}
//	a, err := c.Check(client.Query{EmployeeID: client.EmployeeID(sub), SpecialistType: "psychologist", At: begins, Used: client.UsedByGrant(counts)})
//
// # How old an answer may be
//
// Answer.AsOf is the moment up to which the client has seen everything: what
// was committed before it is in the answer. It is when the last question was
// sent after which Opora had nothing more to tell, by the clock of this machine:
// how long the answer took does not make it younger. While Opora is reached it is at
// most Config.MaxStale ago (2 seconds unless told otherwise), and a change
// itself arrives within milliseconds, for the client waits at the feed. An
// older answer is marked Stale. When Opora stays away, answers go on from what
// is known for Config.Outage (30 minutes); after that Check fails closed with
// ErrUnavailable, or answers "allowed" with the reason Unavailable, as
// Config.AfterOutage says. That reason is never one of Opora's own.
//
//	age of what is known   answer                  Stale  error
//	≤ MaxStale             from memory             false  nil
//	≤ Outage               from memory             true   nil
//	beyond, FailClosed     refused, "unavailable"  true   ErrUnavailable
//	beyond, FailOpen       allowed, "unavailable"  true   nil
//	nothing known yet      as beyond Outage
//	any, broken terms      refused, "unavailable"  by age ErrTerms
//	after Close            refused, "unavailable"  true   ErrClosed
//
// # What it costs
//
// One goroutine follows the feed (with two requests in MaxStale/2 while nothing
// changes), a second one watches the age of what is known. Check waits for the
// follower only while something is written beside the employee asked about. The memory is
// that of entitlement.Directory; while a new snapshot replaces an old copy,
// both are held.
//
// Nothing is written to disk: a program that starts during an outage of Opora
// has nothing to answer from.
package client
