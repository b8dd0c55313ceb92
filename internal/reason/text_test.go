package reason

import (
	"regexp"
	"strings"
	"testing"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/templates/entitlements"
)

var languages = []tenancy.Language{tenancy.Russian, tenancy.Kazakh, tenancy.English}

// Every reason has a text of its own in every language, and nothing else has one.
func TestEveryReasonIsTold(t *testing.T) {
	all, err := readTexts(entitlements.Reasons)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != len(entitlement.Reasons()) || len(all) != 12 {
		t.Errorf("%d texts of %d reasons", len(all), len(entitlement.Reasons()))
	}
	seen := map[string]entitlement.Reason{}
	for _, reason := range entitlement.Reasons() {
		for _, lang := range languages {
			text := Text(reason, lang)
			if other, again := seen[text]; again || len(text) < 20 || !strings.HasSuffix(text, ".") {
				t.Errorf("%s in %s: %q (also of %s)", reason, lang, text, other)
			}
			seen[text] = reason
		}
	}
	if Text("nonsense", tenancy.Russian) != "" || Text(entitlement.OK, "de") != Text(entitlement.OK, tenancy.English) {
		t.Error("a reason or a language that is not ours")
	}
	if _, err := readTexts([]byte("ok: {ru: Да, en: Yes}")); err == nil {
		t.Error("a reason without Kazakh was taken")
	}
}

var (
	kazakhLetter = regexp.MustCompile(`[әғқңөұүһі]`)
	// What is Russian only: words and endings that Kazakh does not have.
	russianWord = regexp.MustCompile(`(?i)(^|[^\p{L}])(и|или|не|на|для|если|это|вы|вас|ваш\p{L}*|встреч\p{L}*|отдел\p{L}*|договор\p{L}*|сотрудник\p{L}*)($|[^\p{L}])`)
	cyrillic    = regexp.MustCompile(`\p{Cyrillic}`)
	// Words that tell of health, and words that blame.
	health = regexp.MustCompile(`(?i)здоров|болез|лечен|врач|терап|диагноз|пациент|психолог|психи|денсаулық|ауру|емде|дәрігер|емші|пациент|health|\bill\b|sick|disease|therap|treat|patient|doctor|psycholog|mental`)
	blame  = regexp.MustCompile(`(?i)ошиб|наруш|запрещ|отказан|нельзя|вина|қате|тыйым|бұз|denied|forbidden|refus|error|fault|violat|not allowed`)
	hr     = regexp.MustCompile(`(?i)кадр|HR`)
)

func TestKazakhIsKazakh(t *testing.T) {
	for _, reason := range entitlement.Reasons() {
		text := Text(reason, tenancy.Kazakh)
		if !kazakhLetter.MatchString(text) || russianWord.MatchString(text) {
			t.Errorf("%s: %q", reason, text)
		}
		if cyrillic.MatchString(Text(reason, tenancy.English)) {
			t.Errorf("%s: the English text is not English", reason)
		}
	}
}

func TestTextsAreKind(t *testing.T) {
	for _, reason := range entitlement.Reasons() {
		for _, lang := range languages {
			text := Text(reason, lang)
			if found := health.FindString(text) + blame.FindString(text); found != "" {
				t.Errorf("%s in %s says %q: %q", reason, lang, found, text)
			}
		}
	}
}

// Nobody is sent to his employer with a question that tells that he wants help.
func TestTheEmployerIsAskedOnlyOfListsAndContracts(t *testing.T) {
	about := map[entitlement.Reason]bool{entitlement.EmployeeUnknown: true, entitlement.EmployeeInactive: true, entitlement.TenantSuspended: true, entitlement.ContractAbsent: true}
	for _, reason := range entitlement.Reasons() {
		for _, lang := range languages {
			if sent := hr.MatchString(Text(reason, lang)); sent != about[reason] {
				t.Errorf("%s in %s sends to HR: %v", reason, lang, sent)
			}
		}
	}
}
