package roster_test

import (
	"strings"
	"testing"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

func TestFindingsAreToldInTheLanguagesOfHR(t *testing.T) {
	english := []roster.Finding{
		{Code: roster.FindingAbsentMany, Message: "3 of 9", Count: 3, Limit: 2},
		{Code: roster.FindingDepartment, Message: "the department «Склад «Юг»» would lose 5 of its 6 employees", Count: 5, Limit: 4},
		{Code: roster.FindingAbsentWeek, Message: "7", Count: 7, Limit: 6},
		{Code: roster.FindingUnidentified, Message: "8", Count: 8},
		{Code: roster.FindingIdentityMany, Message: "9", Count: 9, Limit: 5},
		{Code: roster.FindingSeatsExceeded, Message: "11", Count: 11, Limit: 10},
		{Code: "unheard_of", Message: "stays", Count: 1},
	}
	for _, lang := range []tenancy.Language{tenancy.Russian, tenancy.Kazakh} {
		told := roster.Told(english, lang)
		for i, f := range told[:6] {
			if f.Message == english[i].Message || strings.Contains(f.Message, "%!") || f.Code != english[i].Code {
				t.Errorf("%s: %+v", lang, f)
			}
		}
		if !strings.Contains(told[1].Message, "«Склад «Юг»»") || !strings.Contains(told[1].Message, "5") || !strings.Contains(told[1].Message, "4") {
			t.Errorf("%s: the department is told as %q", lang, told[1].Message)
		}
		if told[6] != english[6] {
			t.Errorf("%s: %+v", lang, told[6])
		}
	}
	if got := roster.Told(english, tenancy.English); got[0] != english[0] {
		t.Errorf("English: %+v", got[0])
	}
}
