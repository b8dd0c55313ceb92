package catalogue

import (
	"reflect"
	"regexp"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
)

// rule says what may stand in a field. The decoder and the JSON Schema are both
// made from the table of rules, so that an editor and the loader agree.
type rule struct {
	required bool
	pattern  *regexp.Regexp // of a text, or of each text of a list
	spelt    string         // what the pattern asks for, in words
	min, max int            // of a number
	items    int            // least length of a list, or least number of keys of a mapping
	most     int            // greatest length of a list; any when 0
	distinct bool           // no text twice in a list
	about    string         // for the editor
}

var (
	slugPattern    = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	idPattern      = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)
	typePattern    = regexp.MustCompile(`^[a-z][a-z0-9]*([_-][a-z0-9]+)*$`)
	countryPattern = regexp.MustCompile(`^[A-Z]{2}$`)
	zonePattern    = regexp.MustCompile(`^[A-Za-z]+(/[A-Za-z0-9_+-]+)*$`)
	domainPattern  = regexp.MustCompile(`^([\p{Ll}0-9]([\p{Ll}0-9-]*[\p{Ll}0-9])?\.)+[\p{Ll}][\p{Ll}0-9-]*$`)
	emailPattern   = regexp.MustCompile(`^[^@\s]+@[^@\s]+\.[^@\s]+$`)
	plainPattern   = regexp.MustCompile(`^[^\p{C}\p{Z}]([^\p{C}\p{Zl}\p{Zp}]*[^\p{C}\p{Z}])?$`) // of a text without a pattern of its own: one line, no blanks around it
	digitsPattern  = regexp.MustCompile(`^[0-9A-Z]{4,20}$`)
)

const (
	spelledSlug   = "lower case Latin letters, digits and single hyphens, and begins with a letter"
	spelledID     = "lower case Latin letters and digits, parted by `-`, `_` or `.`"
	spelledDomain = "a domain in lower case, such as cdek.example"
)

// The greatest numbers of letters in a text, of suspensions in a list, and of
// companies that share a contract.
const (
	maxText        = 200
	maxSuspensions = 100
	maxMembers     = 500
)

// nouns are what a type is called in messages.
var nouns = map[reflect.Type]string{
	reflect.TypeFor[tenancy.Tenant]():         "a tenant",
	reflect.TypeFor[tenancy.LegalEntity]():    "a legal entity",
	reflect.TypeFor[tenancy.SSO]():            "a sign-in",
	reflect.TypeFor[tenancy.Contact]():        "a contact",
	reflect.TypeFor[tenancy.Segment]():        "a segment",
	reflect.TypeFor[tenancy.SegmentRule]():    "a segment's rule",
	reflect.TypeFor[tenancy.Contract]():       "a contract",
	reflect.TypeFor[tenancy.Suspension]():     "a suspension",
	reflect.TypeFor[tenancy.RosterTerms]():    "what is agreed about lists",
	reflect.TypeFor[tenancy.BrakeLimits]():    "the brake's limits",
	reflect.TypeFor[tenancy.Grant]():          "a grant",
	reflect.TypeFor[tenancy.SpecialistType](): "a specialist type",
	reflect.TypeFor[tenancy.Text]():           "a name",
	reflect.TypeFor[countryDocument]():        "a country",
	reflect.TypeFor[brandDocument]():          "a brand",
	reflect.TypeFor[typesDocument]():          "the list of specialist types",
}

func nounOf(t reflect.Type) string { return nouns[t] }

// enums are the words that a type may have.
var enums = map[reflect.Type][]string{
	reflect.TypeFor[tenancy.Per]():         texts([]tenancy.Per{tenancy.PerEmployee, tenancy.PerFamily, tenancy.PerTenant}),
	reflect.TypeFor[tenancy.WindowKind]():  texts(windowKinds),
	reflect.TypeFor[tenancy.Renewal]():     texts([]tenancy.Renewal{tenancy.RenewsItself}),
	reflect.TypeFor[tenancy.Audience]():    texts([]tenancy.Audience{tenancy.ForEmployee, tenancy.ForDependant}),
	reflect.TypeFor[tenancy.Format]():      texts([]tenancy.Format{tenancy.Video, tenancy.Chat, tenancy.InPerson}),
	reflect.TypeFor[tenancy.SSOProtocol](): texts([]tenancy.SSOProtocol{tenancy.OIDC, tenancy.SAML}),
	reflect.TypeFor[tenancy.Language]():    texts([]tenancy.Language{tenancy.Russian, tenancy.Kazakh, tenancy.English}),
	reflect.TypeFor[tenancy.NationalIDKind](): texts([]tenancy.NationalIDKind{
		tenancy.SNILS, tenancy.INN, tenancy.IIN}),
}

