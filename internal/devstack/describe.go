package devstack

import (
	"fmt"
	"io"
)

// Describe prints what runs where.
func (s *Stack) Describe(w io.Writer) {
	for _, c := range s.Contours {
		fmt.Fprintf(w, "\n%s\n", c.Country)
		for _, line := range []struct{ name, value string }{
			{"Opora", c.OporaURL}, {"Keycloak", c.KeycloakURL}, {"PostgreSQL", c.DatabaseURL},
		} {
			if line.value != "" {
				fmt.Fprintf(w, "  %-12s %s\n", line.name, line.value)
			}
		}
	}
	fmt.Fprintln(w, "\nCtrl-C stops everything.")
}
