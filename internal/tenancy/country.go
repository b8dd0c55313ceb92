package tenancy

// CountryCode is an ISO 3166-1 alpha-2 code such as "RU".
type CountryCode string

// NationalIDKind names a national identifier: "snils", "inn" or "iin".
type NationalIDKind string

// The national identifiers that rosters hold.
const (
	SNILS NationalIDKind = "snils" // Russia, pension insurance number, 11 digits
	INN   NationalIDKind = "inn"   // Russia, tax number, 12 digits for a person
	IIN   NationalIDKind = "iin"   // Kazakhstan, individual number, 12 digits
)

// BrandID names a brand, such as "ponimayu".
type BrandID string

// Brand is the name under which people of a country meet the platform.
type Brand struct {
	ID   BrandID `json:"id"`
	Name Text    `json:"name"`
}

// Country is what a contour needs to know of its country. A new country is a
// catalogue entry and a realm overlay, no code.
type Country struct {
	Code          CountryCode      `json:"code"`
	Name          Text             `json:"name"`
	Realm         string           `json:"realm"` // Keycloak realm, e.g. "ponimayu"
	Brand         BrandID          `json:"brand"`
	Languages     []Language       `json:"languages"` // the first is the default
	TimeZone      string           `json:"time_zone"` // IANA name
	PhoneRegion   string           `json:"phone_region"`
	NationalIDs   []NationalIDKind `json:"national_ids"`
	TenantTaxName string           `json:"tenant_tax_name,omitempty"` // what a company's tax number is called: ИНН, БИН
}
