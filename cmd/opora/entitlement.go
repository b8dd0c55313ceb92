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
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

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
	country, err := entitlement.CountryOf(tenant, employee)
	if err != nil {
		if country = tenancy.CountryCode(f.country); country == "" {
			return entitlement.Snapshot{}, err
		}
	}
	terms, err := entitlement.Compile(entitlement.InCountry(tenant, country), loaded.SpecialistTypes)
	if err != nil {
		return entitlement.Snapshot{}, err
	}
	sum := sha256.Sum256(append([]byte(catalogue.Revision(loaded)), source...))
	return entitlement.NewSnapshot(terms, employee, hex.EncodeToString(sum[:8])), nil
}

// maxEmployeeBytes is the greatest size of an employee file.
const maxEmployeeBytes = 1 << 20

// readEmployee reads the employee file, strictly. Its error tells where, and
// never what stands there: it is a person's.
func readEmployee(cmd *cobra.Command, name string) (tenancy.Employee, []byte, error) {
	file, err := openInput(cmd, name)
	if err != nil {
		return tenancy.Employee{}, nil, err
	}
	defer file.Close()
	source, err := io.ReadAll(io.LimitReader(file, maxEmployeeBytes+1))
	if err != nil {
		return tenancy.Employee{}, nil, fmt.Errorf("read %s: %w", name, plain(err))
	}
	employee, err := parseEmployee(source)
	if err != nil {
		return tenancy.Employee{}, nil, tenancy.E(tenancy.Invalid, "employee_invalid", fmt.Sprintf("%s is not an employee: %s", name, employeeFault(err)))
	}
	if employee.Tenant == "" {
		return tenancy.Employee{}, nil, tenancy.E(tenancy.Invalid, "employee_invalid", name+" names no tenant")
	}
	return employee, source, nil
}

// The faults of an employee file that are no fault of its JSON.
var (
	errTooLong = fmt.Errorf("it has more than %d bytes", maxEmployeeBytes)
	errMore    = errors.New("there is more than one JSON object; the file describes one employee")
)

// parseEmployee reads one employee and nothing after it. Letters typed as two
// characters become one, as in a catalogue and in rosters.
func parseEmployee(source []byte) (employee tenancy.Employee, err error) {
	if len(source) > maxEmployeeBytes {
		return employee, errTooLong
	}
	source = norm.NFC.Bytes(bytes.TrimPrefix(source, []byte("\ufeff")))
	dec := json.NewDecoder(bytes.NewReader(source))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&employee); err != nil {
		return employee, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return employee, errMore
	}
	employee.ID = tenancy.EmployeeID(strings.ToLower(string(employee.ID))) // as ids are kept, and as a check's is read
	return employee, nil
}

// employeeFault describes a JSON fault without quoting a value.
func employeeFault(err error) string {
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.Is(err, errTooLong), errors.Is(err, errMore):
		return err.Error()
	case errors.As(err, &syntax):
		return fmt.Sprintf("not JSON at byte %d", syntax.Offset)
	case errors.As(err, &wrongType) && wrongType.Field == "":
		return "it is no JSON object"
	case errors.As(err, &wrongType):
		return fmt.Sprintf("%s has a value of another type", wrongType.Field)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the JSON ends too early"
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Sprintf("it has no field %.40s", field)
	}
	return "a date or time in it is not written as ISO 8601"
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
		told := toldDecision{Decision: &d.decision}
		if d.lang != "" {
			told.Text = reason.Text(d.decision.Reason, d.lang)
		}
		return told
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
