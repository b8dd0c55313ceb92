package catalogue

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Revision names a catalogue's content: SHA-256, in hexadecimal, of its JSON.
// Load sorts what a file's layout could move, so the same content has the same
// revision however it is spread over files, commented or indented.
func Revision(c tenancy.Catalogue) string {
	canonical, err := json.Marshal(c) // structs and sorted lists only: one spelling
	if err != nil {
		panic("catalogue: " + err.Error()) // no noun of tenancy can fail to be written
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}
