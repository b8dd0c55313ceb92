package entitlement

import "github.com/ponimayu/opora/internal/tenancy"

// Snapshot is all that Decide reads: what the tenant bought, and who asks.
type Snapshot struct {
	Terms    *Terms  // nil: the tenant is not known here, which reads as employee_unknown
	Subject  Subject // the zero Subject: the employee is not known
	Revision string  // names the state that was read; copied into the decision
}

// Known reports whether there is an employee to decide about.
func (s *Snapshot) Known() bool { return s.Terms != nil && s.Subject.known }

// Err returns why Decide must not be asked: the tenant's terms are Broken.
func (s *Snapshot) Err() error {
	if s.Terms == nil {
		return nil
	}
	return s.Terms.broken
}

// NewSnapshot compiles the employee against the terms.
func NewSnapshot(terms *Terms, employee tenancy.Employee, revision string) Snapshot {
	return Snapshot{Terms: terms, Subject: terms.Subject(employee), Revision: revision}
}
