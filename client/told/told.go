// Package told has what an employee is told of an answer, in his language, for
// programs that ask by package client: the sentences with which the API answers
// ?lang=. It is a package of its own because the client needs none of it.
package told

import (
	"github.com/ponimayu/opora/client"
	"github.com/ponimayu/opora/internal/reason"
	"github.com/ponimayu/opora/internal/tenancy"
)

// unavailable is told of the one reason that is the client's own.
var unavailable = tenancy.Text{
	Ru: "Сейчас мы не можем проверить, сколько встреч вам оплачивает компания. Попробуйте ещё раз через несколько минут; всё, что уже запланировано, остаётся в силе.",
	Kk: "Қазір компания сізге қанша кездесу төлейтінін тексере алмай тұрмыз. Бірнеше минуттан кейін қайталап көріңіз; жоспарланған кездесулеріңіз күшінде қалады.",
	En: "We cannot see just now how many appointments your company pays for. Please try again in a few minutes; what is planned already stays as it is.",
}

// Text returns what the reason means and what the employee can do, in one to
// three sentences of lang: "ru", "kk", or English for everything else. A reason
// that neither Opora nor the client gives has the text "".
func Text(r client.Reason, lang string) string {
	language := tenancy.Language(lang)
	if r != client.Unavailable {
		return reason.Text(r, language)
	}
	return unavailable.InOrEnglish(language)
}
