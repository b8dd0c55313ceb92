package clienttest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"

	"github.com/ponimayu/opora/client"
	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// What a catalogue says of a tenant, and a roster of an employee.
type (
	Tenant      = tenancy.Tenant
	Contract    = tenancy.Contract
	Suspension  = tenancy.Suspension
	Grant       = tenancy.Grant
	Segment     = tenancy.Segment
	SegmentRule = tenancy.SegmentRule
	Employee    = tenancy.Employee
	Employment  = tenancy.Employment
	Override    = tenancy.Override
	Date        = tenancy.Date
)

// The credentials that a Server takes.
const (
	clientID     = "booking-core"
	clientSecret = "a secret of nobody's"
)

// Server is an Opora in memory. It is safe for concurrent use.
type Server struct {
	http    *httptest.Server
	stopped context.Context
	stop    context.CancelFunc

	mu       sync.Mutex
	types    []tenancy.SpecialistTypeCode
	tenants  map[tenancy.TenantSlug]Tenant
	terms    map[tenancy.TenantSlug]*entitlement.Terms
	document entitlement.TermsDocument
	revision int64 // of the terms
	people   map[tenancy.EmployeeID]*person
	log      []entry
	ground   int // of cursors; those of another ground have expired
	moved    chan struct{}
	away     bool
	tokens   map[string]bool
	issued   int
	asked    map[string]int
}

// person is an employee and the number of his changes.
type person struct {
	Employee
	revision int64
	gone     bool
}

// entry is a change in the order of the feed: of an employee, or of the terms.
type entry struct {
	id       tenancy.EmployeeID
	revision int64
}

// NewServer starts an Opora with these specialist types and tenants.
func NewServer(types []client.SpecialistTypeCode, tenants ...Tenant) *Server {
	s := &Server{types: types, people: map[tenancy.EmployeeID]*person{}, moved: make(chan struct{}), tokens: map[string]bool{}, asked: map[string]int{}}
	s.stopped, s.stop = context.WithCancel(context.Background())
	s.SetTenants(tenants...)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", s.token)
	mux.HandleFunc("GET /v1/changes", s.authorised(s.changes))
	mux.HandleFunc("GET /v1/changes/snapshot", s.authorised(s.snapshot))
	mux.HandleFunc("GET /v1/changes/terms", s.authorised(s.termsDocument))
	s.http = httptest.NewServer(s.counted(mux))
	return s
}

// Close stops the server.
func (s *Server) Close() {
	s.stop()
	s.http.CloseClientConnections()
	s.http.Close()
}

// Config returns the configuration of a client of this server.
func (s *Server) Config() client.Config {
	return client.Config{URL: s.http.URL, TokenURL: s.http.URL + "/token", ClientID: clientID, ClientSecret: clientSecret}
}

// SetTenants replaces what all tenants bought.
func (s *Server) SetTenants(tenants ...Tenant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revision++
	types := make([]tenancy.SpecialistType, len(s.types))
	for i, code := range s.types {
		types[i].Code = code
	}
	was := s.tenants
	s.document = entitlement.NewTermsDocument(s.revision, tenants, types)
	s.tenants, s.terms = map[tenancy.TenantSlug]Tenant{}, map[tenancy.TenantSlug]*entitlement.Terms{}
	for _, t := range tenancy.WithShared(tenants) {
		terms, err := entitlement.Compile(t, types)
		if err != nil {
			terms = entitlement.Broken(t, err)
		}
		s.tenants[t.Slug], s.terms[t.Slug] = t, terms
	}
	s.tell(entry{revision: s.revision})
	for _, p := range s.people { // whose segments may be others now
		if !p.gone && !reflect.DeepEqual(was[p.Tenant].Segments, s.tenants[p.Tenant].Segments) {
			s.revise(p)
		}
	}
}

// Put hires an employee, or changes him. The ID is a UUID in small letters.
func (s *Server) Put(e Employee) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.people[e.ID]
	if p == nil {
		p = &person{}
		s.people[e.ID] = p
	}
	p.Employee, p.gone = e, false
	s.revise(p)
}

// Remove erases an employee.
func (s *Server) Remove(id client.EmployeeID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.people[id]; p != nil && !p.gone {
		p.gone = true
		s.revise(p)
	}
}

// Forget makes every cursor expire: clients have to take a snapshot.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ground++
	s.wake()
}

// SetAway cuts every connection, and those that come until it is called with
// false: an outage.
func (s *Server) SetAway(away bool) {
	s.mu.Lock()
	s.away = away
	s.mu.Unlock()
	if away {
		s.http.CloseClientConnections()
	}
}

// Decide answers as Opora would now.
func (s *Server) Decide(q client.Query) client.Decision {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.people[tenancy.EmployeeID(strings.ToLower(string(q.EmployeeID)))]
	if p == nil || p.gone {
		return entitlement.Decide(entitlement.Snapshot{Revision: entitlement.RevisionOf(s.revision, 0)}, q)
	}
	q.EmployeeID = p.ID
	return entitlement.Decide(entitlement.NewSnapshot(s.termsOf(p.Tenant), p.Employee, entitlement.RevisionOf(s.revision, p.revision)), q)
}

// Requests returns how often a path was asked for.
func (s *Server) Requests(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}

// termsOf returns the terms of a tenant; one that was dropped has no contract.
func (s *Server) termsOf(slug tenancy.TenantSlug) *entitlement.Terms {
	if t := s.terms[slug]; t != nil {
		return t
	}
	none, err := entitlement.Compile(Tenant{Slug: slug}, nil)
	if err != nil {
		panic(err) // nothing cannot be wrong
	}
	return none
}

// revise counts a change of an employee and tells of it; s.mu is held, as for
// what follows.
func (s *Server) revise(p *person) {
	p.revision++
	s.tell(entry{p.ID, p.revision})
}

func (s *Server) tell(e entry) {
	s.log = append(s.log, e)
	s.wake()
}

func (s *Server) wake() {
	close(s.moved)
	s.moved = make(chan struct{})
}
