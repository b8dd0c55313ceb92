package entitlement

import (
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Reason says why a decision is what it is; it is part of the API.
type Reason string

// The reasons, in the order in which Decide looks for them.
const (
	OK                 Reason = "ok"
	EmployeeUnknown    Reason = "employee_unknown"
	EmployeeInactive   Reason = "employee_inactive" // gone beyond the grace period, or without employment
	EmployeeNotStarted Reason = "employee_not_started"
	TenantSuspended    Reason = "tenant_suspended" // the tenant, or its contract
	ContractAbsent     Reason = "contract_absent"  // no contract runs at that time
	TypeUnknown        Reason = "type_unknown"     // no such specialist type on the platform
	TypeNotCovered     Reason = "type_not_covered" // no grant gives it to this employee at that time
	FormatNotCovered   Reason = "format_not_covered"
	AudienceNotCovered Reason = "audience_not_covered"
	QuotaExhausted     Reason = "quota_exhausted"
	PoolExhausted      Reason = "pool_exhausted" // only tenant-wide pools cover it, and they are used up
)

// Reasons returns all of them, in the order in which Decide looks for them.
func Reasons() []Reason {
	return []Reason{OK, EmployeeUnknown, EmployeeInactive, EmployeeNotStarted, TenantSuspended, ContractAbsent,
		TypeUnknown, TypeNotCovered, FormatNotCovered, AudienceNotCovered, QuotaExhausted, PoolExhausted}
}

// Decision is the answer to a Query; its JSON is the answer of
// POST /v1/entitlements/check.
type Decision struct {
	Allowed bool   `json:"allowed"`
	Reason  Reason `json:"reason"`
	// Limit, Used and Remaining are sums over Lines. Remaining is not
	// Limit-Used where one grant is overdrawn and another is not.
	Limit     int `json:"limit"`
	Used      int `json:"used"`
	Remaining int `json:"remaining"`
	// Consume is the grant to count the appointment against; empty when refused.
	Consume tenancy.GrantID `json:"consume,omitempty"`
	// Lines are the covering grants in the order in which they are consumed.
	Lines []Line `json:"lines"`
	// Window is that of Consume, or of the first line; zero (absent) without lines.
	Window Window `json:"window,omitzero"`
	// Contract is the one that runs at that time; empty when none does.
	Contract tenancy.ContractID `json:"contract,omitempty"`
	// ValidUntil is the next instant after the query's At from which the same
	// question, asked for that later time, can have another answer. The zero
	// time (absent) means that nothing known will change it.
	ValidUntil time.Time `json:"valid_until,omitzero"`
	// Revision names the state of catalogue and employee that was read.
	Revision string `json:"revision"`
}

// Line is what one covering grant gives.
type Line struct {
	Grant     tenancy.GrantID `json:"grant"`
	Limit     int             `json:"limit"`
	Used      int             `json:"used"`
	Remaining int             `json:"remaining"`
	Window    Window          `json:"window"`
	Per       tenancy.Per     `json:"per"`
	// Pool is the key under which a tenant-wide amount is counted,
	// "<holder>/<grant>": one count over all companies of a holding. Empty for
	// amounts of an employee or a family.
	Pool string `json:"pool,omitempty"`
	// CarryOver tells, for a grant that carries over, where unused
	// appointments may come from; zero (absent) for others.
	CarryOver CarryOver `json:"carry_over,omitzero"`
}

// CarryOver says how many unused appointments a window took from the one
// before it, and which window that is (count it to send used_before).
type CarryOver struct {
	Carried int    `json:"carried"` // part of the line's limit
	AtMost  int    `json:"at_most"`
	Window  Window `json:"window"`
}

// Window is the period in which use is counted; Until is exclusive. Both are
// in the contract's time zone.
type Window struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
}

// IsZero reports whether there is no window.
func (w Window) IsZero() bool { return w == Window{} }

// Contains reports whether t lies in the window.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.Until) }
