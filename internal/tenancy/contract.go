package tenancy

// ContractID names a contract, unique in the catalogue.
type ContractID string

// Contract is what a tenant bought for one country and period.
type Contract struct {
	ID        ContractID  `json:"id"`
	Country   CountryCode `json:"country"`
	TimeZone  string      `json:"time_zone"` // IANA name; the country's when the catalogue gives none
	From      Date        `json:"from"`
	Until     Date        `json:"until"` // exclusive
	Seats     int         `json:"seats,omitempty"`
	GraceDays int         `json:"grace_days,omitempty"` // days after the last day of work with access
	Suspended bool        `json:"suspended,omitempty"`  // until it is taken back
	// Suspensions are dated; everybody under the contract is.
	Suspensions []Suspension `json:"suspensions,omitempty"`
	Renewal     Renewal      `json:"renewal,omitempty"`
	// SharedWith are other companies of the tenant's holding, whose people stand
	// under this contract too. An amount per tenant is one pool of all of them.
	SharedWith []TenantSlug `json:"shared_with,omitempty"`
	// Holder is whose contract it is, where it stands among the contracts of
	// another that it is shared with (WithShared); empty among his own.
	Holder TenantSlug `json:"holder,omitempty" catalogue:"-"`
	// RenewsUntil is the day on which the holder's next contract begins, where a
	// contract that renews itself is another's: it ends for all of them then.
	RenewsUntil Date        `json:"renews_until,omitzero" catalogue:"-"`
	Roster      RosterTerms `json:"roster,omitzero"`
	Grants      []Grant     `json:"grants"`
}

// RosterTerms is what a tenant agreed about its lists of employees. A zero
// field is one that nothing was agreed about.
type RosterTerms struct {
	// AbsentTimes is how many full lists in a row, each of another day, must
	// leave somebody out before he leaves; 0 as 1: the first one is enough.
	AbsentTimes int `json:"absent_times,omitempty"`
	// DueEveryDays is within how many days of the last one a list is promised;
	// 0: none is.
	DueEveryDays int         `json:"due_every_days,omitempty"`
	Brake        BrakeLimits `json:"brake,omitzero"`
}

// BrakeLimits says from where on a list is held until another person has
// looked; where a count and a percentage stand together, the greater holds. A
// zero field is not adjusted: roster.DefaultLimits' value holds.
type BrakeLimits struct {
	AbsentCount       int `json:"absent_count,omitempty"` // absences of the whole tenant
	AbsentPercent     int `json:"absent_percent,omitempty"`
	DepartmentCount   int `json:"department_count,omitempty"` // absences of one department
	DepartmentPercent int `json:"department_percent,omitempty"`
	WeekPercent       int `json:"week_percent,omitempty"`   // absences in seven days, without those that somebody approved
	IdentityCount     int `json:"identity_count,omitempty"` // changes of name, e-mail or phone
	IdentityPercent   int `json:"identity_percent,omitempty"`
}

// GrantID names a grant within its contract; the booking core counts use by it.
type GrantID string

// Per says whose the amount is.
type Per string

// Whose an amount is.
const (
	PerEmployee Per = "employee"
	PerFamily   Per = "family"
	PerTenant   Per = "tenant"
)

// WindowKind says over which period an amount holds.
type WindowKind string

// The kinds of window.
const (
	CalendarMonth   WindowKind = "calendar_month"
	CalendarQuarter WindowKind = "calendar_quarter"
	CalendarYear    WindowKind = "calendar_year"
	ContractYear    WindowKind = "contract_year" // years counted from the contract's first day
	HireYear        WindowKind = "hire_year"     // years counted from the employee's hire date
	Rolling         WindowKind = "rolling"       // the last Days days
	WholeContract   WindowKind = "contract"
)

// Audience says for whom an appointment is.
type Audience string

// Whom a grant covers. Dependants are counted, never named.
const (
	ForEmployee  Audience = "employee"
	ForDependant Audience = "dependant"
)

// Format is how an appointment is held.
type Format string

// The formats.
const (
	Video    Format = "video"
	Chat     Format = "chat"
	InPerson Format = "in_person"
)

// Grant is how much of what: specialist types that share one amount, in a
// window. Grants that cover the same type add up, the lower Priority first.
type Grant struct {
	ID              GrantID              `json:"id"`
	SpecialistTypes []SpecialistTypeCode `json:"specialist_types"`
	Amount          int                  `json:"amount"` // appointments per window
	Per             Per                  `json:"per"`
	Window          WindowKind           `json:"window"`
	Days            int                  `json:"days,omitempty"`     // length of a rolling window
	Formats         []Format             `json:"formats,omitempty"`  // any when empty
	Minutes         int                  `json:"minutes,omitempty"`  // longest appointment; any when 0
	Audience        []Audience           `json:"audience,omitempty"` // the employee when empty
	Segments        []SegmentID          `json:"segments,omitempty"` // everybody when empty
	ValidFrom       Date                 `json:"valid_from,omitzero"`
	ValidUntil      Date                 `json:"valid_until,omitzero"` // exclusive
	CarryOver       int                  `json:"carry_over,omitempty"` // at most so many unused go into the next window
	Priority        int                  `json:"priority"`
}
