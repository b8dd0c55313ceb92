package keycloak

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/realms"
)

// realmRepresentation is the part of Keycloak's realm that is ours.
type realmRepresentation struct {
	Realm                            string            `json:"realm"`
	DisplayName                      string            `json:"displayName"`
	Enabled                          bool              `json:"enabled"`
	SSLRequired                      string            `json:"sslRequired"`
	InternationalizationEnabled      bool              `json:"internationalizationEnabled"`
	SupportedLocales                 []string          `json:"supportedLocales"`
	DefaultLocale                    string            `json:"defaultLocale"`
	PasswordPolicy                   string            `json:"passwordPolicy"`
	RegistrationAllowed              bool              `json:"registrationAllowed"`
	RememberMe                       bool              `json:"rememberMe"`
	ResetPasswordAllowed             bool              `json:"resetPasswordAllowed"`
	LoginWithEmailAllowed            bool              `json:"loginWithEmailAllowed"`
	DuplicateEmailsAllowed           bool              `json:"duplicateEmailsAllowed"`
	VerifyEmail                      bool              `json:"verifyEmail"`
	EditUsernameAllowed              bool              `json:"editUsernameAllowed"`
	BruteForceProtected              bool              `json:"bruteForceProtected"`
	PermanentLockout                 bool              `json:"permanentLockout"`
	FailureFactor                    int               `json:"failureFactor"`
	WaitIncrementSeconds             int               `json:"waitIncrementSeconds"`
	MaxFailureWaitSeconds            int               `json:"maxFailureWaitSeconds"`
	QuickLoginCheckMilliSeconds      int               `json:"quickLoginCheckMilliSeconds"`
	MinimumQuickLoginWaitSeconds     int               `json:"minimumQuickLoginWaitSeconds"`
	MaxDeltaTimeSeconds              int               `json:"maxDeltaTimeSeconds"`
	AccessTokenLifespan              int               `json:"accessTokenLifespan"`
	AccessCodeLifespan               int               `json:"accessCodeLifespan"`
	AccessCodeLifespanLogin          int               `json:"accessCodeLifespanLogin"`
	AccessCodeLifespanUserAction     int               `json:"accessCodeLifespanUserAction"`
	ActionTokenGeneratedByUser       int               `json:"actionTokenGeneratedByUserLifespan"`
	ActionTokenGeneratedByAdmin      int               `json:"actionTokenGeneratedByAdminLifespan"`
	RevokeRefreshToken               bool              `json:"revokeRefreshToken"`
	DefaultSignatureAlgorithm        string            `json:"defaultSignatureAlgorithm"`
	SSOSessionIdleTimeout            int               `json:"ssoSessionIdleTimeout"`
	SSOSessionMaxLifespan            int               `json:"ssoSessionMaxLifespan"`
	OfflineSessionIdleTimeout        int               `json:"offlineSessionIdleTimeout"`
	OfflineSessionMaxLifespanEnabled bool              `json:"offlineSessionMaxLifespanEnabled"`
	OfflineSessionMaxLifespan        int               `json:"offlineSessionMaxLifespan"`
	EventsEnabled                    bool              `json:"eventsEnabled"`
	EventsExpiration                 int               `json:"eventsExpiration"`
	EventsListeners                  []string          `json:"eventsListeners"`
	EnabledEventTypes                []string          `json:"enabledEventTypes"`
	AdminEventsEnabled               bool              `json:"adminEventsEnabled"`
	AdminEventsDetailsEnabled        bool              `json:"adminEventsDetailsEnabled"`
	OTPPolicyType                    string            `json:"otpPolicyType"`
	OTPPolicyAlgorithm               string            `json:"otpPolicyAlgorithm"`
	OTPPolicyDigits                  int               `json:"otpPolicyDigits"`
	OTPPolicyPeriod                  int               `json:"otpPolicyPeriod"`
	OTPPolicyCodeReusable            bool              `json:"otpPolicyCodeReusable"`
	OrganizationsEnabled             bool              `json:"organizationsEnabled"`
	BrowserSecurityHeaders           map[string]string `json:"browserSecurityHeaders"`
	Attributes                       map[string]string `json:"attributes"`
}

// adminEventsExpiration is the attribute that holds how long admin events are kept.
const adminEventsExpiration = "adminEventsExpiration"

