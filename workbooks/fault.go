package workbooks

import (
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/importers/book"
	"github.com/ponimayu/opora/internal/tenancy"
)

// weight is how bad something is; it decides the colour.
type weight uint8

const (
	fine weight = iota
	warned
	wrong
)

// fault is a problem as the marker needs it, small: a list of a million rows
// may have as many.
type fault struct {
	line   int32
	column int16 // -1: the problem is of the whole line
	weight weight
	text   uint32 // number of its advice
}

// faults are all problems of a list, by line, those of a line in the order of
// its columns, as somebody reads it; of one column the gravest comes first.
type faults struct {
	all   []fault
	texts []string
	blank map[int]bool // lines of people of another country: nothing of them is written
	at    int
}

// collectFaults takes the problems that have a line, in any order.
func collectFaults(problems iter.Seq2[tenancy.Problem, error], columns map[string]string, lang tenancy.Language) (*faults, error) {
	f := &faults{blank: map[int]bool{}}
	numbers := map[string]uint32{}
	for p, err := range problems {
		if err != nil {
			return nil, err
		}
		if !Marks(p) {
			continue
		}
		if p.Code == importers.CountryMismatch && p.Severity == tenancy.SeverityError {
			f.blank[p.Line] = true
		}
		text := adviceOf(p, lang)
		n, known := numbers[text]
		if !known {
			n = uint32(len(f.texts))
			numbers[text] = n
			f.texts = append(f.texts, text)
		}
		f.all = append(f.all, fault{int32(p.Line), columnOf(p, columns), weightOf(p), n})
	}
	slices.SortStableFunc(f.all, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column), cmp.Compare(b.weight, a.weight))
	})
	return f, nil
}

// Marks reports whether a problem is shown in a marked list: it has a line, and
// somebody can correct it there. A list without any column for contacts has
// nobody's, and saying so on every line would hide the rest.
func Marks(p tenancy.Problem) bool {
	return p.Line > 0 && (p.Code != importers.ContactMissing || p.Column != "")
}

func weightOf(p tenancy.Problem) weight {
	if p.Severity == tenancy.SeverityError {
		return wrong
	}
	return warned
}

// columnOf is the column of the problem, or that of its field.
func columnOf(p tenancy.Problem, columns map[string]string) int16 {
	letter := p.Column
	if letter == "" {
		letter = columns[p.Field]
	}
	column, ok := book.ColumnOf(letter)
	if !ok {
		return -1
	}
	return int16(column)
}

// of returns the faults of a line. Lines are asked for in rising order.
func (f *faults) of(line int) []fault {
	for f.at < len(f.all) && int(f.all[f.at].line) < line {
		f.at++
	}
	end := f.at
	for end < len(f.all) && int(f.all[end].line) == line {
		end++
	}
	if f.blank[line] {
		return slices.DeleteFunc(slices.Clone(f.all[f.at:end]), func(x fault) bool { return x.weight != wrong })
	}
	return f.all[f.at:end]
}

// advice is the text beside a line: each problem in a line of its own, with the
// letter of its column.
func (f *faults) advice(of []fault) string {
	var told []string
	for _, x := range of {
		text := f.texts[x.text]
		if x.column >= 0 {
			text = book.ColumnLetter(int(x.column)) + ": " + text
		}
		if !slices.Contains(told, text) {
			told = append(told, text)
		}
	}
	return importers.SafeText(strings.Join(told, "\n"))
}

// worst is the gravest weight among faults.
func worst(of []fault) weight {
	w := fine
	for _, x := range of {
		w = max(w, x.weight)
	}
	return w
}

// adviceName is the name of the column that the marker adds, as it stands in
// the dictionary of headers under "advice".
var adviceName = tenancy.Text{Ru: "Что исправить", Kk: "Нені түзету керек", En: "What to correct"}

// found are the texts of problems that are found after the parse, against the
// people whom we have.
var found = map[tenancy.ProblemCode]tenancy.Text{
	"employee_unknown": {
		Ru: "Никто с таким табельным номером здесь не работает, увольнять некого: проверьте номер и юридическое лицо.",
		Kk: "Мұндай табельдік нөмірмен ешкім жұмыс істемейді, босататын адам жоқ: нөмірді және заңды тұлғаны тексеріңіз.",
		En: "Nobody with this personnel number is employed here, so nobody can leave: check the number and the legal entity.",
	},
	"national_id_shared": {
		Ru: "Такой же СНИЛС, ИНН или ИИН стоит у другого человека, с другим именем и датой рождения; строка не взята: исправьте номер или оставьте ячейку пустой.",
		Kk: "Дәл осындай ЖСН (СНИЛС, ИНН) аты да, туған күні де басқа адамда тұр; жол алынбады: нөмірді түзетіңіз немесе ұяшықты бос қалдырыңыз.",
		En: "The same national id belongs to somebody with another name and birth date, and the row is not taken: correct the number or leave it empty.",
	},
	"person_differs": {
		Ru: "Об этом человеке есть другая строка (или список его основной работы), и там написано иначе; взято то, что там. Напишите одинаково.",
		Kk: "Бұл адам туралы басқа жол (немесе оның негізгі жұмысының тізімі) бар, онда басқаша жазылған; сондағысы алынды. Бірдей етіп жазыңыз.",
		En: "Another row of the same person, or the list of his main job, says otherwise, and that was taken: write the same on both.",
	},
	"repeated": {
		Ru: "Тот же человек с тем же номером уже стоит выше; взята та строка, эта пропущена. Если это вторая работа, ей нужен свой номер.",
		Kk: "Сол адам сол нөмірмен жоғарыда тұр; сол жол алынды, бұл жол өткізілді. Егер бұл екінші жұмыс болса, оған өз нөмірі керек.",
		En: "The same person with the same number stands above already; that line was taken and this one left out. A second job needs a number of its own.",
	},
}

// adviceOf says in a language what is wrong and what to do; in English where
// nobody has written it in another.
func adviceOf(p tenancy.Problem, lang tenancy.Language) string {
	code := p.Code
	if code == importers.EmployeeNoTwice && p.Severity == tenancy.SeverityWarning {
		code = "repeated"
	}
	if text, ok := found[code]; ok {
		return text.InOrEnglish(lang)
	}
	if text := importers.Advice(code, lang); text != "" {
		return text
	}
	return p.Message
}
