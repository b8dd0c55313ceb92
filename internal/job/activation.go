package job

import (
	"context"
	"time"

	"github.com/riverqueue/river"

	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
)

// Activations is where one-time codes wait, sealed.
type Activations interface {
	// TakeActivation returns an employee and his code; code is empty when it was
	// handed over, has expired, or a newer one was issued.
	TakeActivation(ctx context.Context, id string) (employee tenancy.EmployeeID, code string, err error)
	// HandedOver removes the code, and enqueues its withdrawal for when it expires.
	HandedOver(ctx context.Context, id string) error
	// ExpireActivation ends a code; withdraw is false when a newer one was
	// issued, which must stay.
	ExpireActivation(ctx context.Context, id string) (employee tenancy.EmployeeID, withdraw bool, err error)
}

type offerActivation struct {
	river.WorkerDefaults[OfferActivation]
	activations Activations
	people      provisioner.People
}

// Work implements river.Worker. Whether the account's owner is active already
// is known here alone, and is written nowhere.
func (w *offerActivation) Work(ctx context.Context, j *river.Job[OfferActivation]) error {
	employee, code, err := w.activations.TakeActivation(ctx, j.Args.Activation)
	if err != nil || code == "" {
		return err
	}
	_, err = w.people.OfferActivation(ctx, employee, code)
	switch tenancy.KindOf(err) {
	case tenancy.NotFound, tenancy.Unavailable:
		if err != nil { // not made yet, or not to be reached
			return river.JobSnooze(5 * time.Second)
		}
	}
	if err != nil {
		return err
	}
	return w.activations.HandedOver(ctx, j.Args.Activation)
}

type withdrawActivation struct {
	river.WorkerDefaults[WithdrawActivation]
	activations Activations
	people      provisioner.People
}

// Work implements river.Worker.
func (w *withdrawActivation) Work(ctx context.Context, j *river.Job[WithdrawActivation]) error {
	employee, withdraw, err := w.activations.ExpireActivation(ctx, j.Args.Activation)
	if err != nil || !withdraw {
		return err
	}
	err = w.people.WithdrawActivation(ctx, employee)
	switch {
	case err == nil, tenancy.KindOf(err) == tenancy.NotFound:
		return nil
	case tenancy.KindOf(err) == tenancy.Unavailable:
		return river.JobSnooze(time.Minute)
	}
	return err
}
