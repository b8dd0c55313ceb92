package job

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
)

// atOnce is how many single calls one slice keeps in flight; Keycloak takes
// updates fastest at eight to sixteen.
const atOnce = 8

// Send carries out a batch of ops and says what became of each. What is
// doubtful is observed before it is sent again. The error is that of a Keycloak
// that does not answer; the results hold then too, with those ops unknown that
// may have been sent, and pending that were not. What an answer left open, such
// as a 403 or a 500, is unknown with that answer's code.
func Send(ctx context.Context, people provisioner.People, ops []Op) ([]OpResult, error) {
	observed, err := observe(ctx, people, ops)
	if err != nil {
		return unobserved(ops, err), silence(err)
	}
	var creates, singles []Op
	var results []OpResult
	for _, op := range ops {
		_, there := observed[op.Account.ID]
		switch {
		case op.Kind != OpCreate:
			singles = append(singles, op)
		case op.Doubtful && there:
			results = append(results, OpResult{Op: op, State: OpConfirmed})
		default:
			creates = append(creates, op)
		}
	}
	made, errCreates := create(ctx, people, creates)
	changed, errSingles := change(ctx, people, singles)
	return append(append(results, made...), changed...), errors.Join(errCreates, errSingles)
}

// observe reads the accounts of creations that may have been sent before. The
// other kinds are asked for again: saying twice what an account should be like
// does no more than saying it once.
func observe(ctx context.Context, people provisioner.People, ops []Op) (map[tenancy.EmployeeID]provisioner.Account, error) {
	var ids []tenancy.EmployeeID
	for _, op := range ops {
		if op.Doubtful && op.Kind == OpCreate {
			ids = append(ids, op.Account.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return people.ObserveAccounts(ctx, ids)
}

// unobserved is the results when observing failed. Only what was to be observed
// has the answer's code: the rest was never asked for.
func unobserved(ops []Op, err error) []OpResult {
	results := make([]OpResult, len(ops))
	for i, op := range ops {
		results[i] = OpResult{Op: op, State: OpUnknown}
		if op.Doubtful && op.Kind == OpCreate {
			results[i] = unsure(op, err)
		}
	}
	return results
}

// unsure is the result of a call that leaves it open whether it was done, with
// the code of the answer when there was one.
func unsure(op Op, err error) OpResult {
	result := OpResult{Op: op, State: OpUnknown}
	var e *tenancy.Error
	if silence(err) == nil && errors.As(err, &e) {
		result.Code, result.Message = e.Code, e.Message
	}
	return result
}

// silence returns the error of a Keycloak that does not answer, nil for one
// that is an answer.
func silence(err error) error {
	var e *tenancy.Error
	if errors.As(err, &e) && e.Kind != tenancy.Unavailable {
		return nil
	}
	return err
}

// create sends accounts as one batch.
func create(ctx context.Context, people provisioner.People, ops []Op) ([]OpResult, error) {
	if len(ops) == 0 {
		return nil, nil
	}
	accounts := make([]provisioner.Account, len(ops))
	for i, op := range ops {
		accounts[i] = op.Account
	}
	outcomes, err := people.CreateAccounts(ctx, accounts)
	if err != nil {
		results := make([]OpResult, len(ops))
		for i, op := range ops {
			results[i] = unsure(op, err)
		}
		return results, silence(err)
	}
	byID := make(map[tenancy.EmployeeID]provisioner.Outcome, len(outcomes))
	for _, o := range outcomes {
		byID[o.ID] = o
	}
	results := make([]OpResult, len(ops))
	for i, op := range ops {
		o, told := byID[op.Account.ID]
		results[i] = OpResult{Op: op, State: stateOf(o, told), Code: o.Code, Message: o.Message}
	}
	return results, nil
}

// stateOf reads an outcome. One that was not told is not known.
func stateOf(o provisioner.Outcome, told bool) OpState {
	switch {
	case !told || o.Unknown:
		return OpUnknown
	case o.Done:
		return OpConfirmed
	case o.Code == "tenant_absent":
		return OpPending // the catalogue is being applied
	}
	return OpFailed
}

// change sends ops that are one call each.
func change(ctx context.Context, people provisioner.People, ops []Op) ([]OpResult, error) {
	results := make([]OpResult, len(ops))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, op := range ops {
		group.Go(func() error {
			if ctx.Err() != nil { // the turn is over: not sent, and free for the next
				results[i] = OpResult{Op: op, State: OpPending}
				return nil //nolint:nilerr // nothing is wrong with Keycloak
			}
			err := call(ctx, people, op)
			if neverMade(op, err) {
				op.Kind = OpCreate
				made, err := create(ctx, people, []Op{op})
				results[i] = made[0]
				return err
			}
			results[i] = resultOf(op, err)
			if results[i].State == OpUnknown {
				return silence(err)
			}
			return nil
		})
	}
	return results, group.Wait()
}

// neverMade reports whether the account that an op changes is not there, as
// when its creation was refused: then it is made as it should be now.
func neverMade(op Op, err error) bool {
	var e *tenancy.Error
	return (op.Kind == OpUpdate || op.Kind == OpEnable) && op.Account.Login != "" && errors.As(err, &e) && e.Code == "account_missing"
}

func call(ctx context.Context, people provisioner.People, op Op) error {
	switch op.Kind {
	case OpDisable:
		err := people.DisableAccount(ctx, op.Account.ID)
		if tenancy.KindOf(err) == tenancy.NotFound {
			return nil // nobody can sign in to it
		}
		return err
	case OpDelete:
		return people.DeleteAccount(ctx, op.Account.ID)
	}
	return people.UpdateAccount(ctx, op.Account)
}

// resultOf reads the error of a single call. A refusal is final; anything else
// leaves it open whether it was done.
func resultOf(op Op, err error) OpResult {
	var e *tenancy.Error
	switch {
	case err == nil:
		return OpResult{Op: op, State: OpConfirmed}
	case errors.As(err, &e) && (e.Kind == tenancy.NotFound || e.Kind == tenancy.Conflict || e.Kind == tenancy.Invalid):
		return OpResult{Op: op, State: OpFailed, Code: e.Code, Message: e.Message}
	}
	return unsure(op, err)
}
