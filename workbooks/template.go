package workbooks

import (
	"fmt"
	"io"
	"strings"

	"github.com/xuri/excelize/v2"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// Template is an empty list to fill in, for one country and, where it is known,
// one tenant.
type Template struct {
	Country   tenancy.Country
	Countries []tenancy.Country // what may be chosen as the country of residence
	Language  tenancy.Language
	// LegalEntities and Segments are the tenant's; with them the columns offer a
	// choice. A tenant that has none, or no tenant: free text.
	LegalEntities []tenancy.LegalEntity
	Segments      []tenancy.Segment
}

// The sheets of a template. The list comes first: the importer reads the first
// sheet with a header, and the examples are laid out so that they are none.
var (
	listSheet    = tenancy.Text{Ru: "Сотрудники", Kk: "Қызметкерлер", En: "Employees"}
	exampleSheet = tenancy.Text{Ru: "Примеры", Kk: "Мысалдар", En: "Examples"}
	helpSheet    = tenancy.Text{Ru: "Инструкция", Kk: "Нұсқаулық", En: "Instructions"}
	choiceSheet  = tenancy.Text{Ru: "Справочник", Kk: "Анықтамалық", En: "Choices"}
)

// template is a Template being made.
type template struct {
	Template
	file    *excelize.File
	columns []column
	styles  map[string]int
	err     error // the first
}

// Write writes the template as a workbook.
func (t Template) Write(to io.Writer) error {
	w := template{Template: t, file: excelize.NewFile(), columns: templateColumns(t.Country), styles: map[string]int{}}
	defer w.file.Close()
	w.try(w.file.SetSheetName("Sheet1", w.in(listSheet)))
	w.makeStyles()
	w.writeList()
	w.writeExamples()
	w.writeHelp()
	w.writeChoices()
	w.file.SetActiveSheet(0)
	w.try(w.file.SetDocProps(&excelize.DocProperties{Creator: "Opora", Title: w.in(listSheet)}))
	if w.err != nil {
		return fmt.Errorf("workbooks: %w", w.err)
	}
	return w.file.Write(to)
}

func (w *template) in(text tenancy.Text) string { return text.InOrEnglish(w.Language) }

func (w *template) try(err error) {
	if w.err == nil {
		w.err = err
	}
}

// The colours of the header say how much a column is needed.
var needColours = map[need]string{required: "F4B6B6", recommended: "FBE3A6", optional: "E3E8EE"}

func (w *template) makeStyles() {
	dates := "dd.mm.yyyy"
	solid := func(colour string) excelize.Fill {
		return excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{colour}}
	}
	bold := &excelize.Font{Family: "Calibri", Bold: true, Size: 11}
	wrapped := &excelize.Alignment{WrapText: true, Vertical: "top"}
	line := []excelize.Border{{Type: "bottom", Style: 1, Color: "9AA5B1"}, {Type: "right", Style: 1, Color: "D0D7DE"}}
	for name, style := range map[string]*excelize.Style{
		"text":                 {NumFmt: 49},
		"date":                 {CustomNumFmt: &dates},
		"title":                {Font: &excelize.Font{Family: "Calibri", Bold: true, Size: 14}},
		"note":                 {Alignment: wrapped, Border: line, NumFmt: 49},
		headStyle(required):    {NumFmt: 49, Font: bold, Fill: solid(needColours[required]), Border: line, Alignment: &excelize.Alignment{WrapText: true, Vertical: "center"}},
		headStyle(recommended): {NumFmt: 49, Font: bold, Fill: solid(needColours[recommended]), Border: line, Alignment: &excelize.Alignment{WrapText: true, Vertical: "center"}},
		headStyle(optional):    {NumFmt: 49, Font: bold, Fill: solid(needColours[optional]), Border: line, Alignment: &excelize.Alignment{WrapText: true, Vertical: "center"}},
	} {
		id, err := w.file.NewStyle(style)
		w.try(err)
		w.styles[name] = id
	}
}

func headStyle(n need) string { return fmt.Sprint("head", n) }

