package roster

import (
	"crypto/rand"

	"github.com/ponimayu/opora/internal/tenancy"
)

// codeLetters leaves out what looks alike in print: 0 and o, 1, i and l.
const codeLetters = "23456789abcdefghjkmnpqrstuvwxyz"

// NewLogin returns a login name, the tenant's slug and six random letters or
// digits ("cdek-7k2m9q"): short enough to type from a printed sheet, and
// telling nothing of the person. The caller draws again when it is taken.
func NewLogin(tenant tenancy.TenantSlug) string { return string(tenant) + "-" + NewCode(6) }

// NewCode draws n letters and digits, each equally likely: some 4.9 bits each.
func NewCode(n int) string {
	text := make([]byte, 0, n)
	var drawn [1]byte
	for len(text) < n {
		_, _ = rand.Read(drawn[:])                                           // never fails: crypto/rand ends the program instead
		if i := int(drawn[0]); i < len(codeLetters)*(256/len(codeLetters)) { // drop the tail that would favour some letters
			text = append(text, codeLetters[i%len(codeLetters)])
		}
	}
	return string(text)
}
