// Package api is Opora over HTTP: chi routes, JSON, the one table from kinds of
// error to statuses, and openapi.yaml, which a test holds to the routes.
//
// Handlers decode strictly, call a use case and encode; what a caller may do is
// checked once by the route (its Action) and again, tenant by tenant, by the
// use case. The package knows neither SQL nor Keycloak: it declares the
// interfaces it reads from, and cmd/opora joins them.
package api
