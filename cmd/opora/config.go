package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/scan"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/internal/webhook"
)

// Config is what the commands are told by their environment, one struct per
// concern. A command reads the concerns it needs (readConfig) and no others,
// so that a process never holds a credential it has no use for.
type Config struct {
	Database       DatabaseConfig
	Contour        ContourConfig
	Keycloak       KeycloakConfig
	KeycloakAdmin  KeycloakAdminConfig
	KeycloakPeople KeycloakPeopleConfig
	Keys           KeysConfig
	HTTP           HTTPConfig
	Uploads        UploadsConfig
	Retention      RetentionConfig
	Scanner        ScannerConfig
	Webhooks       WebhooksConfig
	Booking        BookingConfig
}

// DatabaseConfig says where PostgreSQL is.
type DatabaseConfig struct {
	URL Secret `env:"DATABASE_URL" validate:"required,postgres_url" say:"the address of PostgreSQL, postgres://user:password@host:5432/database"`
}

// ContourConfig says which country's contour this is.
type ContourConfig struct {
	Country tenancy.CountryCode `env:"OPORA_COUNTRY" validate:"required,iso3166_1_alpha2" say:"the contour's country, a code of ISO 3166-1 such as RU"`
	Realm   string              `env:"OPORA_REALM" validate:"required,realm_name" say:"the country's Keycloak realm, such as ponimayu"`
}

// KeycloakConfig says where Keycloak is. Tokens name the public address as
// their issuer; it is the same one when Keycloak has only one.
type KeycloakConfig struct {
	URL       string `env:"KEYCLOAK_URL" validate:"required,http_url" say:"the address of Keycloak, such as https://keycloak.internal:8443"`
	PublicURL string `env:"KEYCLOAK_PUBLIC_URL" validate:"omitempty,http_url" say:"the address of Keycloak that people's browsers see (KEYCLOAK_URL when unset)"`
}

// Issuer returns the issuer that tokens of the realm name.
func (k KeycloakConfig) Issuer(realm string) string {
	base := k.PublicURL
	if base == "" {
		base = k.URL
	}
	return strings.TrimRight(base, "/") + "/realms/" + url.PathEscape(realm)
}

// KeysURL returns the address of the realm's signing keys.
func (k KeycloakConfig) KeysURL(realm string) string {
	return strings.TrimRight(k.URL, "/") + "/realms/" + url.PathEscape(realm) + "/protocol/openid-connect/certs"
}

// TokenURL returns the address at which the realm gives tokens.
func (k KeycloakConfig) TokenURL(realm string) string {
	return strings.TrimRight(k.URL, "/") + "/realms/" + url.PathEscape(realm) + "/protocol/openid-connect/token"
}

// KeycloakAdminConfig is the service account of the master realm that changes
// the country's realm; only the catalogue commands read it.
type KeycloakAdminConfig struct {
	ClientID     string `env:"KEYCLOAK_ADMIN_CLIENT_ID" validate:"required" say:"the client of the master realm that may change the country's realm"`
	ClientSecret Secret `env:"KEYCLOAK_ADMIN_CLIENT_SECRET" validate:"required" say:"that client's secret"`
}

// KeycloakPeopleConfig is the service account of the country's realm that
// writes people; only the worker reads it.
type KeycloakPeopleConfig struct {
	ClientID     string `env:"KEYCLOAK_PEOPLE_CLIENT_ID" validate:"required" say:"the client of the country's realm that writes people, opora-people"`
	ClientSecret Secret `env:"KEYCLOAK_PEOPLE_CLIENT_SECRET" validate:"required" say:"that client's secret"`
}

// KeysConfig holds the contour's own key: uploads are sealed and national ids
// hashed with keys derived from it.
type KeysConfig struct {
	Key Secret `env:"OPORA_KEY" validate:"required,key_hex" say:"32 random bytes in hex (make them with: openssl rand -hex 32)"`
}

// Bytes returns the key's 32 bytes.
func (k KeysConfig) Bytes() []byte {
	b, err := hex.DecodeString(k.Key.Reveal())
	if err != nil {
		panic("the key was used without having been validated")
	}
	return b
}

// HTTPConfig says where the API listens.
type HTTPConfig struct {
	Listen string `env:"OPORA_LISTEN" default:"127.0.0.1:8080" validate:"listen" say:"the address the API listens on, host:port"`
}

// UploadsConfig bounds the lists that are received.
type UploadsConfig struct {
	Max string `env:"OPORA_MAX_UPLOAD" default:"128MB" validate:"upload_size" say:"the largest list that is taken, such as 64MB; at most 128MB, which is what the importer reads"`
	Dir string `env:"OPORA_UPLOAD_DIR" validate:"omitempty,dir" say:"a folder with room for lists while they come (sealed; the system's folder for temporary files when unset)"`
}

// MaxBytes returns the limit in bytes.
func (u UploadsConfig) MaxBytes() int64 {
	n, _ := sizeOf(u.Max) // validated
	return n
}

// sizeOf reads a number of megabytes, such as 64MB (of 2^20 bytes, as
// everywhere here).
func sizeOf(s string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.ToUpper(s), "MB"), 10, 32)
	return n << 20, err == nil && n > 0
}

// RetentionConfig says how long what was uploaded is kept.
type RetentionConfig struct {
	UploadDays string `env:"OPORA_UPLOAD_DAYS" default:"7" validate:"days" say:"after how many days an uploaded list that was not read, and a workbook of errors, is removed; 1 to 90"`
}

// Days returns the number of days.
func (r RetentionConfig) Days() int {
	n, _ := strconv.Atoi(r.UploadDays) // validated
	return n
}

