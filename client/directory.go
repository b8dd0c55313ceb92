package client

import (
	"sync"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// directory is all people of a contour, in memory.
type directory struct {
	mu     sync.RWMutex
	rev    int64
	terms  map[tenancy.TenantSlug]*entitlement.Terms
	people map[tenancy.EmployeeID]entitlement.Record
	gone   map[tenancy.EmployeeID]int64
}

func newDirectory() *directory {
	return &directory{people: map[tenancy.EmployeeID]entitlement.Record{}, gone: map[tenancy.EmployeeID]int64{}}
}

func (d *directory) SetTerms(revision int64, terms map[tenancy.TenantSlug]*entitlement.Terms) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rev, d.terms = revision, terms
}

func (d *directory) Put(r entitlement.Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.people[r.ID].Revision > r.Revision || d.gone[r.ID] > r.Revision {
		return
	}
	d.people[r.ID] = r
}

func (d *directory) Remove(id tenancy.EmployeeID, revision int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.people[id].Revision > revision {
		return
	}
	delete(d.people, id)
	d.gone[id] = revision
}

func (d *directory) Snapshot(id string) (entitlement.Snapshot, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	r, ok := d.people[tenancy.EmployeeID(id)]
	if !ok {
		return entitlement.Snapshot{Revision: entitlement.RevisionOf(d.rev, 0)}, false
	}
	of := d.terms[r.Tenant]
	if of == nil {
		return entitlement.Snapshot{Revision: entitlement.RevisionOf(d.rev, r.Revision)}, true
	}
	subject := of.SubjectOf(r)
	return entitlement.Snapshot{Terms: of, Subject: &subject, Revision: entitlement.RevisionOf(d.rev, r.Revision)}, true
}

func (d *directory) Len() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return len(d.people)
}

func (d *directory) Bytes() int { return 0 }
