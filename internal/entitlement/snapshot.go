package entitlement

import "github.com/ponimayu/opora/internal/tenancy"

// Snapshot is all that Decide reads: what the tenant bought, and who asks.
type Snapshot struct {
	Terms    *Terms   // nil: the tenant is not known here, which reads as employee_unknown
	Subject  *Subject // nil: the employee is not known
	Revision string   // names the state that was read; copied into the decision
}

// NewSnapshot compiles the employee against the terms.
func NewSnapshot(terms *Terms, employee tenancy.Employee, revision string) Snapshot {
	subject := terms.Subject(employee)
	return Snapshot{Terms: terms, Subject: &subject, Revision: revision}
}