func newRealmRepresentation(r *realms.Realm) realmRepresentation {
	rep := realmRepresentation{
		Realm: r.Name, DisplayName: r.DisplayName, Enabled: r.Enabled, SSLRequired: r.RequireTLS,
		InternationalizationEnabled: len(r.Languages) > 0, SupportedLocales: r.Languages,
		PasswordPolicy:      strings.Join(r.PasswordPolicy, " and "),
		RegistrationAllowed: r.Login.Registration, RememberMe: r.Login.RememberMe, ResetPasswordAllowed: r.Login.ResetPassword,
		LoginWithEmailAllowed: r.Login.WithEmail, DuplicateEmailsAllowed: r.Login.DuplicateEmails,
		VerifyEmail: r.Login.VerifyEmail, EditUsernameAllowed: r.Login.EditUsername,
		BruteForceProtected: r.BruteForce.Protected, PermanentLockout: r.BruteForce.Permanent, FailureFactor: r.BruteForce.Failures,
		WaitIncrementSeconds: r.BruteForce.Wait.Seconds(), MaxFailureWaitSeconds: r.BruteForce.MaxWait.Seconds(),
		QuickLoginCheckMilliSeconds: r.BruteForce.QuickMillis, MinimumQuickLoginWaitSeconds: r.BruteForce.QuickWait.Seconds(),
		MaxDeltaTimeSeconds: r.BruteForce.ForgottenAfter.Seconds(),
		AccessTokenLifespan: r.Tokens.Access.Seconds(), AccessCodeLifespan: r.Tokens.AccessCode.Seconds(),
		AccessCodeLifespanLogin: r.Tokens.LoginPage.Seconds(), AccessCodeLifespanUserAction: r.Tokens.UserAction.Seconds(),
		ActionTokenGeneratedByUser: r.Tokens.ActionByUser.Seconds(), ActionTokenGeneratedByAdmin: r.Tokens.ActionByAdmin.Seconds(),
		RevokeRefreshToken: r.Tokens.RefreshOnce, DefaultSignatureAlgorithm: r.Tokens.Algorithm,
		SSOSessionIdleTimeout: r.Sessions.Idle.Seconds(), SSOSessionMaxLifespan: r.Sessions.Max.Seconds(),
		OfflineSessionIdleTimeout: r.Sessions.OfflineIdle.Seconds(), OfflineSessionMaxLifespan: r.Sessions.OfflineMax.Seconds(),
		OfflineSessionMaxLifespanEnabled: r.Sessions.OfflineMax > 0,
		EventsEnabled:                    len(r.Events.Types) > 0, EventsExpiration: r.Events.Expire.Seconds(),
		EventsListeners: r.Events.Listeners, EnabledEventTypes: r.Events.Types,
		AdminEventsEnabled: r.Events.Admin, AdminEventsDetailsEnabled: r.Events.Representations,
		OTPPolicyType: "totp", OTPPolicyAlgorithm: r.SecondFactor.Algorithm, OTPPolicyDigits: r.SecondFactor.Digits,
		OTPPolicyPeriod: r.SecondFactor.Period.Seconds(), OTPPolicyCodeReusable: r.SecondFactor.Reusable,
		OrganizationsEnabled: r.Organizations,
		BrowserSecurityHeaders: map[string]string{
			"contentSecurityPolicy": r.Headers.ContentSecurityPolicy, "xFrameOptions": r.Headers.FrameOptions,
			"referrerPolicy": r.Headers.ReferrerPolicy, "strictTransportSecurity": r.Headers.StrictTransportSecurity,
		},
		Attributes: map[string]string{adminEventsExpiration: strconv.Itoa(r.Events.AdminExpire.Seconds())},
	}
	if len(r.Languages) > 0 {
		rep.DefaultLocale = r.Languages[0]
	}
	return rep
}

