package keycloak

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// floors are the lowest versions that are spoken to, per minor: below them
// organizations and delegated rights have published holes (CVE-2026-18201 and
// its kin). Later minors all have the repairs.
var floors = map[[2]int]int{{26, 6}: 7, {26, 7}: 3}

// CheckVersion reads Keycloak's version and refuses one below the floor,
// unless Config.AllowVersion names it.
func (c *Client) CheckVersion(ctx context.Context) (string, error) {
	var info struct {
		SystemInfo struct {
			Version string `json:"version"`
		} `json:"systemInfo"`
	}
	if _, err := c.send(ctx, http.MethodGet, c.path("admin", "serverinfo"), nil, &info); err != nil {
		return "", err
	}
	version := info.SystemInfo.Version
	if version == "" {
		return "", tenancy.E(tenancy.Forbidden, "keycloak_version_hidden",
			"Keycloak does not tell its version to this client; give the client the role that shows the server's information")
	}
	if !AboveFloor(version) && version != c.config.AllowVersion {
		return version, tenancy.E(tenancy.Invalid, "keycloak_too_old", fmt.Sprintf(
			"Keycloak %s has known holes in organizations; 26.7.3 or 26.6.7 is the least, or name this version in OPORA_ALLOW_KEYCLOAK", version))
	}
	return version, nil
}

// AboveFloor reports whether a version such as "26.7.4" is at or above its
// minor's floor. What is not a version is not.
func AboveFloor(version string) bool {
	var v [3]int
	core, _, _ := strings.Cut(version, "-")
	parts := strings.Split(core, ".")
	for i := 0; i < len(parts) && i < 3; i++ {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return false
		}
		v[i] = n
	}
	if patch, ok := floors[[2]int{v[0], v[1]}]; ok {
		return v[2] >= patch
	}
	return v[0] > 26 || v[0] == 26 && v[1] > 7
}
