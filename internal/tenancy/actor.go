package tenancy

import "slices"

// Role is what a caller is, as his token (or the command line) says.
type Role string

// The roles of callers. The first four are realm roles of people; the others
// are client roles of service accounts or the operator at the command line.
const (
	RoleEmployee      Role = "employee"
	RoleHRAdmin       Role = "hr-admin"
	RolePlatformAdmin Role = "platform-admin"
	RoleSpecialist    Role = "specialist"
	RoleBookingCore   Role = "booking-core"
	RolePayments      Role = "payments"
	RoleOperator      Role = "operator" // the command line, on the contour's own machine
)

// Actor is who asks. Its ID is a subject, opaque: two requests of one person
// have the same ID, and nothing personal stands in it.
type Actor struct {
	ID      string
	Roles   []Role
	Tenants []TenantSlug // an HR admin's own tenants ("hr_of")
}

// Action is what an actor may be allowed to do.
type Action string

// The actions. Permissions is the one table of who may do what.
const (
	ReadEmployees     Action = "employees.read"
	UploadRoster      Action = "roster.upload"
	ReadRoster        Action = "roster.read"
	ExportRoster      Action = "roster.export"
	ApproveRoster     Action = "roster.approve"
	ApplyRoster       Action = "roster.apply"
	IssueActivation   Action = "activation.issue"
	CheckEntitlement  Action = "entitlement.check"
	ReadEntitlements  Action = "entitlement.read"
	ReadChanges       Action = "changes.read"
	ReadAllTenants    Action = "tenants.read"
	ApplyCatalogue    Action = "catalogue.apply"
	ReadContour       Action = "contour.read" // drift, jobs, audit
	ReadOwnEmployment Action = "self.read"
)

// The actions of those who look after one employee's entitlements.
const (
	// OverrideEntitlement is to make, end and see dated exceptions of one
	// employee. HR may not: they are not the company's to give under a contract
	// with the platform, and who has one tells of who uses help.
	OverrideEntitlement Action = "entitlement.override"
	// ReadPastEntitlements is to be told what somebody was entitled to, and by
	// what, for disputes. HR is told of contracts and lists, not of overrides.
	ReadPastEntitlements Action = "entitlement.past"
)

// ReadPayer is to ask who pays for an appointment, the contract or the person.
// Whoever may check learns more than that and asks the check; whoever takes
// payments learns this alone.
const ReadPayer Action = "entitlement.payer"

// ManageWebhooks is to say who is told that the feed has news, and to see how
// that goes.
const ManageWebhooks Action = "webhooks.manage"

// Permissions says which role may do what; what is not here is refused. An HR
// admin's permissions hold in his own tenants only (Actor.May).
var Permissions = map[Role][]Action{
	RoleHRAdmin: {ReadEmployees, UploadRoster, ReadRoster, ExportRoster, ApproveRoster, ApplyRoster, IssueActivation, ReadPastEntitlements},
	RolePlatformAdmin: {ReadEmployees, UploadRoster, ReadRoster, ApproveRoster, ApplyRoster, IssueActivation, ReadEntitlements, ReadAllTenants, ReadContour,
		OverrideEntitlement, ReadPastEntitlements, ManageWebhooks},
	RoleBookingCore: {CheckEntitlement, ReadEntitlements, ReadChanges},
	RolePayments:    {ReadPayer},
	RoleEmployee:    {ReadOwnEmployment},
	RoleOperator: {ReadEmployees, UploadRoster, ReadRoster, ExportRoster, ApproveRoster, ApplyRoster, IssueActivation, CheckEntitlement,
		ReadEntitlements, ReadChanges, ReadAllTenants, ApplyCatalogue, ReadContour, OverrideEntitlement, ReadPastEntitlements, ManageWebhooks, ReadPayer},
}

// Has reports whether the actor has the role.
func (a Actor) Has(role Role) bool { return slices.Contains(a.Roles, role) }

// Reaches reports whether the actor's roles reach the tenant at all, whatever
// the action: what it does not reach is answered as if it did not exist.
func (a Actor) Reaches(tenant TenantSlug) bool {
	for _, role := range a.Roles {
		switch role {
		case RolePlatformAdmin, RoleBookingCore, RolePayments, RoleOperator:
			return true
		case RoleHRAdmin:
			if slices.Contains(a.Tenants, tenant) {
				return true
			}
		}
	}
	return false
}

// May reports whether the actor may do the action in the tenant.
func (a Actor) May(action Action, tenant TenantSlug) bool {
	for _, role := range a.Roles {
		if !slices.Contains(Permissions[role], action) {
			continue
		}
		if role == RoleHRAdmin && !slices.Contains(a.Tenants, tenant) {
			continue
		}
		return true
	}
	return false
}

// MayAnywhere reports whether the actor may do the action in some tenant; it
// decides between "forbidden" and "not found" before a tenant is known.
func (a Actor) MayAnywhere(action Action) bool {
	for _, role := range a.Roles {
		if slices.Contains(Permissions[role], action) {
			return true
		}
	}
	return false
}
