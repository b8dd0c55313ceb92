package client

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// Policy says what Check does when what is known is older than Config.Outage.
type Policy int

// The policies.
const (
	// FailClosed refuses with the reason Unavailable and returns ErrUnavailable.
	FailClosed Policy = iota
	// FailOpen allows with the reason Unavailable. There is no grant to count
	// such an appointment against: whoever opens settles it later.
	FailOpen
)

// What holds where a Config says nothing.
const (
	DefaultMaxStale = 2 * time.Second
	DefaultOutage   = 30 * time.Minute
)

// leastMaxStale keeps a client from asking Opora without a pause.
const leastMaxStale = 100 * time.Millisecond

// Config says where Opora is and how old an answer may be. Printed, it never
// shows the id and the secret.
type Config struct {
	// URL is Opora's address, such as https://opora.example.
	URL string
	// TokenURL is the token endpoint of the country's realm. ClientID and
	// ClientSecret are those of a client with the role booking-core.
	TokenURL     string
	ClientID     string
	ClientSecret string

	// HTTPClient carries the requests; nil: one of the client's own. Its
	// Transport is used as it is; its Timeout is not, for each request has a
	// deadline of its own, and redirects are not followed.
	HTTPClient *http.Client

	// MaxStale is the age of what is known beyond which an answer is marked
	// Stale; 0 is DefaultMaxStale. From 2 seconds on Opora is waited at, and a
	// change arrives at once; below, Opora is asked four times in MaxStale.
	MaxStale time.Duration
	// Outage is the age beyond which answers are no longer given from what is
	// known; 0 is DefaultOutage.
	Outage time.Duration
	// AfterOutage is what holds then.
	AfterOutage Policy

	// Logger is told when the phase changes and why Opora is not reached;
	// nil: nobody is. It never learns of an employee.
	Logger *slog.Logger
	// OnState, when given, is called with every change of phase, when the
	// connection is lost or found, and when the terms of a tenant break or mend; never twice at the same time. It must
	// return soon, and may call State, but not Close.
	OnState func(State)
}

// String says which Opora is meant.
func (c Config) String() string { return fmt.Sprintf("opora client of %s", hostOf(c.URL)) }

// GoString is String: %#v shows no secret either.
func (c Config) GoString() string { return c.String() }

// LogValue is String for log/slog.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// withDefaults fills in what is not said.
func (c Config) withDefaults() Config {
	if c.MaxStale == 0 {
		c.MaxStale = DefaultMaxStale
	}
	if c.Outage == 0 {
		c.Outage = max(DefaultOutage, c.MaxStale)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// validate says everything that is wrong with c, without quoting a value: an
// address may hold a password, and what was meant as the one may be the other.
func (c Config) validate() error {
	err := errors.Join(
		validAddress("URL", c.URL),
		validAddress("TokenURL", c.TokenURL),
		given("ClientID", c.ClientID),
		given("ClientSecret", c.ClientSecret),
	)
	if c.MaxStale < leastMaxStale {
		err = errors.Join(err, fmt.Errorf("MaxStale is at least %v", leastMaxStale))
	}
	if c.Outage < c.MaxStale {
		err = errors.Join(err, errors.New("Outage is at least MaxStale"))
	}
	if c.AfterOutage != FailClosed && c.AfterOutage != FailOpen {
		err = errors.Join(err, errors.New("AfterOutage is FailClosed or FailOpen"))
	}
	if err != nil {
		return fmt.Errorf("the configuration of the Opora client: %w", err)
	}
	return nil
}

func given(field, value string) error {
	if value == "" {
		return errors.New(field + " is missing")
	}
	return nil
}

func validAddress(field, address string) error {
	if address == "" {
		return errors.New(field + " is missing")
	}
	u, err := url.Parse(address)
	switch {
	case err != nil, u.Scheme != "https" && u.Scheme != "http", u.Host == "":
		return errors.New(field + " is an address that begins with https:// or http://")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return errors.New(field + " is an address without user, query and fragment")
	}
	return nil
}