// realm reads the representation back.
func (rep realmRepresentation) realm() *realms.Realm {
	adminExpire, _ := strconv.Atoi(rep.Attributes[adminEventsExpiration])
	r := &realms.Realm{
		Name: rep.Realm, DisplayName: rep.DisplayName, Enabled: rep.Enabled, RequireTLS: rep.SSLRequired,
		PasswordPolicy: splitPolicy(rep.PasswordPolicy),
		Login: realms.Login{
			Registration: rep.RegistrationAllowed, RememberMe: rep.RememberMe, ResetPassword: rep.ResetPasswordAllowed,
			WithEmail: rep.LoginWithEmailAllowed, DuplicateEmails: rep.DuplicateEmailsAllowed,
			VerifyEmail: rep.VerifyEmail, EditUsername: rep.EditUsernameAllowed,
		},
		BruteForce: realms.BruteForce{
			Protected: rep.BruteForceProtected, Permanent: rep.PermanentLockout, Failures: rep.FailureFactor,
			Wait: realms.Seconds(rep.WaitIncrementSeconds), MaxWait: realms.Seconds(rep.MaxFailureWaitSeconds),
			QuickMillis: rep.QuickLoginCheckMilliSeconds, QuickWait: realms.Seconds(rep.MinimumQuickLoginWaitSeconds),
			ForgottenAfter: realms.Seconds(rep.MaxDeltaTimeSeconds),
		},
		Tokens: realms.Tokens{
			Access: realms.Seconds(rep.AccessTokenLifespan), AccessCode: realms.Seconds(rep.AccessCodeLifespan),
			LoginPage: realms.Seconds(rep.AccessCodeLifespanLogin), UserAction: realms.Seconds(rep.AccessCodeLifespanUserAction),
			ActionByUser: realms.Seconds(rep.ActionTokenGeneratedByUser), ActionByAdmin: realms.Seconds(rep.ActionTokenGeneratedByAdmin),
			RefreshOnce: rep.RevokeRefreshToken, Algorithm: rep.DefaultSignatureAlgorithm,
		},
		Sessions: realms.Sessions{
			Idle: realms.Seconds(rep.SSOSessionIdleTimeout), Max: realms.Seconds(rep.SSOSessionMaxLifespan),
			OfflineIdle: realms.Seconds(rep.OfflineSessionIdleTimeout),
		},
		Events: realms.Events{
			Expire: realms.Seconds(rep.EventsExpiration), Listeners: rep.EventsListeners,
			Admin: rep.AdminEventsEnabled, AdminExpire: realms.Seconds(adminExpire), Representations: rep.AdminEventsDetailsEnabled,
		},
		SecondFactor: realms.OneTimeCode{
			Algorithm: rep.OTPPolicyAlgorithm, Digits: rep.OTPPolicyDigits,
			Period: realms.Seconds(rep.OTPPolicyPeriod), Reusable: rep.OTPPolicyCodeReusable,
		},
		Headers: realms.Headers{
			ContentSecurityPolicy: rep.BrowserSecurityHeaders["contentSecurityPolicy"], FrameOptions: rep.BrowserSecurityHeaders["xFrameOptions"],
			ReferrerPolicy: rep.BrowserSecurityHeaders["referrerPolicy"], StrictTransportSecurity: rep.BrowserSecurityHeaders["strictTransportSecurity"],
		},
		Organizations: rep.OrganizationsEnabled,
	}
	if rep.OfflineSessionMaxLifespanEnabled {
		r.Sessions.OfflineMax = realms.Seconds(rep.OfflineSessionMaxLifespan)
	}
	if rep.EventsEnabled {
		r.Events.Types = rep.EnabledEventTypes
	}
	if rep.InternationalizationEnabled {
		r.Languages = firstOf(rep.DefaultLocale, rep.SupportedLocales)
	}
	return r
}

// firstOf puts one language before the others.
func firstOf(first string, all []string) []string {
	rest := slices.DeleteFunc(slices.Clone(all), func(l string) bool { return l == first })
	return append([]string{first}, rest...)
}

func splitPolicy(text string) []string {
	if text == "" {
		return nil
	}
	rules := strings.Split(text, " and ")
	for i, rule := range rules {
		rules[i] = strings.TrimSuffix(strings.TrimSpace(rule), "(undefined)")
	}
	return rules
}

func (s session) observeRealm(_ context.Context, o *observation) error {
	var rep realmRepresentation
	if err := o.realm.into(&rep); err != nil {
		return err
	}
	o.add(rep.realm(), o.realm)
	o.add(&realms.SignIn{Browser: o.realm.text("browserFlow"), FirstBroker: o.realm.text("firstBrokerLoginFlow")}, nil)
	return nil
}

// writeRealm makes the realm bare and marked, if there is none, and writes its
// settings. Headers and attributes are written whole by Keycloak, so they are
// read first.
func (s session) writeRealm(ctx context.Context, op provisioner.Op, to *realms.Realm) error {
	there, err := s.find(ctx, s.path())
	if err != nil {
		return err
	}
	mark := document{markKey: s.mark}
	if there == nil {
		bare := document{"realm": to.Name, "enabled": to.Enabled, "organizationsEnabled": to.Organizations, "attributes": mark}
		if _, err := s.post(ctx, s.client.path("admin", "realms"), bare); err != nil {
			return err
		}
		// A token from before has no rights in the new realm.
		s.client.tokens.forget()
		if there, err = s.find(ctx, s.path()); err != nil {
			return err
		}
	}
	if err := may(op, there); err != nil {
		return err
	}
	ours, err := toDocument(newRealmRepresentation(to))
	if err != nil {
		return err
	}
	for _, key := range []string{"browserSecurityHeaders", "attributes"} {
		whole := maps.Clone(there.part(key))
		maps.Copy(whole, ours.part(key))
		ours[key] = whole
	}
	ours["attributes"].(document)[markKey] = s.mark
	return s.put(ctx, s.path(), ours)
}