var windowKinds = []tenancy.WindowKind{tenancy.CalendarMonth, tenancy.CalendarQuarter, tenancy.CalendarYear,
	tenancy.ContractYear, tenancy.HireYear, tenancy.Rolling, tenancy.WholeContract}

var (
	anyText  = rule{}
	needed   = rule{required: true}
	named    = rule{required: true, items: 1} // in one language at least
	country  = rule{required: true, pattern: countryPattern, spelt: "an ISO 3166 code of two capitals, such as RU"}
	realm    = rule{required: true, pattern: slugPattern, spelt: spelledSlug}
	slug     = rule{required: true, pattern: slugPattern, spelt: spelledSlug}
	id       = rule{required: true, pattern: idPattern, spelt: spelledID}
	typeCode = rule{required: true, pattern: typePattern, spelt: "lower case Latin letters, digits, `-` and `_`, and begins with a letter"}
)

// about adds the sentence that an editor shows.
func (r rule) says(about string) rule { r.about = about; return r }

func (r rule) optional() rule { r.required = false; return r }

func number(low, high int) rule { return rule{min: low, max: high} }

// rules by type and key. A key without an entry is optional and has no rule
// beyond its type.
var rules = map[reflect.Type]map[string]rule{
	reflect.TypeFor[tenancy.Tenant](): {
		"tenant":         slug.says("The tenant's slug: its name in addresses, groups and commands. It never changes."),
		"name":           named.says("What people call the tenant."),
		"suspended":      anyText.says("Nobody of the tenant may book while this is true."),
		"suspensions":    rule{items: 1, most: maxSuspensions}.says("Times in which nobody of the tenant may book, whichever contract runs."),
		"domains":        {pattern: domainPattern, spelt: spelledDomain, distinct: true, about: "Mail domains of the tenant; no other tenant has them."},
		"legal_entities": anyText.says("The companies that employ the tenant's people."),
		"sso":            anyText.says("The tenant's own sign-in, at most one a country. Addresses, certificates and secrets are data of the contour and never stand here."),
		"contacts":       anyText.says("Whom to ask, by role and shared mailbox, never a person."),
		"segments":       {most: entitlement.MaxSegments, about: "Sets of employees, by what their employments say."},
		"contracts":      anyText.says("What the tenant bought, by country and period."),
	},
	reflect.TypeFor[tenancy.LegalEntity](): {
		"code":       id,
		"name":       needed,
		"country":    country.optional().says("Absent: every country of the tenant."),
		"tax_number": {pattern: digitsPattern, spelt: "digits, in quotes", about: "In quotes. Russia: ИНН of a company, 10 digits. Kazakhstan: БИН, 12 digits."},
		"default":    anyText.says("Holds when a roster names no legal entity; one a country."),
	},
	reflect.TypeFor[tenancy.SSO](): {
		"country":  country,
		"protocol": needed,
		"alias":    slug.says("The identity provider's alias in Keycloak; it never changes."),
		"name":     named,
	},
	reflect.TypeFor[tenancy.Contact](): {
		"role":  id.says("Such as hr, security, billing."),
		"email": {pattern: emailPattern, spelt: "an address of a shared mailbox"},
	},
	reflect.TypeFor[tenancy.Segment](): {
		"id":   id,
		"name": named.optional(),
		"when": {required: true, items: 1, about: "All of the named fields must have one of their values (without case, ё as е)."},
	},
	reflect.TypeFor[tenancy.SegmentRule](): {
		"department":   {items: 1, distinct: true},
		"position":     {items: 1, distinct: true},
		"legal_entity": {items: 1, distinct: true, pattern: idPattern, spelt: spelledID},
		"grade":        {items: 1, distinct: true},
		"listed":       anyText.says("Only those whom the roster's own segment column puts here."),
	},
	reflect.TypeFor[tenancy.Contract](): {
		"id":          id.says("Unique in the catalogue."),
		"country":     country,
		"time_zone":   {pattern: zonePattern, spelt: "an IANA name such as Europe/Moscow", about: "In which days begin; the country's when absent."},
		"from":        needed.says("The first day."),
		"until":       needed.says("The day after the last one."),
		"seats":       number(1, 10_000_000).says("How many people the tenant pays for."),
		"grace_days":  number(0, 366).says("Days of access after the last day of work."),
		"suspended":   anyText.says("Nobody may book under the contract while this is true."),
		"suspensions": rule{items: 1, most: maxSuspensions}.says("Times in which nobody may book under the contract."),
		"renewal":     anyText.says("automatic: goes on for further periods of equal length, until another contract of the tenant begins. Absent: it ends."),
		"shared_with": {items: 1, most: maxMembers, distinct: true, pattern: slugPattern, spelt: spelledSlug, about: "The slugs of other companies of the holding, whose people stand under this contract too; an amount per tenant is one pool of all."},
		"roster":      rule{items: 1}.says("What is agreed about the lists of employees."),
		"grants":      anyText.says("How much of what."),
	},
	reflect.TypeFor[tenancy.Suspension](): {
		"from":  needed.says("The first day."),
		"until": anyText.says("The day after the last one; absent: until further notice."),
	},
	reflect.TypeFor[tenancy.RosterTerms](): {
		"absent_times":   number(1, 10).says("How many full lists in a row, each of another day, must leave somebody out before he leaves; 1 when absent."),
		"due_every_days": number(1, 366).says("Within how many days of the last one a list is promised; absent: none is."),
		"brake":          rule{items: 1}.says("From where on a list is held until a second person has accepted what it would do."),
	},
	reflect.TypeFor[tenancy.BrakeLimits](): {
		"absent_count":       number(1, 1_000_000).says("So many absences are never too many; 2 when absent."),
		"absent_percent":     number(1, 100).says("Absences, in percent of the tenant's employees; 10 when absent."),
		"department_count":   number(1, 1_000_000).says("So many absences in one department are never too many; 2 when absent."),
		"department_percent": number(1, 100).says("Absences in one department, in percent of its employees; 50 when absent."),
		"week_percent":       number(1, 100).says("Absences within seven days that nobody approved, in percent of the tenant's employees; 20 when absent."),
		"identity_count":     number(1, 1_000_000).says("So many changes of name, e-mail or phone are never too many; 5 when absent."),
		"identity_percent":   number(1, 100).says("Changes of name, e-mail or phone, in percent of the tenant's employees; 20 when absent."),
	},
	reflect.TypeFor[tenancy.Grant](): {
		"id":               id.says("Unique in the contract; the booking core counts use by it."),
		"specialist_types": {required: true, items: 1, distinct: true, pattern: typePattern, spelt: spelledID, about: "Types that share the amount."},
		"amount":           {required: true, min: 1, max: 1_000_000, about: "Appointments in a window."},
		"per":              needed.says("Whose the amount is."),
		"window":           needed.says("Over which period the amount holds; the appointment's time decides."),
		"days":             number(1, 3660).says("Length of a rolling window."),
		"formats":          {items: 1, distinct: true, about: "Any when absent."},
		"minutes":          number(1, 1440).says("Longest appointment; any when absent."),
		"audience":         {items: 1, distinct: true, about: "The employee when absent."},
		"segments":         {items: 1, distinct: true, pattern: idPattern, spelt: spelledID, about: "Everybody when absent."},
		"valid_from":       anyText.says("First day of the grant, within the contract."),
		"valid_until":      anyText.says("The day after the grant's last one, within the contract."),
		"carry_over":       number(1, 1_000_000).says("At most so many unused appointments go into the next window."),
		"priority":         number(0, 1000).says("The lower one is consumed first."),
	},
	reflect.TypeFor[tenancy.SpecialistType](): {
		"code":     typeCode.says("Also the name of the realm role and of the group."),
		"category": {required: true, pattern: regexp.MustCompile(`^(mental|legal|finance|health)$`), spelt: "mental, legal, finance or health"},
		"name":     {required: true, items: 3, about: "In Russian, Kazakh and English."},
	},
	reflect.TypeFor[countryDocument](): {
		"country":      country,
		"name":         named,
		"realm":        realm.says("The Keycloak realm of the country."),
		"brand":        slug,
		"languages":    {required: true, items: 1, distinct: true, about: "The first is the default."},
		"time_zone":    {required: true, pattern: zonePattern, spelt: "an IANA name such as Europe/Moscow"},
		"phone_region": {required: true, pattern: countryPattern, spelt: "an ISO 3166 code of two capitals, such as RU"},
		"national_ids": {distinct: true, about: "The national ids that its rosters may hold."},
	},
	reflect.TypeFor[brandDocument](): {
		"brand": slug,
		"name":  named,
	},
	reflect.TypeFor[typesDocument](): {
		"specialist_types": {required: true, items: 1},
	},
}

func ruleOf(t reflect.Type, key string) rule { return rules[t][key] }
