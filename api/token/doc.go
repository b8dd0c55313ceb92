// Package token verifies access tokens of one contour's Keycloak realm. What a
// token must be comes from our configuration, never from the token; Keycloak
// being down or hostile callers with made-up key ids never stop a caller whose
// token is good.
package token
