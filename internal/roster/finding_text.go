package roster

import (
	"fmt"
	"strings"

	"github.com/ponimayu/opora/internal/tenancy"
)

// findingTexts are the findings in the languages of HR; English is what Brake
// says itself. %[1]d is the count, %[2]d the limit, %[3]s the department.
var findingTexts = map[string]tenancy.Text{
	FindingAbsentMany: {
		Ru: "Нет в списке и потеряют доступ: %[1]d чел. (без второй подписи можно не больше %[2]d).",
		Kk: "Тізімде жоқ және қолжетімділігінен айырылады: %[1]d адам (екінші адамның растауынсыз %[2]d адамнан асырмауға болады).",
	},
	FindingDepartment: {
		Ru: "Отдел «%[3]s» потеряет %[1]d чел. (без второй подписи можно не больше %[2]d).",
		Kk: "«%[3]s» бөлімі %[1]d адамнан айырылады (екінші адамның растауынсыз %[2]d адамнан асырмауға болады).",
	},
	FindingAbsentWeek: {
		Ru: "Вместе с этим списком за семь дней как отсутствующие в списках доступ потеряют %[1]d чел. (без второй подписи можно не больше %[2]d).",
		Kk: "Осы тізіммен бірге жеті күн ішінде тізімде болмағандықтан %[1]d адам қолжетімділігінен айырылады (екінші адамның растауынсыз %[2]d адамнан асырмауға болады).",
	},
	FindingUnidentified: {
		Ru: "Строк без читаемого табельного номера: %[1]d; на них могут стоять люди, которые потеряют доступ.",
		Kk: "Табельдік нөмірі оқылмайтын жолдар: %[1]d; оларда қолжетімділігінен айырылатын адамдар болуы мүмкін.",
	},
	FindingIdentityMany: {
		Ru: "Имя, почта или телефон изменятся у %[1]d чел. (без второй подписи можно не больше %[2]d).",
		Kk: "%[1]d адамның аты-жөні, поштасы немесе телефоны өзгереді (екінші адамның растауынсыз %[2]d адамнан асырмауға болады).",
	},
	FindingSeatsExceeded: {
		Ru: "Сотрудников станет %[1]d, а мест по договору %[2]d.",
		Kk: "Қызметкерлер саны %[1]d болады, ал шарт бойынша орын саны %[2]d.",
	},
}

// Told returns findings with their messages in a language. English and
// languages that we do not speak leave them as they are, as does a code that
// nobody has put into the language.
func Told(findings []Finding, lang tenancy.Language) []Finding {
	if lang != tenancy.Russian && lang != tenancy.Kazakh {
		return findings
	}
	told := make([]Finding, len(findings))
	for i, f := range findings {
		if text := findingTexts[f.Code].In(lang); text != "" {
			f.Message = fill(text, f)
		}
		told[i] = f
	}
	return told
}

// fill puts a finding's particulars into its text.
func fill(text string, f Finding) string {
	if strings.Contains(text, "%[3]s") {
		_, rest, _ := strings.Cut(f.Message, "«")
		end := strings.LastIndex(rest, "»")
		return fmt.Sprintf(text, f.Count, f.Limit, rest[:max(0, end)])
	}
	if strings.Contains(text, "%[2]d") {
		return fmt.Sprintf(text, f.Count, f.Limit)
	}
	return fmt.Sprintf(text, f.Count)
}
