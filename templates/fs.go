// Package templates embeds the assets of Opora: the built-in base of the
// catalogue, the sample catalogue and rosters, realm baselines and pages.
package templates

import "embed"

// FS holds the whole tree below this folder.
//
//go:embed all:*
var FS embed.FS
