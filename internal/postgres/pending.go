package postgres

import (
	"context"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

var errPending = tenancy.E(tenancy.Internal, "pending", "this part is being written")

// Undo takes an applied import back as far as nothing changed since.
func (r *Rosters) Undo(ctx context.Context, actor tenancy.Actor, id roster.ImportID) (roster.UndoReport, error) {
	return roster.UndoReport{}, errPending
}
