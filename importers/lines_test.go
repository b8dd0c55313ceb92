package importers

import (
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ponimayu/opora/importers/book"
)

const otherTable = "Отдел;Количество;Примечание;;"

// Lines that are somebody's, in the columns of listHead; and lines that are nobody's.
var (
	listHead = "Должность;Таб. №;ФИО;Телефон;Отдел"
	people   = []string{
		"Курьер;%;Иванов Иван Иванович;89001112233;Склад", "Директор;;Петров Пётр Петрович;89001112234;", ";%;Блок А.А.;;",
		"Директор;%;Сидоров С.С.;;", ";к-%;иванов иван иванович;;", ";;Орлова Нина Ивановна;;", "Итоговый контролёр;%;Всеволодов Лев Ильич;;Всего хорошего",
		"Главный бухгалтер;;Белова Анна Олеговна;8 900 111-22-35;Бухгалтерия", ";%;Қасымов Нұрлан Әбдірұлы;87011234567;", "Примечание;%;Ли Ю;;", ";%;;89001112236;Склад",
		"Вакансия;%;Зимин Лев Львович;89001112237;", "Исполнитель;АБ;Жуков Фёдор Ильич;;Отдел продаж",
	}
	// Behind the header of another table these could be of that table.
	unclear = []string{";%;Ким;;", ";%;Орлова;;Склад"}
	nobody  = []string{
		"", ";;;;", "Склад;;;;", ";;Отдел продаж;;", "Филиал «Север» (3 чел.);;;;", "Итого;3;;;", ";;Всего по отделу:;;", listHead, "1;2;3;4;5", "Страница 1 из 2;;;;",
		"* – совместители;;;;", otherTable, "Курьеры;;5;;", "Руководитель;;_____________;Иванов И.И.;", "Отчёт сформирован 01.11.2026;;;;", "-----;;;;",
		"Подразделение:;Касса;;;", "Исполнитель: Петрова А.А., тел. 12-34;;;;", "М.П.;;;;", ";Вакансия;;;",
	}
)

// Whatever stands between them, nobody is skipped who may be a person.
func TestNobodyIsSkipped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := []string{"Список сотрудников;;;;", listHead}
		somebody := map[int]bool{}
		table := false
		for i := range rapid.IntRange(1, 30).Draw(t, "lines") {
			if rapid.Bool().Draw(t, "somebody") {
				pool := people
				if !table {
					pool = append(unclear, people...)
				}
				person := rapid.SampledFrom(pool).Draw(t, "person")
				lines = append(lines, strings.ReplaceAll(person, "%", strconv.Itoa(100+i)))
				somebody[len(lines)] = true
			} else {
				junk := rapid.SampledFrom(nobody).Draw(t, "nobody")
				lines = append(lines, junk)
				table = table || junk == otherTable
			}
		}
		p, err := parseReader([]byte(strings.Join(lines, "\n") + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range p.records {
			if somebody[r.Line] && r.Skipped != "" {
				t.Errorf("line %d %q is skipped as %s in\n%s", r.Line, lines[r.Line-1], r.Skipped, strings.Join(lines, "\n"))
			}
			if !somebody[r.Line] && r.Skipped == "" && r.OK {
				t.Errorf("line %d %q is somebody: %+v", r.Line, lines[r.Line-1], r.Row)
			}
		}
	})
}

// A shared text of 32 KB that thousands of cells refer to must not keep us busy
// for minutes.
func TestManyLongTextsAreRefused(t *testing.T) {
	long := strings.Repeat("Ж", 16000)
	_, err := parseReader([]byte("Таб. №;ФИО;E-mail\n" + strings.Repeat("1;"+long+";"+long+"\n", 300)))
	if p, _ := book.ProblemOf(err); p.Code != book.FileTooLarge || p.Line != 67 {
		t.Errorf("%v", err)
	}
}
