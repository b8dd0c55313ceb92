package webhook

import (
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// ID names a subscription.
type ID string

// DisabledReason says why a subscription gets nothing.
type DisabledReason string

// The reasons: somebody asked for it, the receiver answered 410, or nothing was
// delivered for FailingFor.
const (
	DisabledAsked   DisabledReason = "asked"
	DisabledGone    DisabledReason = "gone"
	DisabledFailing DisabledReason = "failing"
)

// Limits of subscriptions.
const (
	MaxSubscriptions = 50             // of a contour
	OldSecretFor     = 24 * time.Hour // how long a secret still signs after it was replaced
	// FailingFor is how long a subscription may fail, without one delivery
	// between, until it is disabled.
	FailingFor     = 5 * 24 * time.Hour
	maxDescription = 200 // runes
)

// Subscription is an address that is told when the feed has news. Its secret is
// not here: it is shown once, to whoever asked for it.
type Subscription struct {
	ID             ID             `json:"id"`
	URL            string         `json:"url"`
	Description    string         `json:"description"`
	Enabled        bool           `json:"enabled"`
	DisabledReason DisabledReason `json:"disabled_reason,omitempty"`
	DisabledAt     time.Time      `json:"disabled_at,omitzero"`
	// FailingSince is when the first of the tries failed that have failed since
	// the last delivery.
	FailingSince   time.Time `json:"failing_since,omitzero"`
	OldSecretUntil time.Time `json:"old_secret_until,omitzero"` // the secret before the present one signs till then
	MadeBy         string    `json:"made_by"`                   // a subject
	MadeAt         time.Time `json:"made_at"`
}

// Edit is what is to be changed of a subscription; nil leaves it as it is.
type Edit struct {
	URL         *string `json:"url,omitempty"`
	Description *string `json:"description,omitempty"`
	Enabled     *bool   `json:"enabled,omitempty"`
}

// CheckDescription refuses, as Invalid, a description that is too long or holds
// what does not print.
func CheckDescription(text string) error {
	for _, r := range text {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return tenancy.E(tenancy.Invalid, "field_invalid", "description is one line of plain text")
		}
	}
	if utf8.RuneCountInString(text) > maxDescription {
		return tenancy.E(tenancy.Invalid, "field_invalid", "description has at most 200 characters")
	}
	return nil
}

// State is where a delivery stands.
type State string

// The states of a delivery: Waiting for its next try; Delivered; given up after
// the last try (Failed), or because its subscription was disabled (Dropped).
const (
	Waiting   State = "waiting"
	Delivered State = "delivered"
	Failed    State = "failed"
	Dropped   State = "dropped"
)

// Record is a delivery as it is told about afterwards.
type Record struct {
	ID      string             `json:"id"` // the webhook-id of all its tries
	Test    bool               `json:"test"`
	State   State              `json:"state"`
	Cursor  entitlement.Cursor `json:"cursor"` // where the feed ended when it was made
	MadeAt  time.Time          `json:"made_at"`
	EndedAt time.Time          `json:"ended_at,omitzero"`
	NextAt  time.Time          `json:"next_at,omitzero"` // when it is tried next, while it waits
	Tries   []Try              `json:"tries"`
}

// Try is one call of the receiver.
type Try struct {
	At time.Time `json:"at"`
	// Result is absent while the call goes on, and when the worker that made it
	// did not live to tell.
	Result Result `json:"result,omitempty"`
	Status int    `json:"status,omitempty"`  // what the receiver answered; absent without an answer
	TookMS int64  `json:"took_ms,omitempty"` // milliseconds
}

// Delivery is a message on its way to a subscription: one try of it.
type Delivery struct {
	Subscription ID
	URL          string
	Secrets      []Secret // each signs
	Message      Message
	Try          int // 1 the first time
	Test         bool
	// Token is what a try's end is written under: whoever lost it writes nothing.
	Token string
}
