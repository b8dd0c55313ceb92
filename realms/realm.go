package realms

import "slices"

// Realm is the realm itself with its settings.
type Realm struct {
	Name           string      `json:"name"`
	DisplayName    string      `json:"display_name"`
	Enabled        bool        `json:"enabled"`
	RequireTLS     string      `json:"require_tls"` // all, external, none
	Languages      []string    `json:"languages"`   // the first is the default
	PasswordPolicy []string    `json:"password_policy"`
	Login          Login       `json:"login"`
	BruteForce     BruteForce  `json:"brute_force"`
	Tokens         Tokens      `json:"tokens"`
	Sessions       Sessions    `json:"sessions"`
	Events         Events      `json:"events"`
	SecondFactor   OneTimeCode `json:"second_factor"`
	Headers        Headers     `json:"headers"`
	Organizations  bool        `json:"organizations"`
}

// Login is what the sign-in page allows.
type Login struct {
	Registration    bool `json:"registration"`
	RememberMe      bool `json:"remember_me"`
	ResetPassword   bool `json:"reset_password"`
	WithEmail       bool `json:"with_email"`
	DuplicateEmails bool `json:"duplicate_emails"`
	VerifyEmail     bool `json:"verify_email"`
	// EditUsername lets the username be changed by those whom the user profile
	// allows; Keycloak needs it even for its administrators.
	EditUsername bool `json:"edit_username"`
}

// BruteForce is how guessing of passwords is slowed down.
type BruteForce struct {
	Protected      bool     `json:"protected"`
	Permanent      bool     `json:"permanent"`
	Failures       int      `json:"failures"` // before the first wait
	Wait           Lifetime `json:"wait"`
	MaxWait        Lifetime `json:"max_wait"`
	QuickMillis    int      `json:"quick_millis"` // two tries closer than this count as a machine's
	QuickWait      Lifetime `json:"quick_wait"`
	ForgottenAfter Lifetime `json:"forgotten_after"`
}

// Tokens is how long tokens and codes live.
type Tokens struct {
	Access        Lifetime `json:"access"`
	AccessCode    Lifetime `json:"access_code"`
	LoginPage     Lifetime `json:"login_page"`
	UserAction    Lifetime `json:"user_action"`
	ActionByUser  Lifetime `json:"action_by_user"`
	ActionByAdmin Lifetime `json:"action_by_admin"`
	RefreshOnce   bool     `json:"refresh_once"` // a refresh token is good for one use
	Algorithm     string   `json:"algorithm"`
}

// Sessions is how long sessions live.
type Sessions struct {
	Idle        Lifetime `json:"idle"`
	Max         Lifetime `json:"max"`
	OfflineIdle Lifetime `json:"offline_idle"`
	OfflineMax  Lifetime `json:"offline_max"`
}

// Events is what Keycloak writes down, and for how long. Sign-ins of people
// are not among it: docs/design.md, "What it is not".
type Events struct {
	Types           []string `json:"types"`
	Expire          Lifetime `json:"expire"`
	Listeners       []string `json:"listeners"`
	Admin           bool     `json:"admin"`
	AdminExpire     Lifetime `json:"admin_expire"`
	Representations bool     `json:"representations"` // they hold personal data
}

// OneTimeCode is the second factor by an application on the phone.
type OneTimeCode struct {
	Algorithm string   `json:"algorithm"`
	Digits    int      `json:"digits"`
	Period    Lifetime `json:"period"`
	Reusable  bool     `json:"reusable"`
}

// Headers are the security headers of Keycloak's pages.
type Headers struct {
	ContentSecurityPolicy   string `json:"content_security_policy"`
	FrameOptions            string `json:"frame_options"`
	ReferrerPolicy          string `json:"referrer_policy"`
	StrictTransportSecurity string `json:"strict_transport_security"`
}

// Ref implements Object.
func (r *Realm) Ref() Ref { return Ref{KindRealm, r.Name} }

func (r *Realm) normalise() {
	slices.Sort(r.Events.Types)
	slices.Sort(r.Events.Listeners)
	slices.Sort(r.PasswordPolicy)
	if len(r.Languages) > 1 {
		slices.Sort(r.Languages[1:])
	}
	r.Languages, r.PasswordPolicy = some(r.Languages), some(r.PasswordPolicy)
	r.Events.Types, r.Events.Listeners = some(r.Events.Types), some(r.Events.Listeners)
}

// some makes an absent list an empty one, so that both are the same JSON.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// set sorts a list whose order says nothing and drops what it says twice.
func set(list []string) []string {
	slices.Sort(list)
	return some(slices.Compact(list))
}

// RequiredAction is something that Keycloak may ask of people at sign-in.
type RequiredAction struct {
	Alias   string `json:"alias"`
	Enabled bool   `json:"enabled"`
	Default bool   `json:"default"` // asked of every new account
}

// Ref implements Object.
func (a *RequiredAction) Ref() Ref { return Ref{KindRequiredAction, a.Alias} }

func (a *RequiredAction) normalise() {}

// Profile is the user profile: which attributes an account has, and who sees
// and changes them. Attributes that are not listed are refused ("" for
// Unmanaged), so nobody can give himself a tenant.
type Profile struct {
	Attributes []ProfileAttribute `json:"attributes"`
	Unmanaged  string             `json:"unmanaged"`
}

// ProfileAttribute is one attribute of accounts.
type ProfileAttribute struct {
	Name        string                    `json:"name"`
	DisplayName string                    `json:"display_name"`
	View        []string                  `json:"view"`
	Edit        []string                  `json:"edit"`
	RequiredOf  []string                  `json:"required_of"`
	Validations map[string]map[string]any `json:"validations"`
}

// Ref implements Object. A realm has one profile.
func (p *Profile) Ref() Ref { return Ref{KindProfile, "accounts"} }

func (p *Profile) normalise() {
	for i := range p.Attributes {
		a := &p.Attributes[i]
		a.View, a.Edit, a.RequiredOf = set(a.View), set(a.Edit), set(a.RequiredOf)
		if a.Validations == nil {
			a.Validations = map[string]map[string]any{}
		}
	}
	p.Attributes = some(p.Attributes)
}

// Flow is a sequence of steps by which people sign in.
type Flow struct {
	Alias       string `json:"alias"`
	Description string `json:"description"`
	Steps       []Step `json:"steps"`
}

// Step is an authenticator, or a sequence of steps with a name.
type Step struct {
	Authenticator string            `json:"authenticator,omitempty"`
	Name          string            `json:"name,omitempty"`
	Requirement   string            `json:"requirement"` // REQUIRED ALTERNATIVE CONDITIONAL DISABLED
	Config        map[string]string `json:"config,omitempty"`
	Steps         []Step            `json:"steps,omitempty"`
}

// Ref implements Object.
func (f *Flow) Ref() Ref { return Ref{KindFlow, f.Alias} }

func (f *Flow) normalise() { f.Steps = some(f.Steps) }

// SignIn says which flows the realm uses.
type SignIn struct {
	Browser     string `json:"browser"`
	FirstBroker string `json:"first_broker"`
}

// Ref implements Object. A realm has one.
func (s *SignIn) Ref() Ref { return Ref{KindSignIn, "flows"} }

func (s *SignIn) normalise() {}
