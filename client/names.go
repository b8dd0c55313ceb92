package client

import (
	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// The words of a check are those of Opora itself; these names make them
// available to programs outside.
type (
	Query     = entitlement.Query
	Used      = entitlement.Used
	For       = entitlement.For
	Decision  = entitlement.Decision
	Line      = entitlement.Line
	Window    = entitlement.Window
	CarryOver = entitlement.CarryOver
	Reason    = entitlement.Reason
	Cursor    = entitlement.Cursor

	EmployeeID         = tenancy.EmployeeID
	SpecialistTypeCode = tenancy.SpecialistTypeCode
	GrantID            = tenancy.GrantID
	ContractID         = tenancy.ContractID
	TenantSlug         = tenancy.TenantSlug
	SegmentID          = tenancy.SegmentID
	Format             = tenancy.Format
	Per                = tenancy.Per

	// Error is what Check returns for a query that is no question: its Code
	// and Message are those with which the API answers 400.
	Error = tenancy.Error
)

// For whom an appointment is; an empty For is Self.
const (
	Self      = entitlement.Self
	Dependant = entitlement.Dependant
)

// The formats of an appointment; an empty Format is any.
const (
	Video    = tenancy.Video
	Chat     = tenancy.Chat
	InPerson = tenancy.InPerson
)

// Whose the amount of a grant is.
const (
	PerEmployee = tenancy.PerEmployee
	PerFamily   = tenancy.PerFamily
	PerTenant   = tenancy.PerTenant
)

// The reasons of Opora, in the order in which they are looked for.
const (
	OK                 = entitlement.OK
	EmployeeUnknown    = entitlement.EmployeeUnknown
	EmployeeInactive   = entitlement.EmployeeInactive
	EmployeeNotStarted = entitlement.EmployeeNotStarted
	TenantSuspended    = entitlement.TenantSuspended
	ContractAbsent     = entitlement.ContractAbsent
	TypeUnknown        = entitlement.TypeUnknown
	TypeNotCovered     = entitlement.TypeNotCovered
	FormatNotCovered   = entitlement.FormatNotCovered
	AudienceNotCovered = entitlement.AudienceNotCovered
	QuotaExhausted     = entitlement.QuotaExhausted
	PoolExhausted      = entitlement.PoolExhausted
)

// Unavailable is the reason of an answer that Opora did not give: nothing is
// known, or what is known is older than Config.Outage. Allowed is then what
// Config.AfterOutage says, and there are no lines, no window and no revision.
const Unavailable Reason = "unavailable"

// UsedEach is a count of use taken for each covering grant.
func UsedEach(n int) Used { return entitlement.UsedEach(n) }

// UsedByGrant is a count of use per grant; a grant that is not named has none.
func UsedByGrant(counts map[GrantID]int) Used { return entitlement.UsedByGrant(counts) }
