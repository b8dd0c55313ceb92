package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/internal/webhook"
)

// Webhooks are the subscriptions of the contour: who is told that the feed has
// news. Every method refuses who may not manage them.
type Webhooks interface {
	Webhooks(ctx context.Context, actor tenancy.Actor) ([]webhook.Subscription, error)
	Webhook(ctx context.Context, actor tenancy.Actor, id webhook.ID) (webhook.Subscription, error)
	AddWebhook(ctx context.Context, actor tenancy.Actor, address, description string) (webhook.Subscription, webhook.Secret, error)
	EditWebhook(ctx context.Context, actor tenancy.Actor, id webhook.ID, edit webhook.Edit) (webhook.Subscription, error)
	RemoveWebhook(ctx context.Context, actor tenancy.Actor, id webhook.ID) error
	RotateWebhook(ctx context.Context, actor tenancy.Actor, id webhook.ID, dropOld bool) (webhook.Subscription, webhook.Secret, error)
	TestWebhook(ctx context.Context, actor tenancy.Actor, id webhook.ID) (webhook.Record, error)
	WebhookDeliveries(ctx context.Context, actor tenancy.Actor, id webhook.ID) ([]webhook.Record, error)
}

// testDeadline is longer than the receiver's and the worker's together.
const testDeadline = 30 * time.Second

// webhookRequest makes a subscription.
type webhookRequest struct {
	URL         string `json:"url"`
	Description string `json:"description"`
}

// webhookSecret is a subscription with its new secret, which is shown this once.
type webhookSecret struct {
	webhook.Subscription
	Secret string `json:"secret"`
}

// rotation says what becomes of the secret before.
type rotation struct {
	DropOld bool `json:"drop_old"`
}

// webhookID reads the address's id as ids are kept.
func webhookID(r *http.Request) webhook.ID { return webhook.ID(strings.ToLower(pathID(r))) }

func (s *Server) listWebhooks(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	all, err := s.webhooks.Webhooks(r.Context(), actor)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, items[webhook.Subscription]{Items: append([]webhook.Subscription{}, all...)})
	return nil
}

func (s *Server) addWebhook(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	asked, err := decode[webhookRequest](w, r)
	if err != nil {
		return err
	}
	if asked.URL == "" {
		return tenancy.E(tenancy.Invalid, "field_missing", "A webhook needs url.")
	}
	made, secret, err := s.webhooks.AddWebhook(r.Context(), actor, asked.URL, asked.Description)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v1/webhooks/"+string(made.ID))
	s.writeJSON(w, r, http.StatusCreated, webhookSecret{made, secret.Reveal()})
	return nil
}

func (s *Server) readWebhook(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	one, err := s.webhooks.Webhook(r.Context(), actor, webhookID(r))
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, one)
	return nil
}

func (s *Server) editWebhook(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	edit, err := decode[webhook.Edit](w, r)
	if err != nil {
		return err
	}
	one, err := s.webhooks.EditWebhook(r.Context(), actor, webhookID(r), edit)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, one)
	return nil
}

func (s *Server) removeWebhook(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	if err := s.webhooks.RemoveWebhook(r.Context(), actor, webhookID(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// rotateWebhook takes a body or none.
func (s *Server) rotateWebhook(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	var asked rotation
	if r.ContentLength != 0 {
		var err error
		if asked, err = decode[rotation](w, r); err != nil {
			return err
		}
	}
	one, secret, err := s.webhooks.RotateWebhook(r.Context(), actor, webhookID(r), asked.DropOld)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, webhookSecret{one, secret.Reveal()})
	return nil
}

// testWebhook answers 200 when the message was sent, whatever came of it.
func (s *Server) testWebhook(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	sent, err := s.webhooks.TestWebhook(r.Context(), actor, webhookID(r))
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, sent)
	return nil
}

func (s *Server) webhookDeliveries(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	all, err := s.webhooks.WebhookDeliveries(r.Context(), actor, webhookID(r))
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, items[webhook.Record]{Items: append([]webhook.Record{}, all...)})
	return nil
}
