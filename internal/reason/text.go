// Package reason tells employees, in their language, why they may book or not.
package reason

import (
	"bytes"
	"fmt"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/templates/entitlements"
)

// Text returns what an employee is told of a decision's reason: what it means
// and what he can do, in one to three sentences of the given language (English
// for one that we do not speak). The texts are in
// templates/entitlements/reasons.yaml; a reason that is not there gives "".
func Text(reason entitlement.Reason, lang tenancy.Language) string {
	return texts()[reason].InOrEnglish(lang)
}

// texts is read once; the file is part of the program, and a test reads it too.
var texts = sync.OnceValue(func() map[entitlement.Reason]tenancy.Text {
	all, err := readTexts(entitlements.Reasons)
	if err != nil {
		panic("templates/entitlements/reasons.yaml: " + err.Error())
	}
	return all
})

func readTexts(source []byte) (map[entitlement.Reason]tenancy.Text, error) {
	var all map[entitlement.Reason]tenancy.Text
	decoder := yaml.NewDecoder(bytes.NewReader(source))
	decoder.KnownFields(true)
	if err := decoder.Decode(&all); err != nil {
		return nil, err
	}
	for _, reason := range entitlement.Reasons() {
		if text := all[reason]; text.Ru == "" || text.Kk == "" || text.En == "" {
			return nil, fmt.Errorf("%s is not told in every language", reason)
		}
	}
	return all, nil
}
