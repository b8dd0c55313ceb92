package book

// Limits bound what a file may cost. A zero field takes DefaultLimits' value.
type Limits struct {
	Bytes    int64 `json:"bytes,omitempty"`    // of the file
	Unzipped int64 `json:"unzipped,omitempty"` // bytes of all parts of a workbook together
	Rows     int   `json:"rows,omitempty"`     // lines of the sheet, of every kind
	Cells    int64 `json:"cells,omitempty"`    // cells with a value
	Cell     int   `json:"cell,omitempty"`     // bytes of one value
	Columns  int   `json:"columns,omitempty"`  // last column that may hold a value
}

// DefaultLimits fit the largest client we know of ten times over.
var DefaultLimits = Limits{
	Bytes:    256 << 20, // a million rows of text take about 170 MB
	Unzipped: 1 << 30,
	Rows:     1 << 20, // what a sheet can hold
	Cells:    64 << 20,
	Cell:     32 << 10, // Excel's own limit is 32,767 characters
	Columns:  512,
}

// orDefault fills in what was not given.
func (l Limits) orDefault() Limits {
	d := DefaultLimits
	l.Bytes = positive(l.Bytes, d.Bytes)
	l.Unzipped = positive(l.Unzipped, d.Unzipped)
	l.Rows = positive(l.Rows, d.Rows)
	l.Cells = positive(l.Cells, d.Cells)
	l.Cell = positive(l.Cell, d.Cell)
	l.Columns = positive(l.Columns, d.Columns)
	return l
}

func positive[N int | int64](n, otherwise N) N {
	if n > 0 {
		return n
	}
	return otherwise
}
