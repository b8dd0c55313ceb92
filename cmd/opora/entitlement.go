package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ponimayu/opora/internal/catalogue"
	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/reason"
	"github.com/ponimayu/opora/internal/tenancy"
)

// maxQueryBytes is the longest query line.
const maxQueryBytes = 1 << 20

// newEntitlementCommand gathers what tells an employee's entitlements.
func newEntitlementCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "entitlement",
		Short: "Answer what an employee may book",
	}
	cmd.AddCommand(
		newEntitlementDecideCommand(),
		newEntitlementCheckCommand(),
		newEntitlementOverrideCommand(),
		newEntitlementAsOfCommand(),
	)
	return cmd
}

// decideFlags are the files of `entitlement decide`, and how it answers.
type decideFlags struct{ catalogue, employee, query, country, lang string }

func newEntitlementDecideCommand() *cobra.Command {
	var flags decideFlags
	cmd := &cobra.Command{
		Use:   "decide --catalogue DIR --employee FILE --query FILE",
		Short: "Answer checks offline from files: JSON lines in, JSON lines out",
		Long: `Answer checks offline, without database or Keycloak. The query file holds one
check a line, as in POST /v1/entitlements/check and without employee_id; the
answers come in the same order, one a line. A line that is not a check is
answered by an error line ({"type":"error", …}) and stops nothing. "-" reads
the standard input. With --lang each answer has a "text": what the employee is
told of its reason.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.employee == "-" && flags.query == "-" {
				return tenancy.E(tenancy.Invalid, "flags_invalid", "--employee and --query cannot both read the standard input")
			}
			lang, err := languageFlag(flags.lang)
			if err != nil {
				return err
			}
			snapshot, err := flags.snapshot(cmd)
			if err != nil {
				return err
			}
			queries, err := openInput(cmd, flags.query)
			if err != nil {
				return err
			}
			defer queries.Close()
			return decideLines(&decider{snapshot: snapshot, lang: lang}, queries, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&flags.catalogue, "catalogue", "", "folder of the catalogue")
	cmd.Flags().StringVar(&flags.employee, "employee", "", "JSON file of the employee (\"-\": standard input)")
	cmd.Flags().StringVar(&flags.query, "query", "", "JSON lines file of the checks (\"-\": standard input)")
	cmd.Flags().StringVar(&flags.country, "country", os.Getenv("OPORA_COUNTRY"), "whose contracts, where the employee's legal entity does not say it")
	cmd.Flags().StringVar(&flags.lang, "lang", "", "add what the employee is told, in ru, kk or en")
	for _, required := range []string{"catalogue", "employee", "query"} {
		_ = cmd.MarkFlagRequired(required)
	}
	return cmd
}

// languageFlag reads a language in which answers have texts; "" is none.
func languageFlag(name string) (tenancy.Language, error) {
	switch lang := tenancy.Language(name); lang {
	case "", tenancy.Russian, tenancy.Kazakh, tenancy.English:
		return lang, nil
	}
	return "", tenancy.E(tenancy.Invalid, "flags_invalid", "--lang is ru, kk or en")
}

// snapshot reads what the decisions are made from.
func (f decideFlags) snapshot(cmd *cobra.Command) (entitlement.Snapshot, error) {
	loaded, err := mustLoadCatalogue(cmd, f.catalogue)
	if err != nil {
		return entitlement.Snapshot{}, err
	}
	employee, source, err := readEmployee(cmd, f.employee)
	if err != nil {
		return entitlement.Snapshot{}, err
	}
	tenants := tenancy.Catalogue{Tenants: tenancy.WithShared(loaded.Tenants)}
	tenant, ok := tenants.Tenant(employee.Tenant)
	if !ok {
		return entitlement.Snapshot{}, tenancy.E(tenancy.NotFound, "tenant_unknown", fmt.Sprintf("the catalogue in %s has no tenant %q, which the employee file names", f.catalogue, employee.Tenant))
	}
	fillEntity(&employee, tenant, tenancy.CountryCode(f.country))
	country, err := f.countryOf(tenant, employee, loaded.Countries)
	if err != nil {
		return entitlement.Snapshot{}, err
	}
	terms, err := entitlement.Compile(entitlement.InCountry(tenant, country), loaded.SpecialistTypes)
	if err != nil {
		return entitlement.Snapshot{}, err
	}
	sum := sha256.Sum256(append([]byte(catalogue.Revision(loaded)), source...))
	return entitlement.NewSnapshot(terms, employee, hex.EncodeToString(sum[:8])), nil
}

// countryOf is the country of the employee's legal entity or of the tenant's
// contracts, else the flag's, which is one of the catalogue.
func (f decideFlags) countryOf(tenant tenancy.Tenant, employee tenancy.Employee, known []tenancy.Country) (tenancy.CountryCode, error) {
	country, err := entitlement.CountryOf(tenant, employee)
	if err == nil || f.country == "" {
		return country, err
	}
	codes := make([]string, len(known))
	for i, c := range known {
		codes[i] = string(c.Code)
	}
	if !slices.Contains(codes, f.country) {
		slices.Sort(codes)
		return "", tenancy.E(tenancy.Invalid, "flags_invalid", "--country is one of the catalogue: "+strings.Join(codes, ", "))
	}
	return tenancy.CountryCode(f.country), nil
}

// openInput opens a file, or the standard input for "-".
func openInput(cmd *cobra.Command, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(cmd.InOrStdin()), nil
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, tenancy.E(tenancy.NotFound, "file_unreadable", fmt.Sprintf("cannot open %s: %v", name, plain(err)))
	}
	if info, err := file.Stat(); err == nil && info.IsDir() { // it opens, and fails at the first read
		_ = file.Close()
		return nil, tenancy.E(tenancy.Invalid, "file_unreadable", fmt.Sprintf("cannot open %s: it is a folder", name))
	}
	return file, nil
}

// plain drops the path that the message names already.
func plain(err error) error {
	var wrapped *fs.PathError
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// errorLine is the answer to a line that is not a check.
type errorLine struct {
	Type string `json:"type"` // "error"
	tenancy.Problem
}

// decider answers checks about one employee.
type decider struct {
	snapshot entitlement.Snapshot
	lang     tenancy.Language // "": without texts
	decision entitlement.Decision
}

// toldDecision is a decision with what the employee is told of it.
type toldDecision struct {
	*entitlement.Decision
	Text string `json:"text,omitempty"`
}

// tell adds what the employee is told, when there is a language.
func tell(d *entitlement.Decision, lang tenancy.Language) toldDecision {
	if lang == "" {
		return toldDecision{Decision: d}
	}
	return toldDecision{Decision: d, Text: reason.Text(d.Reason, lang)}
}

// decideLines answers each line of queries, in order.
func decideLines(d *decider, queries io.Reader, w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	in := bufio.NewReaderSize(queries, 64<<10)
	for line := 1; ; line++ {
		text, err := readLine(in)
		if len(text) > 0 {
			if err := enc.Encode(d.answer(text, line)); err != nil {
				return fmt.Errorf("write the answers: %w", plain(err))
			}
		}
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		if err != nil {
			return errors.Join(fmt.Errorf("read the queries: %w", plain(err)), out.Flush())
		}
	}
}

// readLine reads one line without its end and surrounding blanks. Of a line
// that is too long it keeps only as much as is needed to refuse it.
func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line) <= maxQueryBytes {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff"))), err
		}
	}
}

// answer decides the check of a line, or says why it is none.
func (d *decider) answer(text []byte, line int) any {
	query, err := parseQueryLine(text)
	if err == nil {
		entitlement.DecideInto(&d.snapshot, &query, &d.decision)
		return tell(&d.decision, d.lang)
	}
	refused := errorLine{Type: "error", Problem: tenancy.Problem{Code: "query_invalid", Severity: tenancy.SeverityError, Message: err.Error(), Line: line}}
	var e *tenancy.Error
	if errors.As(err, &e) {
		refused.Code, refused.Message = tenancy.ProblemCode(e.Code), e.Message
	}
	return refused
}

func parseQueryLine(text []byte) (entitlement.Query, error) {
	if len(text) > maxQueryBytes {
		return entitlement.Query{}, tenancy.E(tenancy.TooLarge, "query_too_large", fmt.Sprintf("a check has at most %d bytes", maxQueryBytes))
	}
	return entitlement.ParseQuery(text)
}
