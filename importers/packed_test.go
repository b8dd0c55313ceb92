package importers

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ponimayu/opora/internal/tenancy"
)

// filledRecord has a value of its own in every field, also in those that are
// added to Row one day: a field that is not packed is lost without a word.
func filledRecord(t testing.TB) Record {
	t.Helper()
	r := Record{Line: 77, OK: true}
	row := reflect.ValueOf(&r.Row).Elem()
	for i := range row.NumField() {
		switch f := row.Field(i); {
		case f.Kind() == reflect.String:
			f.SetString(fmt.Sprintf("текст %d", i))
		case f.Type() == reflect.TypeFor[tenancy.Date]():
			f.Set(reflect.ValueOf(tenancy.NewDate(1900+i, 2, 3)))
		default:
			t.Fatalf("%s is of a kind that is not packed", row.Type().Field(i).Name)
		}
	}
	r.Problems = []tenancy.Problem{
		{Code: "a", Severity: "warning", Message: "что", Sheet: "лист", Line: 77, Column: "AB", Field: "phone"},
		{Code: "b", Line: 77},
	}
	return r
}

func TestPackingKeepsEveryField(t *testing.T) {
	for _, r := range []Record{filledRecord(t), {Line: 1 << 20, Skipped: Group}, {Line: 3}} {
		u := unpacker{rest: string(appendRecord(nil, &r))}
		back, err := u.record()
		if err != nil || u.rest != "" || !reflect.DeepEqual(back, r) {
			t.Errorf("%+v\nbecame %+v (%v, %d bytes left)", r, back, err, len(u.rest))
		}
	}
}

// hashOfLine is a hash such as a national id's, another one on each line.
func hashOfLine(line int) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte{byte(line), byte(line >> 8)}))
}

func TestTheSpoolKeepsTheOrder(t *testing.T) {
	var s spool
	defer s.close()
	r := filledRecord(t)
	const records = 5000 // several blocks, and some that are not packed yet
	for i := range records {
		r.Line = i + 1
		if r.Row.NationalIDHash = hashOfLine(r.Line); i%2 == 1 {
			r.Row.NationalIDHash = ""
		}
		if err := s.add(&r); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.blocks) < 2 || len(s.plain) == 0 {
		t.Fatalf("%d blocks and %d bytes prove nothing", len(s.blocks), len(s.plain))
	}
	for from := range records { // each stretch holds what it says
		if from%1000 != 0 {
			continue
		}
		found := 0
		err := s.some(func(a, b int) bool { return a <= from && from < b }, func(i int, r *Record) error {
			if i == from && r.Line == from+1 {
				found++
			}
			if r.Line != i+1 {
				return fmt.Errorf("record %d is of line %d", i, r.Line)
			}
			return nil
		})
		if err != nil || found != 1 {
			t.Errorf("record %d was found %d times, %v", from, found, err)
		}
	}
	for range 2 { // it can be read again
		seen := 0
		err := s.each(func(i int, r *Record) error {
			if hash := r.Row.NationalIDHash; hash != hashOfLine(r.Line) && (hash != "" || i%2 == 0) {
				return fmt.Errorf("record %d has the hash %q", i, hash)
			}
			if i != seen || r.Line != i+1 || r.Row.Position == "" {
				return fmt.Errorf("record %d came as %d of line %d", seen, i, r.Line)
			}
			seen++
			return nil
		})
		if err != nil || seen != records {
			t.Errorf("%d records, %v", seen, err)
		}
	}
}

// TestWhatAChildWritesIsNotTrusted cuts and spoils what it says everywhere.
func TestWhatAChildWritesIsNotTrusted(t *testing.T) {
	r := filledRecord(t)
	var out bytes.Buffer
	w := &frameWriter{out: bufio.NewWriter(&out)}
	for range 2 {
		if err := w.record(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.write(conclusionFrame, []byte(`{"summary":{"rows":2}}`)); err != nil {
		t.Fatal(err)
	}
	if err := w.out.Flush(); err != nil {
		t.Fatal(err)
	}
	said := out.Bytes()
	read := func(b []byte) (n int, ended bool) {
		_, ended, err := readReplies(bytes.NewReader(b), func(Record) error { n++; return nil }, nil)
		if err != nil {
			t.Errorf("what a child says is no error of ours: %v", err)
		}
		return n, ended
	}
	if n, ended := read(said); n != 2 || !ended {
		t.Fatalf("%d records, ended %v", n, ended)
	}
	for i := range said {
		if _, ended := read(said[:i]); ended {
			t.Errorf("cut at %d it seems whole", i)
		}
		spoilt := bytes.Clone(said)
		spoilt[i] ^= 0xff
		read(spoilt) // must only not panic, nor take memory that the frame does not have
	}
	huge := append([]byte{recordFrame}, bytes.Repeat([]byte{0xff}, 8)...)
	if _, ended := read(append(huge, 0x01)); ended {
		t.Error("a frame of exabytes seems whole")
	}
	if _, _, err := readReplies(bytes.NewReader(said), func(Record) error { return errEnoughOfIt }, nil); !errors.Is(err, errEnoughOfIt) {
		t.Errorf("an error of emit became %v", err)
	}
}

var errEnoughOfIt = errors.New("enough")

func FuzzUnpack(f *testing.F) {
	r := filledRecord(f)
	f.Add(string(appendRecord(nil, &r)))
	f.Add(strings.Repeat("\xff", 40))
	f.Fuzz(func(t *testing.T, s string) {
		u := unpacker{rest: s}
		r, err := u.record()
		if err != nil {
			return
		}
		again := unpacker{rest: string(appendRecord(nil, &r))}
		if back, err := again.record(); err != nil || !reflect.DeepEqual(back, r) {
			t.Errorf("%+v became %+v, %v", r, back, err)
		}
	})
}

// TestAMentionKeepsNoBlock: a text in it, even an empty one, would keep alive
// the whole block that it was unpacked from, and there is a mention in each.
func TestAMentionKeepsNoBlock(t *testing.T) {
	var holds func(reflect.Type) bool
	holds = func(kind reflect.Type) bool {
		switch {
		case kind.Kind() == reflect.Struct:
			return slices.ContainsFunc(reflect.VisibleFields(kind), func(f reflect.StructField) bool { return holds(f.Type) })
		default:
			return kind.Kind() > reflect.Complex128 // arrays, pointers, texts and the like
		}
	}
	if holds(reflect.TypeFor[mention]()) {
		t.Error("a mention holds memory of others")
	}
	if !holds(reflect.TypeFor[Record]()) {
		t.Error("this test sees no texts")
	}
}
