package workbooks

import (
	"slices"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/tenancy"
)

// need says how much a column is needed.
type need int

const (
	optional need = iota
	recommended
	required
)

// column is one of the columns that we write: in the template and, national ids
// aside, in the export. Its names are the dictionary's, so that what we write
// is read without a question.
type column struct {
	field   importers.Field
	need    need
	name    tenancy.Text
	note    tenancy.Text // what is written there, and why
	date    bool
	width   float64
	samples map[tenancy.CountryCode][3]string
}

const (
	ru = tenancy.CountryCode("RU")
	kz = tenancy.CountryCode("KZ")
)

// columns are in the order in which they are written.
var columns = []column{
	{
		field: importers.FieldEmployeeNo, need: required, width: 18,
		name: tenancy.Text{Ru: "Табельный номер", Kk: "Табельдік нөмірі", En: "Personnel number"},
		note: tenancy.Text{
			Ru: "Как в кадровой системе, с нулями впереди. По нему человека узнают в следующих списках.",
			Kk: "Кадр жүйесіндегідей, алдындағы нөлдерімен. Келесі тізімдерде адам осы нөмір бойынша танылады.",
			En: "As in your HR system, with its leading zeros. The person is known by it in later lists.",
		},
		samples: map[tenancy.CountryCode][3]string{ru: {"000123", "000124", "Ц-0045"}, kz: {"000123", "000124", "А-0045"}},
	},
	{
		field: importers.FieldLastName, need: required, width: 18,
		name:    tenancy.Text{Ru: "Фамилия", Kk: "Тегі", En: "Last name"},
		note:    tenancy.Text{Ru: "Полностью, как в паспорте.", Kk: "Толық, жеке куәліктегідей.", En: "In full, as in the passport."},
		samples: map[tenancy.CountryCode][3]string{ru: {"Примерова", "Образцов", "Тестова-Малая"}, kz: {"Үлгібаева", "Мысалов", "Сынақова"}},
	},
	{
		field: importers.FieldFirstName, need: required, width: 16,
		name:    tenancy.Text{Ru: "Имя", Kk: "Аты", En: "First name"},
		note:    tenancy.Text{Ru: "Полностью, без сокращений.", Kk: "Толық, қысқартусыз.", En: "In full, no initials."},
		samples: map[tenancy.CountryCode][3]string{ru: {"Анна", "Пётр", "Ольга"}, kz: {"Әсел", "Ерлан", "Дина"}},
	},
	{
		field: importers.FieldMiddleName, need: optional, width: 18,
		name:    tenancy.Text{Ru: "Отчество", Kk: "Әкесінің аты", En: "Middle name"},
		note:    tenancy.Text{Ru: "Если есть.", Kk: "Бар болса.", En: "If there is one."},
		samples: map[tenancy.CountryCode][3]string{ru: {"Ивановна", "Ильич", ""}, kz: {"Серікқызы", "Алмасұлы", ""}},
	},
	{
		field: importers.FieldEmail, need: recommended, width: 28,
		name: tenancy.Text{Ru: "E-mail", Kk: "Электрондық пошта", En: "E-mail"},
		note: tenancy.Text{
			Ru: "Один адрес, свой у каждого. Без него и без телефона человеку нужен напечатанный лист активации.",
			Kk: "Бір мекенжай, әркімде өзінікі. Онсыз және телефонсыз адамға басып шығарылған белсендіру парағы керек.",
			En: "One address, each person's own. Without it and without a phone the person needs a printed activation sheet.",
		},
		samples: map[tenancy.CountryCode][3]string{ru: {"primerova@company.example", "", "testova@company.example"}, kz: {"ulgibaeva@company.example", "", "synakova@company.example"}},
	},
	{
		field: importers.FieldPhone, need: recommended, width: 23,
		name:    tenancy.Text{Ru: "Мобильный телефон", Kk: "Ұялы телефон", En: "Mobile phone"},
		note:    tenancy.Text{Ru: "С кодом, одним номером: +7 9XX XXX-XX-XX.", Kk: "Кодымен, бір нөмір: +7 7XX XXX-XX-XX.", En: "One number with its code: +7 9XX XXX-XX-XX."},
		samples: map[tenancy.CountryCode][3]string{ru: {"+7 900 000-00-01", "8 900 000-00-02", ""}, kz: {"+7 700 000 00 01", "8 700 000 00 02", ""}},
	},
	{
		field: importers.FieldDepartment, need: recommended, width: 26,
		name: tenancy.Text{Ru: "Подразделение", Kk: "Бөлімше", En: "Department"},
		note: tenancy.Text{
			Ru: "По нему видно, если из списка пропал целый отдел.", Kk: "Тізімнен тұтас бөлім түсіп қалса, осыдан көрінеді.",
			En: "It shows when a whole department is missing from the list.",
		},
		samples: map[tenancy.CountryCode][3]string{ru: {"Бухгалтерия", "Склад", "Склад"}, kz: {"Бухгалтерия", "Қойма", "Қойма"}},
	},
	{
		field: importers.FieldPosition, need: recommended, width: 26,
		name:    tenancy.Text{Ru: "Должность", Kk: "Лауазымы", En: "Position"},
		note:    tenancy.Text{Ru: "От неё может зависеть, что оплачивает компания.", Kk: "Компания не төлейтіні осыған байланысты болуы мүмкін.", En: "What the company pays for may depend on it."},
		samples: map[tenancy.CountryCode][3]string{ru: {"Бухгалтер", "Кладовщик", "Грузчик"}, kz: {"Бухгалтер", "Қоймашы", "Жүкші"}},
	},
	{
		field: importers.FieldLegalEntity, need: optional, width: 28,
		name: tenancy.Text{Ru: "Юридическое лицо", Kk: "Заңды тұлға", En: "Legal entity"},
		note: tenancy.Text{
			Ru: "Если у компании их несколько. Пусто — основное.", Kk: "Компанияда бірнешеу болса. Бос болса — негізгісі.",
			En: "If the company has several. Blank means the main one.",
		},
	},
	{
		field: importers.FieldHiredOn, need: recommended, date: true, width: 16,
		name:    tenancy.Text{Ru: "Дата приема", Kk: "Жұмысқа қабылданған күні", En: "Hire date"},
		note:    tenancy.Text{Ru: "ДД.ММ.ГГГГ. День впереди — доступ откроется в этот день.", Kk: "КК.АА.ЖЖЖЖ. Болашақ күн — қолжетімділік сол күні ашылады.", En: "DD.MM.YYYY. A day ahead: access opens on that day."},
		samples: map[tenancy.CountryCode][3]string{ru: {"01.02.2024", "15.09.2025", "03.11.2025"}, kz: {"01.02.2024", "15.09.2025", "03.11.2025"}},
	},
	{
		field: importers.FieldLeftOn, need: optional, date: true, width: 18,
		name: tenancy.Text{Ru: "Дата увольнения", Kk: "Жұмыстан босатылған күні", En: "Leave date"},
		note: tenancy.Text{
			Ru: "Последний рабочий день; у работающих пусто. Можно указать будущий день.", Kk: "Соңғы жұмыс күні; жұмыс істеп жүргендерде бос. Болашақ күнді көрсетуге болады.",
			En: "The last day of work; blank for who stays. It may lie ahead.",
		},
		samples: map[tenancy.CountryCode][3]string{ru: {"", "", "31.12.2026"}, kz: {"", "", "31.12.2026"}},
	},
	{
		field: importers.FieldBirthDate, need: recommended, date: true, width: 16,
		name: tenancy.Text{Ru: "Дата рождения", Kk: "Туған күні", En: "Birth date"},
		note: tenancy.Text{
			Ru: "Различает однофамильцев и узнаёт человека после перевода или смены фамилии.", Kk: "Аттастарды ажыратады және ауысқаннан немесе тегі өзгергеннен кейін адамды таниды.",
			En: "Tells namesakes apart, and knows a person again after a move or a new name.",
		},
		samples: map[tenancy.CountryCode][3]string{ru: {"05.06.1990", "17.03.1985", "29.02.2000"}, kz: {"05.06.1990", "17.03.1985", "29.02.2000"}},
	},
	{
		field: importers.FieldCountry, need: optional, width: 22,
		name: tenancy.Text{Ru: "Страна проживания", Kk: "Тұратын елі", En: "Country of residence"},
		note: tenancy.Text{
			Ru: "Если в списке могут быть люди из другой страны: их строки не берутся, их список хранится там.",
			Kk: "Тізімде басқа елдің адамдары болуы мүмкін болса: олардың жолдары алынбайды, олардың тізімі сол елде сақталады.",
			En: "If people of another country may be in the list: their rows are not taken, their list is kept there.",
		},
	},
	{
		field: importers.FieldSegment, need: optional, width: 18,
		name:    tenancy.Text{Ru: "Сегмент", Kk: "Сегменті", En: "Segment"},
		note:    tenancy.Text{Ru: "Если в договоре люди делятся на группы с разными услугами.", Kk: "Шартта адамдар түрлі қызметтері бар топтарға бөлінсе.", En: "If the contract divides people into groups with different services."},
		samples: map[tenancy.CountryCode][3]string{},
	},
	{
		field: importers.FieldSNILS, need: optional, width: 18,
		name: tenancy.Text{Ru: "СНИЛС", Kk: "СНИЛС", En: "SNILS"},
		note: tenancy.Text{
			Ru: "Хранится только его отпечаток, чтобы узнать человека; сам номер не сохраняется.", Kk: "Тек адамды тану үшін таңбасы сақталады; нөмірдің өзі сақталмайды.",
			En: "Only its fingerprint is kept, to know the person again; the number itself is not.",
		},
	},
	{
		field: importers.FieldIIN, need: optional, width: 18,
		name: tenancy.Text{Ru: "ИИН", Kk: "ЖСН", En: "IIN"},
		note: tenancy.Text{
			Ru: "Хранится только его отпечаток, чтобы узнать человека; сам номер не сохраняется.", Kk: "Тек адамды тану үшін таңбасы сақталады; нөмірдің өзі сақталмайды.",
			En: "Only its fingerprint is kept, to know the person again; the number itself is not.",
		},
	},
}

// ofCountry reports whether the template of a country has the column: of the
// national ids only the one that the country asks for first.
func (c column) ofCountry(country tenancy.Country) bool {
	switch c.field {
	case importers.FieldSNILS, importers.FieldIIN:
		return len(country.NationalIDs) > 0 && string(country.NationalIDs[0]) == string(c.field)
	}
	return true
}

// templateColumns are the columns of a country's template.
func templateColumns(country tenancy.Country) []column {
	return slices.DeleteFunc(slices.Clone(columns), func(c column) bool { return !c.ofCountry(country) })
}

// needed names how much a column is needed.
var needed = map[need]tenancy.Text{
	required:    {Ru: "Обязательно.", Kk: "Міндетті.", En: "Required."},
	recommended: {Ru: "Желательно.", Kk: "Ұсынылады.", En: "Recommended."},
	optional:    {Ru: "По необходимости.", Kk: "Қажет болса.", En: "Optional."},
}
