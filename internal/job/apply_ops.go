package job

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"golang.org/x/sync/errgroup"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
)

// OpKind is what a call to Keycloak does.
type OpKind string

// The kinds of op. What the call carries is the account as it should be when it
// is sent, so none is ever out of date.
const (
	OpCreate  OpKind = "create"
	OpUpdate  OpKind = "update"
	OpDisable OpKind = "disable"
	OpEnable  OpKind = "enable"
	OpDelete  OpKind = "delete"
)

// OpState is where an op stands.
type OpState string

// The states of an op. Confirmed and Failed are its ends.
const (
	OpPending   OpState = "pending"
	OpSent      OpState = "sent"
	OpConfirmed OpState = "confirmed"
	OpUnknown   OpState = "unknown"
	OpFailed    OpState = "failed"
)

// Op is one claimed call to Keycloak.
type Op struct {
	ID   int64
	Kind OpKind
	// Doubtful says that it may have been sent before: by a worker that died,
	// or with an answer that was lost.
	Doubtful bool
	Account  provisioner.Account
}

// OpResult is what became of an op. State Pending means that it was not sent
// and is to be tried again; Unknown with a code, that Keycloak answered with an
// error that leaves it open, which it may do a bounded number of times.
type OpResult struct {
	Op      Op
	State   OpState
	Code    string
	Message string
}

// OpClaim is what a worker asks for: up to Most ops of an import, under a claim
// of its own, for so long.
type OpClaim struct {
	Tenant tenancy.TenantSlug
	Import roster.ImportID
	Claim  string // a UUID that nobody else has
	// Behind leaves out ops up to this one. Who has just claimed those need not
	// have PostgreSQL look at them again: while an older transaction runs, it
	// would wade through every op that has ended.
	Behind int64
	Most   int
	Lease  time.Duration
}

// Ops is where ops are kept.
type Ops interface {
	// ClaimOps marks ops as sent, under the claim, and commits that. No op is
	// claimed while an earlier one of the same employee is open. open is how
	// many the import has that have not ended; it is counted only when none was
	// claimed, for who works need not know.
	ClaimOps(ctx context.Context, c OpClaim) (ops []Op, open int, err error)
	// EndOps writes results, of those ops only that are still under the claim.
	EndOps(ctx context.Context, tenant tenancy.TenantSlug, id roster.ImportID, claim string, results []OpResult) error
}

const (
	// sliceSize is how many ops are claimed together: some batches of accounts
	// to be made (the target cuts them), so that a claim and what follows it
	// cost little beside the calls.
	sliceSize = 200
	// hands is how many slices one run of the job has under way: while one is
	// with Keycloak, the other is claimed or written down.
	hands = 2
	// turnTime bounds the calls of one claim; opLease outlasts it, so that
	// nobody takes an op over while its call may still be on the way.
	turnTime = 20 * time.Second
	opLease  = 30 * time.Second
	// shift is how long one run of the job goes on before it lets others in.
	shift = 15 * time.Second
)

// applyOps is the worker of ApplyOps.
type applyOps struct {
	river.WorkerDefaults[ApplyOps]
	ops    Ops
	people provisioner.People
	log    *slog.Logger
}

// Work implements river.Worker: claim, send, write down, until nothing is left.
// What waits for Keycloak or for another worker is looked at again later; a job
// never gives up while ops are open.
func (w *applyOps) Work(ctx context.Context, j *river.Job[ApplyOps]) error {
	// Not all at once: who ends a shift is some time away from Keycloak.
	end := time.Now().Add(shift + time.Duration(j.Args.Shard)*shift/2)
	left := make([]int, hands)
	var behind atomic.Int64
	var all errgroup.Group
	for hand := range hands {
		all.Go(func() (err error) {
			left[hand], err = w.work(ctx, j.Args, &behind, end)
			return err
		})
	}
	err := all.Wait()
	switch {
	case tenancy.KindOf(err) == tenancy.Unavailable:
		w.log.Warn("ops wait for Keycloak or PostgreSQL", "tenant", j.Args.Tenant, "import", j.Args.Import, "error", err)
		return river.JobSnooze(patience())
	case err != nil:
		return err
	case !time.Now().Before(end):
		return river.JobSnooze(0)
	case slices.Min(left) == 0 || j.Args.Shard > 0:
		return nil // the hand that ended last has seen that nothing is open
	}
	return river.JobSnooze(2 * time.Second)
}

// work takes slices until the end of the shift, or until nothing is free. It
// returns how many ops were open when it found nothing. behind is the last op
// that a hand of this run has claimed.
func (w *applyOps) work(ctx context.Context, args ApplyOps, behind *atomic.Int64, end time.Time) (open int, err error) {
	for time.Now().Before(end) {
		sent, open, err := w.turn(ctx, args, behind)
		if err != nil || sent == 0 {
			return open, err
		}
	}
	return 0, nil
}

// patience is how long a job waits for a Keycloak that does not answer: the
// client has tried several times by then, so not for long, and not all at once.
func patience() time.Duration { return 2*time.Second + rand.N(4*time.Second) }

// claim claims the next slice: of the ops behind those that this run has claimed,
// and when none is free there, of all.
func (w *applyOps) claim(ctx context.Context, args ApplyOps, claim string, behind *atomic.Int64) (claimed []Op, open int, err error) {
	asked := OpClaim{Tenant: args.Tenant, Import: args.Import, Claim: claim, Behind: behind.Load(), Most: sliceSize, Lease: opLease}
	claimed, open, err = w.ops.ClaimOps(ctx, asked)
	if err == nil && len(claimed) == 0 && asked.Behind > 0 {
		asked.Behind = 0
		claimed, open, err = w.ops.ClaimOps(ctx, asked)
	}
	if len(claimed) > 0 {
		behind.Store(claimed[len(claimed)-1].ID)
	}
	return claimed, open, err
}

// turn claims one slice and carries it out.
func (w *applyOps) turn(ctx context.Context, args ApplyOps, behind *atomic.Int64) (sent, open int, err error) {
	claim := uuid.NewString()
	claimed, open, err := w.claim(ctx, args, claim, behind)
	if err != nil || len(claimed) == 0 {
		return 0, open, err
	}
	calls, cancel := context.WithTimeout(ctx, turnTime)
	results, failed := Send(calls, w.people, claimed)
	cancel()
	w.tell(args, results)
	// What Keycloak answered must be kept even while this worker is stopping.
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if err := w.ops.EndOps(writing, args.Tenant, args.Import, claim, results); err != nil {
		return len(claimed), open, err
	}
	return len(claimed), open, failed
}

// tell logs the answers that left ops open, a line for each code.
func (w *applyOps) tell(args ApplyOps, results []OpResult) {
	refused := map[string]int{}
	for _, r := range results {
		if r.State == OpUnknown && r.Code != "" {
			refused[r.Code]++
		}
	}
	for code, n := range refused {
		w.log.Warn("Keycloak answers with an error; it is asked again", "tenant", args.Tenant, "import", args.Import, "code", code, "ops", n)
	}
}