// toDocument turns a struct into the document it is written as.
func toDocument(v any) (document, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var d document
	return d, json.Unmarshal(b, &d)
}

func (s session) writeSignIn(ctx context.Context, to *realms.SignIn) error {
	return s.put(ctx, s.path(), document{"browserFlow": to.Browser, "firstBrokerLoginFlow": to.FirstBroker})
}

func (s session) observeRequiredActions(ctx context.Context, o *observation) error {
	var all []document
	if err := s.client.get(ctx, s.path("authentication", "required-actions"), &all); err != nil {
		return err
	}
	for _, d := range all {
		enabled, _ := d["enabled"].(bool)
		byDefault, _ := d["defaultAction"].(bool)
		o.add(&realms.RequiredAction{Alias: d.text("alias"), Enabled: enabled, Default: byDefault}, nil)
	}
	return nil
}

func (s session) writeRequiredAction(ctx context.Context, to *realms.RequiredAction) error {
	address := s.path("authentication", "required-actions", to.Alias)
	there, err := s.find(ctx, address)
	if err != nil {
		return err
	}
	if there == nil {
		if _, err := s.post(ctx, s.path("authentication", "register-required-action"), document{"providerId": to.Alias, "name": to.Alias}); err != nil {
			return fmt.Errorf("Keycloak does not know the required action: %w", err)
		}
		if there, err = s.find(ctx, address); err != nil {
			return err
		}
	}
	return s.put(ctx, address, there.merge(document{"enabled": to.Enabled, "defaultAction": to.Default}))
}

// profileAttribute is an attribute as Keycloak writes it.
type profileAttribute struct {
	Name        string                    `json:"name"`
	DisplayName string                    `json:"displayName,omitempty"`
	Validations map[string]map[string]any `json:"validations,omitempty"`
	Required    *struct {
		Roles []string `json:"roles,omitempty"`
	} `json:"required,omitempty"`
	Permissions struct {
		View []string `json:"view"`
		Edit []string `json:"edit"`
	} `json:"permissions"`
	Multivalued bool `json:"multivalued"`
}

func (s session) observeProfile(ctx context.Context, o *observation) error {
	var have struct {
		Attributes []profileAttribute `json:"attributes"`
		Unmanaged  string             `json:"unmanagedAttributePolicy"`
	}
	if err := s.client.get(ctx, s.path("users", "profile"), &have); err != nil {
		return err
	}
	profile := &realms.Profile{Unmanaged: have.Unmanaged}
	for _, a := range have.Attributes {
		attribute := realms.ProfileAttribute{
			Name: a.Name, DisplayName: a.DisplayName, View: a.Permissions.View, Edit: a.Permissions.Edit, Validations: a.Validations,
		}
		if a.Required != nil {
			attribute.RequiredOf = a.Required.Roles
		}
		profile.Attributes = append(profile.Attributes, attribute)
	}
	o.add(profile, nil)
	return nil
}

func (s session) writeProfile(ctx context.Context, to *realms.Profile) error {
	address := s.path("users", "profile")
	var there document
	if err := s.client.get(ctx, address, &there); err != nil {
		return err
	}
	var attributes []profileAttribute
	for _, a := range to.Attributes {
		attribute := profileAttribute{Name: a.Name, DisplayName: a.DisplayName, Validations: a.Validations}
		attribute.Permissions.View, attribute.Permissions.Edit = a.View, a.Edit
		if len(a.RequiredOf) > 0 {
			attribute.Required = &struct {
				Roles []string `json:"roles,omitempty"`
			}{a.RequiredOf}
		}
		attributes = append(attributes, attribute)
	}
	there["attributes"] = attributes
	delete(there, "unmanagedAttributePolicy")
	if to.Unmanaged != "" {
		there["unmanagedAttributePolicy"] = to.Unmanaged
	}
	_, err := s.client.send(ctx, http.MethodPut, address, there, nil)
	return err
}
