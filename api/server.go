package api

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/workbooks"
)

// Tokens says whom an access token speaks for (token.Verifier). Its errors are
// of kind Unauthenticated or Unavailable.
type Tokens interface {
	Verify(ctx context.Context, raw string) (tenancy.Actor, error)
}

// Rosters is HR's way: uploads and what becomes of them. Every method refuses
// what the actor may not do; what he does not reach is NotFound.
type Rosters interface {
	Receive(ctx context.Context, actor tenancy.Actor, upload Upload) (roster.Import, error)
	Import(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.Import, error)
	// ImportProgress is Import without findings and problems.
	ImportProgress(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.Import, error)
	// ChangesOfKind and Problems are pages; a page of problems comes with the next
	// page's after, 0 on the last one.
	ChangesOfKind(ctx context.Context, actor tenancy.Actor, id roster.ImportID, kind roster.Kind, after, limit int) ([]roster.Change, error)
	Problems(ctx context.Context, actor tenancy.Actor, id roster.ImportID, after, limit int) (problems []tenancy.Problem, next int, err error)
	Approve(ctx context.Context, actor tenancy.Actor, id roster.ImportID, accept []string) (roster.Import, error)
	Apply(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.Import, error)
	Undo(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.UndoReport, error)
	Cancel(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.Import, error)
	RememberedMapping(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug) (roster.RememberedMapping, error)
	ForgetMapping(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug) error
	RosterStatus(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug) (roster.ListStatus, error)
	Workbooks
}

// Employees reads the people of a tenant and issues their activation codes,
// under the same rule as Rosters.
type Employees interface {
	SearchEmployees(ctx context.Context, actor tenancy.Actor, filter roster.EmployeeFilter) ([]tenancy.Employee, error)
	Employee(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID) (tenancy.Employee, error)
	IssueActivation(ctx context.Context, actor tenancy.Actor, ids []tenancy.EmployeeID) ([]roster.Activation, error)
}

// Options is what a Server is made of.
type Options struct {
	Tokens    Tokens
	Snapshots Snapshots
	Rosters   Rosters
	Employees Employees
	Overrides Overrides
	Past      Past
	Feed      Feed
	// Life ends when the process is told to stop: whoever waits for changes is
	// answered then. It never ends when nil.
	Life     context.Context
	Webhooks Webhooks
	// Ready returns an error while the server cannot do its work.
	Ready   func(context.Context) error
	Log     *slog.Logger
	Metrics *prometheus.Registry
	// MaxUpload bounds a roster's file, in bytes; MaxUpload when 0.
	MaxUpload int64
	// SpoolDir is where files are kept, sealed, while they come; the system's
	// folder for temporary files when empty.
	SpoolDir string
}

// Server answers the API's requests.
type Server struct {
	tokens    Tokens
	snapshots Snapshots
	rosters   Rosters
	employees Employees
	overrides Overrides
	past      Past
	feed      Feed
	life      context.Context
	webhooks  Webhooks
	ready     func(context.Context) error
	log       *slog.Logger
	metrics   *metrics
	uploads   uploadSlots
	maxUpload int64
	spoolDir  string
	pace      pace
	streams   atomic.Int32
	files     atomic.Int32
	// Readers of the feed.
	waiters, changeStreams, snapshotting atomic.Int32
	tokenEvery, slowReader               time.Duration
	mux                                  *chi.Mux
}