// writeList makes the sheet to fill in.
func (w *template) writeList() {
	sheet := w.in(listSheet)
	for i, c := range w.columns {
		letter := book.ColumnLetter(i)
		style := "text" // keeps leading zeros, and the plus of phones
		if c.date {
			style = "date"
		}
		w.try(w.file.SetColStyle(sheet, letter, w.styles[style]))
		w.try(w.file.SetColWidth(sheet, letter, letter, c.width))
		w.try(w.file.SetCellStr(sheet, letter+"1", w.in(c.name)))
		w.try(w.file.SetCellStyle(sheet, letter+"1", letter+"1", w.styles[headStyle(c.need)]))
		w.comment(sheet, letter+"1", c)
		w.validate(sheet, letter, c)
	}
	w.try(w.file.SetRowHeight(sheet, 1, 34))
	w.try(w.file.SetPanes(sheet, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft",
		Selection: []excelize.Selection{{SQRef: "A2", ActiveCell: "A2", Pane: "bottomLeft"}}}))
	w.fitToPage(sheet)
}

func (w *template) fitToPage(sheet string) {
	landscape, one, any, fit := "landscape", 1, 0, true
	w.try(w.file.SetPageLayout(sheet, &excelize.PageLayoutOptions{Orientation: &landscape, FitToWidth: &one, FitToHeight: &any}))
	w.try(w.file.SetSheetProps(sheet, &excelize.SheetPropsOptions{FitToPage: &fit}))
}

// comment says what belongs into a column and why.
func (w *template) comment(sheet, cell string, c column) {
	w.try(w.file.AddComment(sheet, excelize.Comment{
		Cell: cell, Author: "Opora", Width: 260, Height: 90,
		Paragraph: []excelize.RichTextRun{{Text: w.in(needed[c.need]) + " ", Font: &excelize.Font{Bold: true}}, {Text: w.in(c.note)}},
	}))
}

// validate makes Excel check what is typed into a column. A list of choices
// refuses what is not in it; the other checks warn.
func (w *template) validate(sheet, letter string, c column) {
	rule := excelize.NewDataValidation(true)
	rule.SetSqref(letter + "2:" + letter + "1048576")
	title, says := w.in(c.name), w.in(c.note)
	switch choices := w.choices(c.field); {
	case len(choices) > 0:
		at := book.ColumnLetter(choiceColumns[c.field])
		rule.SetSqrefDropList(fmt.Sprintf("'%s'!$%s$2:$%s$%d", w.in(choiceSheet), at, at, len(choices)+1))
		rule.SetError(excelize.DataValidationErrorStyleStop, title, w.in(chooseOne))
	case c.date:
		w.try(rule.SetRange("DATE(1920,1,1)", "DATE(2100,12,31)", excelize.DataValidationTypeDate, excelize.DataValidationOperatorBetween))
		rule.SetError(excelize.DataValidationErrorStyleStop, title, w.in(wantsDate))
	case c.field == importers.FieldEmail:
		rule.Type = "custom"
		rule.Formula1 = fmt.Sprintf(`AND(ISNUMBER(FIND("@",%[1]s2)),ISNUMBER(FIND(".",%[1]s2)),ISERROR(FIND(" ",%[1]s2)))`, letter)
		rule.SetError(excelize.DataValidationErrorStyleWarning, title, says)
	case c.field == importers.FieldEmployeeNo:
		w.try(rule.SetRange(1, 40, excelize.DataValidationTypeTextLength, excelize.DataValidationOperatorBetween))
		rule.SetError(excelize.DataValidationErrorStyleStop, title, says)
	case c.field == importers.FieldPhone, c.field == importers.FieldSNILS, c.field == importers.FieldIIN:
		w.try(rule.SetRange(10, 40, excelize.DataValidationTypeTextLength, excelize.DataValidationOperatorBetween))
		rule.SetError(excelize.DataValidationErrorStyleWarning, title, says)
	default:
		w.try(rule.SetRange(0, 200, excelize.DataValidationTypeTextLength, excelize.DataValidationOperatorBetween))
		rule.SetError(excelize.DataValidationErrorStyleStop, title, says)
	}
	w.try(w.file.AddDataValidation(sheet, rule))
}

var (
	chooseOne = tenancy.Text{Ru: "Выберите значение из списка.", Kk: "Тізімнен мәнді таңдаңыз.", En: "Choose a value from the list."}
	wantsDate = tenancy.Text{Ru: "Нужна дата: ДД.ММ.ГГГГ.", Kk: "Күн керек: КК.АА.ЖЖЖЖ.", En: "A date is needed: DD.MM.YYYY."}
)

