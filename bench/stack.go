package main

import (
	"fmt"
	"os"
	"strings"
)

// stack is where the running stack is and what its clients are called, as
// `opora dev --exec` gives it in the environment.
type stack struct {
	OporaURL, KeycloakURL, Realm     string
	DatabaseURL                      string
	AdminID, AdminSecret             string
	BookingID, BookingSecret         string
	HRID, HRSecret, HR2ID, HR2Secret string
}

func stackFromEnv() (stack, error) {
	var s stack
	var missing []string
	for name, into := range map[string]*string{
		"OPORA_URL": &s.OporaURL, "KEYCLOAK_URL": &s.KeycloakURL, "OPORA_REALM": &s.Realm, "DATABASE_URL": &s.DatabaseURL,
		"KEYCLOAK_ADMIN_CLIENT_ID": &s.AdminID, "KEYCLOAK_ADMIN_CLIENT_SECRET": &s.AdminSecret,
		"BOOKING_CLIENT_ID": &s.BookingID, "BOOKING_CLIENT_SECRET": &s.BookingSecret,
		"HR_CDEK_CLIENT_ID": &s.HRID, "HR_CDEK_CLIENT_SECRET": &s.HRSecret,
		"HR_CDEK2_CLIENT_ID": &s.HR2ID, "HR_CDEK2_CLIENT_SECRET": &s.HR2Secret,
	} {
		if *into = os.Getenv(name); *into == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return stack{}, fmt.Errorf("%s not set: run `make bench`, or `opora dev --exec 'go run ./bench'`", strings.Join(missing, ", "))
	}
	return s, nil
}
