package rostergen

import (
	"bytes"
	"strings"
)

// Samples are the lists of templates/demo/rosters by file name, one for each
// tenant and country of the sample catalogue. They are made again by
// `go generate ./internal/rostergen`, and a test holds the files to this list.
var Samples = map[string]struct {
	Options Options
	File    File
}{
	// Title rows; couriers without e-mail; a handful of rows as HR departments write them.
	"cdek-ru.xlsx": {
		Options{Rows: 40, Seed: 2026, Country: "RU", Domain: "cdek.example", Entity: "ООО «СДЭК-Глобал»", Faults: map[int]func(*Person){
			3:  func(p *Person) { p.Last = strings.ToUpper(p.Last) },
			5:  func(p *Person) { p.Phone = "8 900 012-34-56; 8 (495) 123-45-67" },
			8:  func(p *Person) { p.Entity = "СДЭК-Экспресс" },
			11: func(p *Person) { p.Email = "отдел.кадров@cdek.example" },
			14: func(p *Person) { p.No = "" },
			17: func(p *Person) { p.Phone = "12-34" },
			20: func(p *Person) { p.Middle = "" },
			24: func(p *Person) { p.No = "001023" }, // the number of the person above
			29: func(p *Person) { p.Last = strings.Replace(p.Last, "о", "o", 1) },
			33: func(p *Person) { p.Position = "=" + p.Position },
		}},
		File{Format: "xlsx", Titles: true, Total: true},
	},
	// Kazakh letters, which Windows-1251 lacks: UTF-8 with a byte order mark, as Excel writes it.
	"cdek-kz.csv": {
		Options{Rows: 24, Seed: 2027, Country: "KZ", Domain: "cdek.example", Faults: map[int]func(*Person){
			4: func(p *Person) { p.Phone = "8 700 012 34 56" },
			9: func(p *Person) { p.Phone = "+7 900 012-34-56" }, // a Russian number
		}},
		File{Format: "csv", Encoding: "utf-8-bom", Titles: true},
	},
	// What Excel on Windows saves as CSV.
	"avito-ru.csv": {
		Options{Rows: 30, Seed: 2028, Country: "RU", Domain: "avito.example", Faults: map[int]func(*Person){
			6:  func(p *Person) { p.No += ".0" },
			12: func(p *Person) { p.Phone = "" },
		}},
		File{Format: "csv", Encoding: "windows-1251"},
	},
	"sber-ru.xlsx": {
		Options{Rows: 36, Seed: 2029, Country: "RU", Domain: "sber.example", Entity: "ПАО «Сбер Пример»", Faults: map[int]func(*Person){
			2:  func(p *Person) { p.Entity = "tech" },
			7:  func(p *Person) { p.Entity = "АО «СберТех Пример»" },
			15: func(p *Person) { p.Entity = "СберТех Пример" },
		}},
		File{Format: "xlsx"},
	},
	"romashka-ru.csv": {
		Options{Rows: 15, Seed: 2030, Country: "RU", Domain: "romashka.example"},
		File{Format: "csv", Delimiter: ","},
	},
}

//go:generate go run ../../cmd/rostergen -samples ../../templates/demo/rosters

// Sample makes up a sample list again, byte for byte.
func Sample(name string) ([]byte, error) {
	s := Samples[name]
	var b bytes.Buffer
	_, err := Write(&b, s.Options, s.File)
	return b.Bytes(), err
}
