package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/ponimayu/opora/importers"
	"github.com/ponimayu/opora/internal/job"
	"github.com/ponimayu/opora/internal/pgtest"
	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/seal"
	"github.com/ponimayu/opora/internal/tenancy"
)

// The sides that bench starts itself as, to be measured in a process of their own.
const (
	excelizeTurn = "turn-excelize"
	parseTurn    = "turn-parse"
)

// turnIfAsked measures one side and exits, when the process was started for it.
func turnIfAsked() {
	importers.WorkIfAsked()
	sides := map[string]func(string) (turn, error){excelizeTurn: excelizeLoop, parseTurn: parseToPlan}
	if len(os.Args) != 3 || sides[os.Args[1]] == nil {
		return
	}
	t, err := sides[os.Args[1]](os.Args[2])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(t)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, os.Args[1]+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// excelizeLoop is the rival: excelize's streaming rows with their columns.
func excelizeLoop(path string) (t turn, err error) {
	began := time.Now()
	f, err := excelize.OpenFile(path)
	if err != nil {
		return t, err
	}
	defer f.Close()
	rows, err := f.Rows(f.GetSheetName(0))
	if err != nil {
		return t, err
	}
	defer rows.Close()
	for rows.Next() {
		if _, err := rows.Columns(); err != nil {
			return t, err
		}
		t.Rows++
	}
	t.Took = time.Since(began)
	return t, rows.Error()
}

// aFile is a tenant's uploads, of which the one to be parsed is a file here: how
// it came is not measured.
type aFile struct {
	*postgres.Rosters
	path    string
	parsing *job.Parsing
	cost    importers.Cost
	rows    int
	refused int
}

// WriteUpload implements job.Uploads.
func (a *aFile) WriteUpload(_ context.Context, _ *job.Parsing, to io.Writer) error {
	f, err := os.Open(a.path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{f}, make([]byte, 64<<10))
	return err
}

// FinishParse implements job.Uploads.
func (a *aFile) FinishParse(ctx context.Context, p *job.Parsing, list *job.Reading) error {
	err := a.Rosters.FinishParse(ctx, p, list)
	a.parsing, a.cost, a.rows, a.refused = p, list.Summary().Cost, list.Summary().Rows, list.Summary().Rejected
	return err
}

// parseToPlan is ours: from the file's bytes to the stored plan, in a database
// of its own.
func parseToPlan(path string) (t turn, err error) {
	ctx := context.Background()
	address, drop, err := pgtest.Make(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return t, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	db, err := postgres.Open(ctx, address)
	if err != nil {
		return t, err
	}
	defer db.Close()
	uploads, id, err := receive(ctx, db)
	if err != nil {
		return t, err
	}
	uploads.path = path
	before := resident("VmRSS:")
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // forget the peak until now; without that it counts too
	began := time.Now()
	if err := job.Parse(ctx, uploads, id); err != nil {
		return t, err
	}
	t = turn{Rows: uploads.rows, Took: time.Since(began), Child: uploads.cost.Peak, Growth: resident("VmHWM:") - before, Refused: uploads.refused}
	if err := planned(ctx, uploads, id); err != nil {
		return t, err
	}
	unpack, decode, err := bareXML(path)
	t.Spent = spendings(uploads, t.Took, unpack, decode)
	return t, err
}

// receive makes a tenant and an import whose file will be the one that is measured.
func receive(ctx context.Context, db *postgres.DB) (*aFile, roster.ImportID, error) {
	key, err := seal.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		return nil, "", err
	}
	rosters, err := postgres.NewRosters(db, key)
	if err != nil {
		return nil, "", err
	}
	if err := db.StoreCatalogue(ctx, benchCatalogue(), "1"); err != nil {
		return nil, "", err
	}
	hr := tenancy.Actor{ID: "bench", Roles: []tenancy.Role{tenancy.RoleHRAdmin}, Tenants: []tenancy.TenantSlug{"bench"}}
	made, err := rosters.Receive(ctx, hr, postgres.Upload{Tenant: "bench", Mode: roster.Add, File: strings.NewReader("-")})
	return &aFile{Rosters: rosters}, made.ID, err
}

func benchCatalogue() tenancy.Catalogue {
	return tenancy.Catalogue{
		Countries: []tenancy.Country{{Code: "RU", Realm: "bench", TimeZone: "Europe/Moscow", PhoneRegion: "RU", Languages: []tenancy.Language{tenancy.Russian}, NationalIDs: []tenancy.NationalIDKind{tenancy.SNILS, tenancy.INN}}},
		Tenants: []tenancy.Tenant{{
			Slug: "bench", LegalEntities: []tenancy.LegalEntity{{Code: "main", Name: "ООО Пример", Default: true}},
			Contracts: []tenancy.Contract{{ID: "bench", Country: "RU", TimeZone: "Europe/Moscow", From: tenancy.NewDate(2020, 1, 1), Until: tenancy.NewDate(2099, 1, 1), Seats: 2_000_000}},
		}},
	}
}

// planned sees that the plan that was measured is one.
func planned(ctx context.Context, a *aFile, id roster.ImportID) error {
	i, err := a.Import(ctx, tenancy.Actor{ID: "bench", Roles: []tenancy.Role{tenancy.RoleOperator}}, id)
	switch {
	case err != nil:
		return err
	case i.State != roster.Planned && i.State != roster.Held:
		return fmt.Errorf("the import is %s: %v", i.State, i.Problems)
	case i.Counts.Rows != a.rows || i.Counts.Create == 0:
		return fmt.Errorf("%d rows were read, the plan says %+v", a.rows, i.Counts)
	}
	return nil
}

// spendings says where the time went. Unpacking and decoding are measured alone
// and taken from the reading, of which they are the larger part.
func spendings(a *aFile, took, unpack, decode time.Duration) []spending {
	c, s := a.cost, a.parsing.Spent
	all := []spending{
		{"opening, header", c.Find},
		{"reading (zip, XML or text, cells)", c.Read},
		{"values", c.Values},
		{"keeping", c.Keep},
		{"duplicates", c.Match},
		{"handing over, and COPY", s.Receive},
		{"staging in SQL", s.Store},
		{"diff and plan", s.Compare},
		{"the workbook of errors", s.Mark},
	}
	rest := took
	for _, x := range all {
		rest -= x.Took
	}
	all = append(all, spending{"the rest (starting the child, the upload)", rest})
	if unpack > 0 {
		all = append(all, spending{"for comparison: unpacking alone", unpack}, spending{"encoding/xml alone, with unpacking", decode})
	}
	return all
}

// bareXML unpacks the largest part of a workbook, and then reads it with
// encoding/xml, to see what that costs alone; a file that is no workbook costs
// nothing.
func bareXML(path string) (unpack, decode time.Duration, err error) {
	z, err := zip.OpenReader(path)
	if errors.Is(err, zip.ErrFormat) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	defer z.Close()
	largest := z.File[0]
	for _, f := range z.File {
		if f.UncompressedSize64 > largest.UncompressedSize64 {
			largest = f
		}
	}
	timed := func(read func(io.Reader) error) (time.Duration, error) {
		began := time.Now()
		r, err := largest.Open()
		if err != nil {
			return 0, err
		}
		defer r.Close()
		err = read(r)
		return time.Since(began), err
	}
	if unpack, err = timed(func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }); err != nil {
		return 0, 0, err
	}
	decode, err = timed(func(r io.Reader) error {
		d := xml.NewDecoder(r)
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
		}
	})
	return unpack, decode, err
}

// resident reads a line of what Linux tells of this process's memory, in bytes.
func resident(line string) int64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := bytes.Cut(status, []byte(line))
	kilobytes, _, _ := bytes.Cut(after, []byte("kB"))
	n, _ := strconv.ParseInt(string(bytes.TrimSpace(kilobytes)), 10, 64)
	return n << 10
}
