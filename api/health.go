package api

import (
	"context"
	_ "embed"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/ponimayu/opora/internal/tenancy"
)

//go:embed openapi.yaml
var openapiYAML []byte

// OpenAPI returns the description of the API, OpenAPI 3 in YAML.
func OpenAPI() []byte { return openapiYAML }

// health is the answer of the probes.
type health struct {
	Status string `json:"status"`
}

// healthz says that the process runs, whatever it depends on.
func (s *Server) healthz(w http.ResponseWriter, r *http.Request) {
	s.writeJSON(w, r, http.StatusOK, health{"ok"})
}

// readyz says whether requests can be answered.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := s.ready(ctx); err != nil {
		s.writeError(w, r, tenancy.E(tenancy.Unavailable, "not_ready", "Opora cannot answer requests now.", err))
		return
	}
	s.writeJSON(w, r, http.StatusOK, health{"ready"})
}

func (s *Server) openapi(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openapiYAML)
}

func (s *Server) noRoute(w http.ResponseWriter, r *http.Request) {
	s.writeError(w, r, tenancy.E(tenancy.NotFound, "route_unknown", "The API has no such address; see /openapi.yaml."))
}

// noMethod answers a known address asked in an unknown way.
func (s *Server) noMethod(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		if s.mux.Match(chi.NewRouteContext(), method, r.URL.Path) {
			allowed = append(allowed, method)
		}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusMethodNotAllowed)
	_ = json.NewEncoder(w).Encode(problem{Type: "problems/method_not_allowed", Title: "This method is not allowed here",
		Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Detail: "See /openapi.yaml for the methods of this address."})
}
