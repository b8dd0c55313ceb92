package clienttest

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ponimayu/opora/internal/entitlement"
)

// tokenLifetime is that of Opora's realms, in seconds.
const tokenLifetime = 120

// counted counts requests, and cuts them while the server is away.
func (s *Server) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked[r.URL.Path]++
		away := s.away
		s.mu.Unlock()
		if away {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
}

// token answers a request for an access token by client credentials.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	id, escaped, _ := r.BasicAuth()
	secret, err := url.QueryUnescape(escaped) // RFC 6749, 2.3.1
	if err != nil || id != clientID || secret != clientSecret || r.FormValue("grant_type") != "client_credentials" {
		answer(w, http.StatusUnauthorized, map[string]string{"error": "unauthorized_client"})
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.issued++
	token := fmt.Sprintf("token-%d", s.issued)
	s.tokens[token] = true
	answer(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": tokenLifetime})
}

// Revoke makes every token given so far one that is not taken.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

func (s *Server) authorised(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		s.mu.Lock()
		ok := s.tokens[token]
		s.mu.Unlock()
		if !ok {
			problem(w, http.StatusUnauthorized, "token_invalid")
			return
		}
		next(w, r)
	}
}

// changes answers a page of the feed, as soon as there is one.
func (s *Server) changes(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil || limit < 1 || limit > 1000 {
		limit = 500
	}
	seconds, _ := strconv.Atoi(q.Get("wait"))
	enough := time.NewTimer(time.Duration(min(max(seconds, 0), 30)) * time.Second)
	defer enough.Stop()
	for wait := true; ; {
		s.mu.Lock()
		page, status, code := s.page(q.Get("since"), limit)
		moved := s.moved
		s.mu.Unlock()
		switch {
		case status != http.StatusOK:
			problem(w, status, code)
			return
		case len(page.Items) > 0 || !wait:
			answer(w, http.StatusOK, page)
			return
		}
		select {
		case <-moved:
		case <-enough.C:
			wait = false
		case <-r.Context().Done():
			return
		case <-s.stopped.Done():
			return
		}
	}
}

// page returns what follows the cursor.
func (s *Server) page(since string, limit int) (page entitlement.ChangePage, status int, code string) {
	from := 0
	switch {
	case since == "now":
		from = len(s.log)
	case since != "":
		ground, position, ok := strings.Cut(since, ".")
		at, err := strconv.Atoi(position)
		if !ok || err != nil || at < 0 {
			return page, http.StatusBadRequest, "cursor_invalid"
		}
		if ground != strconv.Itoa(s.ground) || at > len(s.log) {
			return page, http.StatusGone, "cursor_expired"
		}
		from = at
	}
	until := min(from+limit, len(s.log))
	page = entitlement.ChangePage{Items: []entitlement.Change{}, Next: s.cursor(until), More: until < len(s.log)}
	for i := from; i < until; i++ {
		page.Items = append(page.Items, s.item(i))
	}
	return page, http.StatusOK, ""
}

func (s *Server) cursor(position int) entitlement.Cursor {
	return entitlement.Cursor(fmt.Sprintf("%d.%d", s.ground, position))
}

// item tells the change at an index of the log, with the employee's state when
// it is his newest.
func (s *Server) item(i int) entitlement.Change {
	e := s.log[i]
	item := entitlement.Change{Cursor: s.cursor(i + 1), Type: entitlement.TermsChanged, Revision: e.revision}
	if e.id == "" {
		return item
	}
	p := s.people[e.id]
	item.Type, item.EmployeeID, item.Tenant = entitlement.EmployeeChanged, p.ID, p.Tenant
	switch {
	case p.revision != e.revision:
		item.Superseded = true
	case p.gone:
		item.Gone = true
	default:
		item.Employee = s.record(p)
	}
	return item
}

func (s *Server) record(p *person) *entitlement.Record {
	r := s.termsOf(p.Tenant).Record(p.Employee, p.revision)
	return &r
}

// snapshot answers everything that there is, gzipped when asked for.
func (s *Server) snapshot(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	lines := []entitlement.Change{{Type: entitlement.SnapshotBegins, Cursor: s.cursor(len(s.log))}}
	document := s.document
	lines = append(lines, entitlement.Change{Type: entitlement.TermsChanged, Revision: s.revision, Terms: &document})
	for _, p := range s.people {
		if !p.gone {
			lines = append(lines, entitlement.Change{Type: entitlement.EmployeeChanged, EmployeeID: p.ID, Tenant: p.Tenant, Revision: p.revision, Employee: s.record(p)})
		}
	}
	s.mu.Unlock()
	lines = append(lines, entitlement.Change{Type: entitlement.SnapshotEnds, Employees: len(lines) - 2})
	w.Header().Set("Content-Type", "application/x-ndjson")
	var to io.Writer = w
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		w.Header().Set("Content-Encoding", "gzip")
		zipped := gzip.NewWriter(w)
		defer zipped.Close()
		to = zipped
	}
	out := json.NewEncoder(to)
	for _, line := range lines {
		_ = out.Encode(line)
	}
}

// termsDocument answers what all tenants bought.
func (s *Server) termsDocument(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	etag := fmt.Sprintf(`"%d"`, s.revision)
	w.Header().Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	answer(w, http.StatusOK, s.document)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func problem(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "code": code})
}