// ScannerConfig says who scans uploaded files; nobody when it is unset.
type ScannerConfig struct {
	Address string `env:"OPORA_SCANNER" validate:"omitempty,scanner" say:"where clamd listens, unix:/run/clamav/clamd.ctl or tcp:host:3310"`
}

// WebhooksConfig says which receivers may be called beside public ones.
type WebhooksConfig struct {
	Allow string `env:"OPORA_WEBHOOK_ALLOW" validate:"webhook_allow" say:"networks, addresses and names, each with or without :port, that webhooks may call though they are not public or not on port 443, by plain http too, such as 10.20.0.0/16:8080,booking.internal"`
}

// Policy returns what the list allows.
func (w WebhooksConfig) Policy() webhook.Policy {
	p, _ := webhook.ParsePolicy(w.Allow) // validated
	return p
}

// BookingConfig is a client of the API with the booking core's service
// account; only `entitlement check` reads it.
type BookingConfig struct {
	APIURL       string `env:"OPORA_URL" validate:"required,http_url" say:"the address of Opora's API, such as https://opora.internal"`
	ClientID     string `env:"BOOKING_CLIENT_ID" validate:"required" say:"the booking core's client in the country's realm, booking-core"`
	ClientSecret Secret `env:"BOOKING_CLIENT_SECRET" validate:"required" say:"that client's secret"`
}

// readConfig fills the concerns, pointers to fields of a Config, from the
// environment that lookup shows, and checks them. Secrets may stand in a file
// that NAME_FILE names. The error lists every variable that is missing or
// wrong and what it should hold; it never quotes a value.
func readConfig(lookup func(string) (string, bool), concerns ...any) error {
	var wrong []string
	for _, concern := range concerns {
		wrong = append(wrong, readConcern(lookup, concern)...)
	}
	if len(wrong) == 0 {
		return nil
	}
	return tenancy.E(tenancy.Invalid, "config_invalid", "the environment is not complete: "+strings.Join(wrong, "; "))
}

// readConcern fills one struct and returns a sentence for each variable that
// is missing or wrong.
func readConcern(lookup func(string) (string, bool), concern any) (wrong []string) {
	v := reflect.ValueOf(concern).Elem()
	unread := map[string]bool{}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		text, err := readVariable(lookup, field.Tag.Get("env"), field.Type == secretType)
		if err != nil {
			wrong = append(wrong, err.Error())
			unread[field.Name] = true
			continue
		}
		if text == "" {
			text = field.Tag.Get("default")
		}
		if field.Type == secretType {
			v.Field(i).Set(reflect.ValueOf(newSecret(text)))
		} else {
			v.Field(i).SetString(text)
		}
	}
	return append(wrong, invalid(concern, v.Type(), unread)...)
}

// readVariable returns the variable's value, or for a secret the contents of
// the file that NAME_FILE names.
func readVariable(lookup func(string) (string, bool), name string, secret bool) (string, error) {
	text, ok := lookup(name)
	if !secret {
		return strings.TrimSpace(text), nil
	}
	file, inFile := lookup(name + "_FILE")
	switch {
	case ok && text != "" && inFile && file != "":
		return "", fmt.Errorf("%s and %s_FILE are both set; keep one", name, name)
	case !inFile || file == "":
		return strings.TrimSpace(text), nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("%s_FILE names a file that cannot be read: %w", name, errors.Unwrap(err))
	}
	return strings.TrimSpace(string(b)), nil
}

// invalid runs the validator and words its findings by the variables' names.
func invalid(concern any, t reflect.Type, unread map[string]bool) (wrong []string) {
	var fields validator.ValidationErrors
	if err := validate.Struct(concern); !errors.As(err, &fields) {
		return nil
	}
	for _, f := range fields {
		field, _ := t.FieldByName(f.StructField())
		if unread[field.Name] {
			continue
		}
		name, what := field.Tag.Get("env"), field.Tag.Get("say")
		if field.Type == secretType {
			name += " (or " + name + "_FILE)"
		}
		verb := "is not as it should be"
		if f.Tag() == "required" {
			verb = "is not set"
		}
		wrong = append(wrong, fmt.Sprintf("%s %s: %s", name, verb, what))
	}
	return wrong
}

var (
	secretType = reflect.TypeFor[Secret]()
	validate   = newValidator()
)

// newValidator returns a validator that sees through Secret and knows the
// shapes of our own values.
func newValidator() *validator.Validate {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterCustomTypeFunc(func(f reflect.Value) any { return f.Interface().(Secret).Reveal() }, Secret{})
	shapes := map[string]func(string) bool{
		"postgres_url": func(s string) bool {
			return strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://")
		},
		"realm_name": func(s string) bool { return !strings.ContainsAny(s, "/ ?#%") },
		"key_hex":    func(s string) bool { b, err := hex.DecodeString(s); return err == nil && len(b) == 32 },
		"upload_size": func(s string) bool {
			n, ok := sizeOf(s)
			return ok && n <= postgres.MaxUpload
		},
		"days": func(s string) bool {
			n, err := strconv.Atoi(s)
			return err == nil && n >= 1 && n <= 90
		},
		"scanner":       func(s string) bool { _, err := scan.New(s); return err == nil },
		"webhook_allow": func(s string) bool { _, err := webhook.ParsePolicy(s); return err == nil },
		"listen": func(s string) bool {
			_, port, err := net.SplitHostPort(s)
			_, err2 := strconv.ParseUint(port, 10, 16)
			return err == nil && err2 == nil
		},
	}
	for tag, ok := range shapes {
		if err := v.RegisterValidation(tag, func(f validator.FieldLevel) bool { return ok(f.Field().String()) }); err != nil {
			panic(err)
		}
	}
	return v
}
