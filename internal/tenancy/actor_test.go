package tenancy

import "testing"

func TestActorMay(t *testing.T) {
	hr := Actor{ID: "hr", Roles: []Role{RoleHRAdmin}, Tenants: []TenantSlug{"cdek"}}
	platform := Actor{ID: "p", Roles: []Role{RolePlatformAdmin}}
	booking := Actor{ID: "b", Roles: []Role{RoleBookingCore}}
	payments := Actor{ID: "pay", Roles: []Role{RolePayments}}
	employee := Actor{ID: "e", Roles: []Role{RoleEmployee}}
	nobody := Actor{ID: "n", Roles: []Role{"offline_access"}}
	both := Actor{ID: "both", Roles: []Role{RoleEmployee, RoleHRAdmin}, Tenants: []TenantSlug{"cdek"}}
	for _, c := range []struct {
		who    string
		actor  Actor
		action Action
		tenant TenantSlug
		may    bool
	}{
		{"HR in his tenant", hr, UploadRoster, "cdek", true},
		{"HR in another tenant", hr, UploadRoster, "avito", false},
		{"HR asks what someone may use", hr, CheckEntitlement, "cdek", false},
		{"HR lists entitlements", hr, ReadEntitlements, "cdek", false},
		{"HR without any tenant", Actor{Roles: []Role{RoleHRAdmin}}, ReadEmployees, "cdek", false},
		{"HR and the empty tenant", hr, ReadEmployees, "", false},
		{"platform admin anywhere", platform, ApproveRoster, "avito", true},
		{"booking core checks", booking, CheckEntitlement, "avito", true},
		{"booking core reads people", booking, ReadEmployees, "avito", false},
		{"booking core asks who pays", booking, ReadPayer, "avito", false},
		{"payments asks who pays", payments, ReadPayer, "avito", true},
		{"payments checks", payments, CheckEntitlement, "avito", false},
		{"payments lists entitlements", payments, ReadEntitlements, "avito", false},
		{"payments follows changes", payments, ReadChanges, "avito", false},
		{"payments reads people", payments, ReadEmployees, "avito", false},
		{"employee reads people", employee, ReadEmployees, "cdek", false},
		{"a role nobody knows", nobody, ReadEmployees, "cdek", false},
		{"two roles add up", both, ApplyRoster, "cdek", true},
		{"two roles stay in the tenant", both, ApplyRoster, "avito", false},
	} {
		if got := c.actor.May(c.action, c.tenant); got != c.may {
			t.Errorf("%s: May(%s, %q) = %v", c.who, c.action, c.tenant, got)
		}
		if c.may && !c.actor.Reaches(c.tenant) {
			t.Errorf("%s: may %s but does not reach %q", c.who, c.action, c.tenant)
		}
	}
}

func TestNoRoleOfPeopleReadsUse(t *testing.T) {
	// HR must never learn what anybody is entitled to, still less what he uses.
	for _, action := range []Action{CheckEntitlement, ReadEntitlements, ReadChanges} {
		for _, allowed := range Permissions[RoleHRAdmin] {
			if allowed == action {
				t.Errorf("HR admins must not have %s", action)
			}
		}
	}
}
