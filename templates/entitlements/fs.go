// Package entitlements embeds what employees are told of entitlements, apart
// from the other templates: a program that imports the client carries no pages.
package entitlements

import _ "embed"

// Reasons is reasons.yaml: a text for each reason of a decision.
//
//go:embed reasons.yaml
var Reasons []byte