// choiceColumns is where the choices of a field stand on their sheet.
var choiceColumns = map[importers.Field]int{importers.FieldLegalEntity: 0, importers.FieldSegment: 1, importers.FieldCountry: 2}

// choices are the values that a column may have; none where any may.
func (w *template) choices(field importers.Field) (all []string) {
	switch field {
	case importers.FieldLegalEntity:
		for _, e := range w.LegalEntities {
			all = append(all, entityName(e))
		}
	case importers.FieldSegment:
		for _, s := range w.Segments {
			all = append(all, segmentName(s, w.Language))
		}
	case importers.FieldCountry:
		for _, c := range w.Countries {
			all = append(all, c.Name.In(w.Language))
		}
	}
	return all
}

// entityName is what a legal entity is called in a list; the importer knows it
// by its code too.
func entityName(e tenancy.LegalEntity) string {
	if e.Name != "" {
		return e.Name
	}
	return string(e.Code)
}

func segmentName(s tenancy.Segment, lang tenancy.Language) string {
	if name := s.Name.In(lang); name != "" {
		return name
	}
	return string(s.ID)
}

// writeChoices makes the sheet that the lists of choices are taken from. It is
// in sight: a hidden one would be a question to whoever uploads the list.
func (w *template) writeChoices() {
	sheet := w.in(choiceSheet)
	_, err := w.file.NewSheet(sheet)
	w.try(err)
	w.try(w.file.SetColWidth(sheet, "A", "C", 40))
	for _, c := range w.columns {
		at, ok := choiceColumns[c.field]
		choices := w.choices(c.field)
		if !ok || len(choices) == 0 {
			continue
		}
		w.put(sheet, at, 1, w.in(c.name), headStyle(optional))
		for i, text := range choices {
			w.put(sheet, at, i+2, importers.SafeText(text), "note")
		}
	}
}

// exampleHead names the columns of the examples.
var exampleHead = []tenancy.Text{
	{Ru: "Колонка", Kk: "Баған", En: "Column"},
	{Ru: "Нужна ли", Kk: "Керек пе", En: "Needed"},
	{Ru: "Что писать", Kk: "Не жазу керек", En: "What to write"},
	{Ru: "Пример 1", Kk: "1-мысал", En: "Example 1"},
	{Ru: "Пример 2", Kk: "2-мысал", En: "Example 2"},
	{Ru: "Пример 3", Kk: "3-мысал", En: "Example 3"},
}

// writeExamples makes the sheet with examples: a column of the list is a row
// here, so that nobody's eye and no importer takes the examples for people.
func (w *template) writeExamples() {
	sheet := w.in(exampleSheet)
	_, err := w.file.NewSheet(sheet)
	w.try(err)
	for i, width := range []float64{30, 18, 70, 28, 26, 28} {
		letter := book.ColumnLetter(i)
		w.try(w.file.SetColWidth(sheet, letter, letter, width))
		w.put(sheet, i, 1, w.in(exampleHead[i]), headStyle(optional))
	}
	for i, c := range w.columns {
		line := i + 2
		w.put(sheet, 0, line, w.in(c.name), headStyle(c.need))
		w.put(sheet, 1, line, strings.TrimSuffix(w.in(needed[c.need]), "."), "note")
		w.put(sheet, 2, line, w.in(c.note), "note")
		w.try(w.file.SetRowHeight(sheet, line, 2*lineHeight))
		for n, sample := range w.samples(c) {
			w.put(sheet, 3+n, line, sample, "note")
		}
	}
	w.fitToPage(sheet)
}

// samples are the made-up people of the examples.
func (w *template) samples(c column) [3]string {
	if choices := w.choices(c.field); len(choices) > 0 && c.field != importers.FieldCountry {
		return [3]string{choices[0], "", choices[len(choices)-1]}
	}
	if c.field == importers.FieldCountry {
		return [3]string{w.Country.Name.In(w.Language), "", ""}
	}
	return c.samples[w.Country.Code]
}

