package postgres

import (
	"context"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

var errPending = tenancy.E(tenancy.Internal, "pending", "this part is being written")

// Receive stores an upload, sealed, with its import (state received) and the
// job that reads it. A file over MaxUpload is tenancy.TooLarge
// (file_too_large), an unknown legal entity or mode tenancy.Invalid.
func (r *Rosters) Receive(ctx context.Context, actor tenancy.Actor, upload Upload) (roster.Import, error) {
	return roster.Import{}, errPending
}

// Import returns an import with its counts, findings and problems.
func (r *Rosters) Import(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.Import, error) {
	return roster.Import{}, errPending
}

// Imports returns a tenant's latest imports (at most 50), the newest first,
// without their problems.
func (r *Rosters) Imports(ctx context.Context, actor tenancy.Actor, tenant tenancy.TenantSlug) ([]roster.Import, error) {
	return nil, errPending
}

// Changes returns up to limit (at most 1000, 100 when 0) of an import's changes
// after the change numbered after, in the plan's order: the preview.
func (r *Rosters) Changes(ctx context.Context, actor tenancy.Actor, id roster.ImportID, after, limit int) ([]roster.Change, error) {
	return nil, errPending
}

// Approve accepts findings of a held import by their codes; when all are
// accepted the import is planned. The uploader himself gets tenancy.Conflict
// (same_person), an import that is not held tenancy.Conflict (import_state), a
// code that is not among its findings tenancy.Invalid (finding_unknown).
func (r *Rosters) Approve(ctx context.Context, actor tenancy.Actor, id roster.ImportID, accept []string) (roster.Import, error) {
	return roster.Import{}, errPending
}

// Apply carries out a planned import: people and ops, with the jobs, in one
// transaction. It returns the import in state applying (or applied, when there
// was nothing to do in Keycloak). tenancy.Conflict: import_held (its explicit
// leaves were applied, the rest waits for another person), plan_stale (people
// changed since; the plan was made anew and is to be read again), import_busy
// (another import of the tenant is being applied), import_state.
// To apply an import again is success and changes nothing.
func (r *Rosters) Apply(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.Import, error) {
	return roster.Import{}, errPending
}

// Cancel gives up an import that was not applied.
func (r *Rosters) Cancel(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.Import, error) {
	return roster.Import{}, errPending
}

// Undo takes an applied import back as far as nothing changed since.
func (r *Rosters) Undo(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.UndoReport, error) {
	return roster.UndoReport{}, errPending
}

// SearchEmployees returns a tenant's employees that match the filter. A filter
// without exactly one of its three ways is tenancy.Invalid.
func (r *Rosters) SearchEmployees(ctx context.Context, actor tenancy.Actor, filter roster.EmployeeFilter) ([]tenancy.Employee, error) {
	return nil, errPending
}

// Employee returns an employee with his employments and computed status.
func (r *Rosters) Employee(ctx context.Context, actor tenancy.Actor, id tenancy.EmployeeID) (tenancy.Employee, error) {
	return tenancy.Employee{}, errPending
}

// IssueActivation makes a one-time code for each of up to 500 employees of one
// tenant; the codes are returned here and never again. It says nothing about
// who is active.
func (r *Rosters) IssueActivation(ctx context.Context, actor tenancy.Actor, ids []tenancy.EmployeeID) ([]roster.Activation, error) {
	return nil, errPending
}
