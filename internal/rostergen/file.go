package rostergen

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"github.com/ponimayu/opora/internal/tenancy"
)

// File says how the list is written down.
type File struct {
	Format    string // "xlsx" or "csv"
	Encoding  string // of CSV: "utf-8", "utf-8-bom" or "windows-1251"
	Delimiter string // of CSV: ";" when empty
	Titles    bool   // two title rows and an empty one above the header
	Total     bool   // a total and a signature below the last person
}

// value is a cell: text, or a day.
type value struct {
	text string
	day  tenancy.Date
}

// header returns the columns' names as HR of the country writes them.
func (o Options) header() []string {
	h := []string{"Таб. №", "Фамилия", "Имя", "Отчество", "Подразделение", "Должность", "Дата приема", "Дата рождения", "Мобильный телефон", "E-mail"}
	if o.Country == "KZ" {
		h = []string{"Табель №", "Тегі / Фамилия", "Аты / Имя", "Әкесінің аты / Отчество", "Бөлімше / Подразделение", "Лауазымы / Должность",
			"Жұмысқа қабылданған күні", "Туған күні", "Ұялы телефон", "Электрондық пошта"}
	}
	if o.Entity != "" {
		h = append(h, "Юр. лицо")
	}
	if o.IDs {
		id := "СНИЛС"
		if o.Country == "KZ" {
			id = "ЖСН / ИИН"
		}
		h = append(h, id)
	}
	return h
}

func (o Options) row(p Person) []value {
	row := []value{{text: p.No}, {text: p.Last}, {text: p.First}, {text: p.Middle}, {text: p.Department}, {text: p.Position},
		{day: p.HiredOn}, {day: p.BirthDate}, {text: p.Phone}, {text: p.Email}}
	if o.Entity != "" {
		row = append(row, value{text: p.Entity})
	}
	if o.IDs {
		row = append(row, value{text: p.NationalID})
	}
	return row
}

// sheetWriter writes rows of one list.
type sheetWriter interface {
	write(row []value) error
	close() error
}

// Write writes the list to w and returns how many people are on it.
func Write(w io.Writer, o Options, f File) (people int, err error) {
	var s sheetWriter
	switch f.Format {
	case "xlsx":
		s, err = newWorkbookWriter(w)
	case "csv":
		s, err = newTextWriter(w, f)
	default:
		err = fmt.Errorf("the format is xlsx or csv, not %q", f.Format)
	}
	if err != nil {
		return 0, err
	}
	if err := o.writeHead(s, f); err != nil {
		return 0, err
	}
	err = o.People(func(i int, p Person) error {
		people++
		return s.write(o.row(o.soil(i, p)))
	})
	if err != nil {
		return people, err
	}
	if f.Total {
		for _, text := range []string{"Итого: " + fmt.Sprint(people), "Исполнитель: отдел кадров"} {
			if err := s.write(o.lone(text)); err != nil {
				return people, err
			}
		}
	}
	return people, s.close()
}

// lone is a row with one text, as wide as the others.
func (o Options) lone(text string) []value {
	row := make([]value, len(o.header()))
	row[0].text = text
	return row
}

func (o Options) writeHead(s sheetWriter, f File) error {
	if f.Titles {
		for _, text := range []string{"Список сотрудников", "на 01.11.2026", ""} {
			if err := s.write(o.lone(text)); err != nil {
				return err
			}
		}
	}
	var head []value
	for _, name := range o.header() {
		head = append(head, value{text: name})
	}
	return s.write(head)
}

// workbookWriter writes an .xlsx as a stream.
type workbookWriter struct {
	out    io.Writer
	file   *excelize.File
	stream *excelize.StreamWriter
	date   int
	row    int
}

func newWorkbookWriter(w io.Writer) (*workbookWriter, error) {
	f := excelize.NewFile()
	if err := f.SetSheetName("Sheet1", "Сотрудники"); err != nil {
		return nil, err
	}
	date, err := f.NewStyle(&excelize.Style{NumFmt: 14})
	if err != nil {
		return nil, err
	}
	stream, err := f.NewStreamWriter("Сотрудники")
	return &workbookWriter{out: w, file: f, stream: stream, date: date}, err
}

func (w *workbookWriter) write(row []value) error {
	w.row++
	cells := make([]any, len(row))
	for i, v := range row {
		switch {
		case !v.day.IsZero():
			cells[i] = excelize.Cell{StyleID: w.date, Value: Serial(v.day)}
		case v.text != "":
			cells[i] = v.text
		}
	}
	at, err := excelize.CoordinatesToCellName(1, w.row)
	if err != nil {
		return err
	}
	return w.stream.SetRow(at, cells)
}

// Serial is the day as a spreadsheet of the 1900 system counts it.
func Serial(d tenancy.Date) int {
	return int(d.In(time.UTC).Sub(time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)).Hours() / 24)
}

func (w *workbookWriter) close() error {
	if err := w.stream.Flush(); err != nil {
		return err
	}
	if _, err := w.file.WriteTo(w.out); err != nil {
		return err
	}
	return w.file.Close()
}

// textWriter writes delimited text.
type textWriter struct {
	out       *bufio.Writer
	delimiter string
	encoder   *encoding.Encoder // nil for UTF-8
}

func newTextWriter(w io.Writer, f File) (*textWriter, error) {
	t := &textWriter{out: bufio.NewWriter(w), delimiter: f.Delimiter}
	if t.delimiter == "" {
		t.delimiter = ";"
	}
	switch f.Encoding {
	case "", "utf-8":
	case "utf-8-bom":
		_, _ = t.out.WriteString("\ufeff") // an error stays in the writer
	case "windows-1251":
		t.encoder = charmap.Windows1251.NewEncoder()
	default:
		return nil, fmt.Errorf("the encoding is utf-8, utf-8-bom or windows-1251, not %q", f.Encoding)
	}
	return t, nil
}

func (t *textWriter) write(row []value) error {
	fields := make([]string, len(row))
	for i, v := range row {
		fields[i] = v.text
		if !v.day.IsZero() {
			fields[i] = fmt.Sprintf("%02d.%02d.%04d", v.day.Day, v.day.Month, v.day.Year)
		}
		if strings.ContainsAny(fields[i], t.delimiter+"\"\r\n") {
			fields[i] = `"` + strings.ReplaceAll(fields[i], `"`, `""`) + `"`
		}
	}
	_, err := t.out.WriteString(t.encode(strings.Join(fields, t.delimiter) + "\r\n"))
	return err
}

// encode writes what the encoding lacks as a question mark, as Excel does.
func (t *textWriter) encode(s string) string {
	if t.encoder == nil {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if c, ok := charmap.Windows1251.EncodeRune(r); ok {
			b.WriteByte(c)
		} else {
			b.WriteByte('?')
		}
	}
	return b.String()
}

func (t *textWriter) close() error { return t.out.Flush() }