func (w *template) put(sheet string, column, line int, text, style string) {
	cell := fmt.Sprintf("%s%d", book.ColumnLetter(column), line)
	w.try(w.file.SetCellStr(sheet, cell, text))
	w.try(w.file.SetCellStyle(sheet, cell, cell, w.styles[style]))
}

// help is the instruction, a paragraph a line.
var help = []tenancy.Text{
	{Ru: "Как заполнить список", Kk: "Тізімді қалай толтыру керек", En: "How to fill in the list"},
	{
		Ru: "Заполните первый лист: одна строка — один сотрудник на одном рабочем месте. Вторая работа того же человека — ещё одна строка со своим табельным номером.",
		Kk: "Бірінші парақты толтырыңыз: бір жол — бір жұмыс орнындағы бір қызметкер. Сол адамның екінші жұмысы — өз табельдік нөмірі бар тағы бір жол.",
		En: "Fill in the first sheet: one row is one employee in one job. A second job of the same person is another row with its own personnel number.",
	},
	{
		Ru: "Красный заголовок — обязательная колонка, жёлтый — желательная, серый — по необходимости. Наведите курсор на заголовок: там сказано, что писать. Лишние колонки можно удалить, порядок не важен.",
		Kk: "Қызыл тақырып — міндетті баған, сары — ұсынылатын, сұр — қажет болса. Меңзерді тақырыпқа апарыңыз: онда не жазу керегі айтылған. Артық бағандарды жоюға болады, реті маңызды емес.",
		En: "A red header is a required column, a yellow one is recommended, a grey one optional. Point at a header to see what to write. Columns that you do not need may be deleted; their order does not matter.",
	},
	{
		Ru: "Пустая ячейка ничего не стирает: прежнее значение остаётся.",
		Kk: "Бос ұяшық ештеңені өшірмейді: бұрынғы мән қалады.",
		En: "A blank cell erases nothing: the earlier value stays.",
	},
	{
		Ru: "При загрузке выберите, что значит список: «добавить» — только новые и изменившиеся люди; «полный» — кого нет в списке, тот кандидат на увольнение; «уволенные» — все в списке уходят.",
		Kk: "Жүктегенде тізімнің мағынасын таңдаңыз: «қосу» — тек жаңа және өзгерген адамдар; «толық» — тізімде жоқ адам босатуға үміткер; «босатылғандар» — тізімдегілердің бәрі кетеді.",
		En: "When you upload it, choose what the list means: “add” — new and changed people only; “full” — who is not on it is a candidate to leave; “leavers” — everybody on it leaves.",
	},
	{
		Ru: "Принимаются книги Excel (.xlsx, .xlsm, .xls), таблицы OpenDocument (.ods) и текст (.csv, .txt). Ничего не меняется, пока вы не посмотрите, что изменится, и не подтвердите; загрузку можно отменить.",
		Kk: "Excel кітаптары (.xlsx, .xlsm, .xls), OpenDocument кестелері (.ods) және мәтін (.csv, .txt) қабылданады. Сіз не өзгеретінін көріп, растағанша ештеңе өзгермейді; жүктеуді кері қайтаруға болады.",
		En: "Excel workbooks (.xlsx, .xlsm, .xls), OpenDocument spreadsheets (.ods) and text (.csv, .txt) are taken. Nothing is changed before you have seen what would change and confirmed it, and an upload can be taken back.",
	},
	{
		Ru: "Если в списке будут ошибки, вы получите его обратно с отмеченными ячейками и колонкой «Что исправить»; исправьте и загрузите тот же файл.",
		Kk: "Тізімде қателер болса, ол белгіленген ұяшықтармен және «Нені түзету керек» бағанымен қайтарылады; түзетіп, сол файлды қайта жүктеңіз.",
		En: "If there are mistakes in the list you get it back with the cells marked and a column “What to correct”; correct it and upload the same file.",
	},
}

func (w *template) writeHelp() {
	sheet := w.in(helpSheet)
	_, err := w.file.NewSheet(sheet)
	w.try(err)
	w.try(w.file.SetColWidth(sheet, "A", "A", 110))
	for i, text := range help {
		style := "note"
		if i == 0 {
			style = "title"
		}
		w.put(sheet, 0, i+1, w.in(text), style)
		if i > 0 {
			w.try(w.file.SetRowHeight(sheet, i+1, 36))
		}
	}
	w.fitToPage(sheet)
}
