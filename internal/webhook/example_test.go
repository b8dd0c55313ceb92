package webhook_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/ponimayu/opora/internal/webhook"
)

// receive is the receiver of docs/webhooks.md.
func receive(secret string, news chan<- struct{}) (http.Handler, error) {
	verifier, err := webhooks.NewWebhook(secret) // whsec_…
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		if err != nil || verifier.Verify(body, r.Header) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		select { // whoever reads the feed is woken; one waiting wake is enough
		case news <- struct{}{}:
		default:
		}
		w.WriteHeader(http.StatusNoContent)
	}), nil
}

func Example() {
	secret, news := webhook.NewSecret(), make(chan struct{}, 1)
	handler, err := receive(secret.Reveal(), news)
	if err != nil {
		panic(err)
	}
	receiver := httptest.NewServer(handler)
	defer receiver.Close()
	policy, err := webhook.ParsePolicy("127.0.0.1")
	if err != nil {
		panic(err)
	}
	sender := webhook.Sender{Policy: policy}
	for _, signer := range []webhook.Secret{secret, webhook.NewSecret()} {
		o := sender.Send(context.Background(), webhook.Delivery{URL: receiver.URL, Secrets: []webhook.Secret{signer},
			Message: webhook.Message{ID: "01a1ff98-3d46-775a-8265-db443a93a2c8", At: time.Now(), Cursor: "AX8"}})
		fmt.Println(o.Result, o.Status, len(news))
	}
	// Output:
	// accepted 204 1
	// rejected 401 1
}
