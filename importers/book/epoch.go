package book

import (
	"math"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Epoch is the way in which a workbook counts days.
type Epoch bool

// The two ways. Only workbooks of Excel say which is theirs.
const (
	Epoch1900 Epoch = false
	Epoch1904 Epoch = true
)

// lastSerial is 31 December 9999 counted from 1900.
const lastSerial = 2958465

// Day turns a serial number into a date, dropping the time of the day. Serials
// of 1900 are off by one before 1 March because Excel believes in 29 February
// 1900; no roster has such dates, and they are refused as out of range.
func (e Epoch) Day(serial float64) (tenancy.Date, bool) {
	if serial < 61 && e == Epoch1900 || serial < 0 || serial > lastSerial {
		return tenancy.Date{}, false
	}
	zero := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	if e == Epoch1904 {
		zero = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return tenancy.DateOf(zero.AddDate(0, 0, int(math.Floor(serial)))), true
}

// dayZero is how the reader of cells writes the serial number 0: no date.
const dayZero = "1899-12-30"

// EpochOf returns the way in which a file's numbers count days.
func EpochOf(b Book) Epoch {
	switch b := b.(type) {
	case *workbook:
		return b.day0
	case *xlsBook:
		return b.day0
	}
	return Epoch1900
}
