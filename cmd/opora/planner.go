package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/provisioner"
	"github.com/ponimayu/opora/provisioner/keycloak"
)

// CountryConfig says which country's contour this is, for commands that learn
// the realm from the catalogue.
type CountryConfig struct {
	Country tenancy.CountryCode `env:"OPORA_COUNTRY" validate:"required,iso3166_1_alpha2" say:"the contour's country, a code of ISO 3166-1 such as RU (or --country)"`
}

// RealmConfig holds what the contour adds to its realm.
type RealmConfig struct {
	Overlay string `env:"OPORA_REALM_OVERLAY" say:"a YAML file in the form of templates/realms/baseline.yaml with what is different on this contour, such as addresses"`
	// AllowKeycloak names one version of Keycloak below the floor.
	AllowKeycloak string `env:"OPORA_ALLOW_KEYCLOAK" say:"a version of Keycloak below the floor to work with all the same"`
}

// planning is what the commands that plan and apply have open.
type planning struct {
	*provisioner.Planner
	keycloak *keycloak.Client
	db       *postgres.DB
}

func (p planning) Close() { p.db.Close() }

// openPlanner reads the environment, connects to PostgreSQL and checks
// Keycloak's version.
func openPlanner(cmd *cobra.Command) (planning, error) {
	var database DatabaseConfig
	var realm RealmConfig
	country, client, err := openKeycloak(cmd, &database, &realm)
	if err != nil {
		return planning{}, err
	}
	var overlays [][]byte
	if realm.Overlay != "" {
		text, err := os.ReadFile(realm.Overlay)
		if err != nil {
			return planning{}, tenancy.E(tenancy.Invalid, "config_invalid", "OPORA_REALM_OVERLAY names a file that cannot be read", err)
		}
		overlays = append(overlays, text)
	}
	db, err := postgres.Open(cmd.Context(), database.URL.Reveal())
	if err != nil {
		return planning{}, err
	}
	if _, err := client.CheckVersion(cmd.Context()); err != nil {
		db.Close()
		return planning{}, err
	}
	return planning{&provisioner.Planner{
		Target: client.Realms(country), Store: db, Country: country, Overlays: overlays, Actor: "operator",
	}, client, db}, nil
}

// openKeycloak reads the country, the administrator's credential and further
// concerns from the environment. Nothing is sent yet.
func openKeycloak(cmd *cobra.Command, concerns ...any) (tenancy.CountryCode, *keycloak.Client, error) {
	var where KeycloakConfig
	var admin KeycloakAdminConfig
	var country CountryConfig
	var realm RealmConfig
	lookup := os.LookupEnv
	if flag, _ := cmd.Flags().GetString("country"); flag != "" {
		lookup = func(name string) (string, bool) {
			if name == "OPORA_COUNTRY" {
				return flag, true
			}
			return os.LookupEnv(name)
		}
	}
	if err := readConfig(lookup, append(concerns, &where, &admin, &country, &realm)...); err != nil {
		return "", nil, err
	}
	return country.Country, keycloak.New(keycloak.Config{
		URL: where.URL, TokenRealm: "master", ClientID: admin.ClientID, ClientSecret: admin.ClientSecret.Reveal(),
		AllowVersion: realm.AllowKeycloak,
	}), nil
}

// planFolder is the catalogue's folder: what -f says, or the one called
// "catalogue" here.
func planFolder(cmd *cobra.Command) (string, error) {
	folder := catalogueFolder(cmd)
	if !cmd.Flags().Changed("folder") {
		folder = "catalogue"
		if info, err := os.Stat(folder); err != nil || !info.IsDir() {
			return "", tenancy.E(tenancy.Invalid, "catalogue_missing", "there is no folder called catalogue here; say where the catalogue is with -f DIR")
		}
	}
	return filepath.Abs(folder)
}