// New returns a server of the options; those without a word about their zero
// are required.
func New(o Options) *Server {
	s := &Server{
		tokens: o.Tokens, snapshots: o.Snapshots, rosters: o.Rosters, employees: o.Employees, overrides: o.Overrides, past: o.Past,
		feed: o.Feed, webhooks: o.Webhooks, life: o.Life, tokenEvery: tokenEvery, slowReader: slowReader,
		ready: o.Ready, log: o.Log, metrics: newMetrics(o.Metrics),
		uploads: uploadSlots{each: map[tenancy.TenantSlug]int{}}, maxUpload: o.MaxUpload, spoolDir: o.SpoolDir, pace: usualPace,
	}
	if s.maxUpload == 0 {
		s.maxUpload = MaxUpload
	}
	if s.life == nil {
		s.life = context.Background()
	}
	s.mux = s.routes(o.Metrics)
	return s
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Deadlines of requests, from their first byte to the last of the answer.
const (
	ownDeadline    = 0 // the endpoint sets one where it waits: a context costs as much as half a decision
	checkDeadline  = 2 * time.Second
	usualDeadline  = 15 * time.Second
	uploadDeadline = time.Hour       // a hundred megabytes over a slow line; how slow, pace says
	applyDeadline  = 2 * time.Minute // a hundred thousand rows are planned anew and written at once
)

// endpoint answers one request of an authenticated caller, or returns an error.
type endpoint func(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error

// route is an address of the API: whoever has no role with the action, in any
// tenant, is refused before the endpoint is asked.
type route struct {
	method, pattern string
	action          tenancy.Action
	deadline        time.Duration
	endpoint        endpoint
}

// table lists the addresses that need a token.
func (s *Server) table() []route {
	return []route{
		{"POST", "/v1/entitlements/check", tenancy.CheckEntitlement, ownDeadline, s.check},
		{"POST", "/v1/entitlements/checks", tenancy.CheckEntitlement, usualDeadline, s.checkMany},
		{"GET", "/v1/employees/{id}/entitlements", tenancy.ReadEntitlements, checkDeadline, s.entitlements},
		{"GET", "/v1/employees/{id}/entitlements/as-of", tenancy.ReadPastEntitlements, usualDeadline, s.entitlementsAsOf},
		{"GET", "/v1/employees/{id}/overrides", tenancy.OverrideEntitlement, usualDeadline, s.listOverrides},
		{"POST", "/v1/employees/{id}/overrides", tenancy.OverrideEntitlement, usualDeadline, s.addOverride},
		{"DELETE", "/v1/employees/{id}/overrides/{override}", tenancy.OverrideEntitlement, usualDeadline, s.endOverride},
		{"GET", "/v1/changes", tenancy.ReadChanges, changesStream, s.changes},
		{"GET", "/v1/changes/snapshot", tenancy.ReadChanges, snapshotDeadline, s.changesSnapshot},
		{"GET", "/v1/changes/terms", tenancy.ReadChanges, usualDeadline, s.changesTerms},
		{"POST", "/v1/entitlements/payer", tenancy.ReadPayer, checkDeadline, s.payer},
		{"GET", "/v1/webhooks", tenancy.ManageWebhooks, usualDeadline, s.listWebhooks},
		{"POST", "/v1/webhooks", tenancy.ManageWebhooks, usualDeadline, s.addWebhook},
		{"GET", "/v1/webhooks/{id}", tenancy.ManageWebhooks, usualDeadline, s.readWebhook},
		{"PATCH", "/v1/webhooks/{id}", tenancy.ManageWebhooks, usualDeadline, s.editWebhook},
		{"DELETE", "/v1/webhooks/{id}", tenancy.ManageWebhooks, usualDeadline, s.removeWebhook},
		{"POST", "/v1/webhooks/{id}/rotate", tenancy.ManageWebhooks, usualDeadline, s.rotateWebhook},
		{"POST", "/v1/webhooks/{id}/test", tenancy.ManageWebhooks, testDeadline, s.testWebhook},
		{"GET", "/v1/webhooks/{id}/deliveries", tenancy.ManageWebhooks, usualDeadline, s.webhookDeliveries},
		{"POST", "/v1/employees/search", tenancy.ReadEmployees, usualDeadline, s.searchEmployees},
		{"GET", "/v1/employees/{id}", tenancy.ReadEmployees, usualDeadline, s.employee},
		{"POST", "/v1/tenants/{slug}/imports", tenancy.UploadRoster, uploadDeadline, s.upload},
		{"GET", "/v1/tenants/{slug}/mapping", tenancy.ReadRoster, usualDeadline, s.readMapping},
		{"DELETE", "/v1/tenants/{slug}/mapping", tenancy.UploadRoster, usualDeadline, s.forgetMapping},
		{"GET", "/v1/tenants/{slug}/roster", tenancy.ReadRoster, usualDeadline, s.rosterStatus},
		{"POST", "/v1/tenants/{slug}/activations", tenancy.IssueActivation, usualDeadline, s.activate},
		{"GET", "/v1/imports/{id}", tenancy.ReadRoster, usualDeadline, s.readImport},
		{"GET", "/v1/imports/{id}/events", tenancy.ReadRoster, eventsDeadline, s.importEvents},
		{"GET", "/v1/imports/{id}/changes", tenancy.ReadRoster, usualDeadline, s.readChanges},
		{"GET", "/v1/imports/{id}/problems", tenancy.ReadRoster, usualDeadline, s.readProblems},
		{"GET", "/v1/imports/{id}/errors.xlsx", tenancy.ReadRoster, applyDeadline, s.errorWorkbook},
		{"GET", "/v1/tenants/{slug}/export.xlsx", tenancy.ExportRoster, applyDeadline, s.export(workbooks.XLSX, typeXLSX)},
		{"GET", "/v1/tenants/{slug}/export.csv", tenancy.ExportRoster, applyDeadline, s.export(workbooks.CSV, typeCSV)},
		{"GET", "/v1/roster/template.xlsx", tenancy.ReadRoster, usualDeadline, s.template},
		{"POST", "/v1/imports/{id}/approve", tenancy.ApproveRoster, applyDeadline, s.approveImport},
		{"POST", "/v1/imports/{id}/apply", tenancy.ApplyRoster, applyDeadline, s.moveImport(http.StatusAccepted, s.rosters.Apply)},
		{"POST", "/v1/imports/{id}/undo", tenancy.ApplyRoster, applyDeadline, s.undoImport},
		{"POST", "/v1/imports/{id}/cancel", tenancy.ApplyRoster, usualDeadline, s.moveImport(http.StatusOK, s.rosters.Cancel)},
	}
}

// routes builds the mux: the addresses of the table, and those open to all.
func (s *Server) routes(registry *prometheus.Registry) *chi.Mux {
	mux := chi.NewMux()
	mux.Use(s.observe)
	mux.NotFound(s.noRoute)
	mux.MethodNotAllowed(s.noMethod)
	mux.Get("/healthz", s.healthz)
	mux.Get("/readyz", s.readyz)
	mux.Get("/openapi.yaml", s.openapi)
	mux.Method("GET", "/metrics", metricsHandler(registry))
	for _, route := range s.table() {
		mux.Method(route.method, route.pattern, s.guard(route))
	}
	return mux
}

// connectionTime is what the connection's own deadlines allow a request.
const connectionTime = time.Minute

// outlive moves the connection's own deadlines, which are made for short
// requests, past the request's where that one is longer. Reaching the one for reading
// would cancel the request. Writers without deadlines have none to move.
func outlive(w http.ResponseWriter, deadline time.Duration) {
	if deadline <= connectionTime {
		return
	}
	connection, end := http.NewResponseController(w), time.Now().Add(deadline+10*time.Second)
	_ = connection.SetReadDeadline(end)
	_ = connection.SetWriteDeadline(end)
}

// ofHimself lets an employee ask what he may use; the endpoint sees that it is
// himself he asks about.
func ofHimself(route route, actor tenancy.Actor) bool {
	return route.action == tenancy.ReadEntitlements && actor.MayAnywhere(tenancy.ReadOwnEmployment)
}

// guard lets a request through to the route's endpoint: with a good token, a
// role that may, no cookies, and only so much time.
func (s *Server) guard(route route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if route.deadline != ownDeadline {
			ctx, cancel := context.WithTimeout(r.Context(), route.deadline)
			defer cancel()
			r = r.WithContext(ctx)
		}
		actor, err := s.authenticate(r)
		switch {
		case err != nil:
		case !actor.MayAnywhere(route.action) && !ofHimself(route, actor):
			err = tenancy.E(tenancy.Forbidden, "forbidden", "Your roles do not allow this.")
		default:
			outlive(w, route.deadline)
			err = route.endpoint(w, r, actor)
		}
		if err != nil {
			s.writeError(w, r, err)
		}
	}
}
