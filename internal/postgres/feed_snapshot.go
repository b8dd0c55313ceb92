package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Terms returns what all tenants bought, and its revision.
func (f *Feed) Terms(ctx context.Context) (d entitlement.TermsDocument, err error) {
	err = f.db.ReadContour(ctx, func(tx pgx.Tx) error {
		d, err = readTermsDocument(ctx, tx)
		return err
	})
	return d, err
}

// TermsRevision returns the revision of Terms alone.
func (f *Feed) TermsRevision(ctx context.Context) (revision int64, err error) {
	err = f.db.ReadContour(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT revision FROM terms_revision`).Scan(&revision)
	})
	return revision, err
}

func readTermsDocument(ctx context.Context, tx pgx.Tx) (d entitlement.TermsDocument, err error) {
	var revision int64
	var stored []byte
	var types []tenancy.SpecialistType
	err = tx.QueryRow(ctx, `SELECT revision, (SELECT specialist_types FROM catalogue_part) FROM terms_revision`).Scan(&revision, &stored)
	if err == nil && stored != nil {
		err = json.Unmarshal(stored, &types)
	}
	if err != nil {
		return d, err
	}
	tenants, err := readTenants(ctx, tx)
	return entitlement.NewTermsDocument(revision, tenants, types), err
}

// Snapshot tells everything there is, in one transaction: the cursor after
// which the feed goes on, the terms, every employee, and how many they were. It
// stops with the first error that tell returns. Little is held in memory,
// however many there are.
func (f *Feed) Snapshot(ctx context.Context, tell func(*entitlement.Change) error) error {
	if _, err := f.place(ctx, true); err != nil {
		return err
	}
	return f.db.ReadContour(ctx, func(tx pgx.Tx) error {
		state, err := readFeedState(ctx, tx)
		if err != nil {
			return err
		}
		terms, err := readTermsDocument(ctx, tx)
		if err != nil {
			return err
		}
		err = errors.Join(
			tell(&entitlement.Change{Type: entitlement.SnapshotBegins, Cursor: state.after(state.end).text()}),
			tell(&entitlement.Change{Type: entitlement.TermsChanged, Revision: terms.Revision, Terms: &terms}))
		if err != nil {
			return err
		}
		n, err := f.tellEmployees(ctx, tx, state.ground, tell)
		if err != nil {
			return err
		}
		return tell(&entitlement.Change{Type: entitlement.SnapshotEnds, Employees: n})
	})
}

func (f *Feed) tellEmployees(ctx context.Context, tx pgx.Tx, ground [cursorGround]byte, tell func(*entitlement.Change) error) (n int, err error) {
	rules, err := f.segmentRules(ctx, tx, ground)
	if err != nil {
		return 0, err
	}
	for record, err := range (recordReader{tx: tx, rules: rules}).all(ctx) {
		if err != nil {
			return n, err
		}
		n++
		item := entitlement.Change{Type: entitlement.EmployeeChanged, EmployeeID: record.ID, Tenant: record.Tenant, Revision: record.Revision, Employee: &record}
		if err := tell(&item); err != nil {
			return n, err
		}
	}
	return n, nil
}
