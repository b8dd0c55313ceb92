package webhook

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/ponimayu/opora/internal/entitlement"
)

// ChangesAvailable is the type of the one message there is.
const ChangesAvailable = "changes.available"

// Message says that the feed has come to a cursor. All tries of one delivery
// send the same message under the same id.
type Message struct {
	ID     string // the webhook-id
	At     time.Time
	Cursor entitlement.Cursor
}

// payload is a message's JSON, as Standard Webhooks lay it out.
type payload struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		Cursor entitlement.Cursor `json:"cursor"`
	} `json:"data"`
}

// Body returns the message's JSON: the same bytes at every try.
func (m Message) Body() []byte {
	p := payload{Type: ChangesAvailable, Timestamp: m.At.UTC().Truncate(time.Microsecond)}
	p.Data.Cursor = m.Cursor
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and a time
	}
	return b
}

// sign sets the three headers for a try at an instant: a signature for each secret.
func (m Message) sign(h http.Header, secrets []Secret, at time.Time, body []byte) error {
	signatures := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		signer, err := standard.NewWebhookRaw(secret.bytes)
		if err != nil {
			return err
		}
		signature, err := signer.Sign(m.ID, at, body)
		if err != nil {
			return err
		}
		signatures = append(signatures, signature)
	}
	h.Set(standard.HeaderWebhookID, m.ID)
	h.Set(standard.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	h.Set(standard.HeaderWebhookSignature, strings.Join(signatures, " "))
	return nil
}
