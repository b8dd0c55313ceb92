package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

	"github.com/ponimayu/opora/internal/tenancy"
)

// maxEmployeeBytes is the greatest size of an employee file.
const maxEmployeeBytes = 1 << 20

// maxFileOverride bounds what an override of a file adds or takes: what a grant
// may give, so that sums cannot overflow.
const maxFileOverride = 1_000_000

// employeeFile is an employee as a file tells him. His overrides may be those
// that the API lists (entitlement.Override), pasted as they are.
type employeeFile struct {
	tenancy.Employee
	Overrides []overrideInFile `json:"overrides"`
}

// overrideInFile is an override with what the API tells beside it. One that was
// ended has its last day in until already.
type overrideInFile struct {
	tenancy.Override
	ID        string    `json:"id"`
	Reference string    `json:"reference"`
	MadeAt    time.Time `json:"made_at"`
	EndedAt   time.Time `json:"ended_at"`
	EndedBy   string    `json:"ended_by"`
	State     string    `json:"state"`
}

// fillEntity gives employments that name no legal entity the tenant's default
// one, as a list does: that of the country, if one is asked for, or the only one
// there is. Where several could be meant they stay without.
func fillEntity(employee *tenancy.Employee, tenant tenancy.Tenant, country tenancy.CountryCode) {
	var all, defaults []tenancy.LegalEntityCode
	for _, e := range tenant.LegalEntities {
		if country != "" && e.Country != "" && e.Country != country {
			continue
		}
		all = append(all, e.Code)
		if e.Default {
			defaults = append(defaults, e.Code)
		}
	}
	if len(defaults) == 0 {
		defaults = all
	}
	if len(defaults) != 1 {
		return
	}
	for i := range employee.Employments {
		if employee.Employments[i].LegalEntity == "" {
			employee.Employments[i].LegalEntity = defaults[0]
		}
	}
}

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
		return tenancy.Employee{}, nil, tenancy.E(tenancy.Invalid, "employee_invalid", fmt.Sprintf("%s is not an employee: %s", name, employeeFault(source, err)))
	}
	if employee.Tenant == "" {
		return tenancy.Employee{}, nil, tenancy.E(tenancy.Invalid, "employee_invalid", name+" names no tenant")
	}
	return employee, source, nil
}

// fileFault is a fault of an employee file that is none of its JSON.
type fileFault string

func (f fileFault) Error() string { return string(f) }

// parseEmployee reads one employee and nothing after it. Letters typed as two
// characters become one, as in a catalogue and in rosters.
func parseEmployee(source []byte) (tenancy.Employee, error) {
	if len(source) > maxEmployeeBytes {
		return tenancy.Employee{}, fileFault(fmt.Sprintf("it has more than %d bytes", maxEmployeeBytes))
	}
	source = norm.NFC.Bytes(bytes.TrimPrefix(source, []byte("\ufeff")))
	dec := json.NewDecoder(bytes.NewReader(source))
	dec.DisallowUnknownFields()
	var read employeeFile
	if err := dec.Decode(&read); err != nil {
		return tenancy.Employee{}, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return tenancy.Employee{}, fileFault("there is more than one JSON object; the file describes one employee")
	}
	return read.employee()
}

// employee is the employee of the file, or what is impossible about him.
func (f employeeFile) employee() (tenancy.Employee, error) {
	e := f.Employee
	e.ID = tenancy.EmployeeID(strings.ToLower(string(e.ID))) // as ids are kept, and as a check's is read
	for i, o := range f.Overrides {
		switch {
		case o.Grant == "":
			return e, fileFault(fmt.Sprintf("overrides[%d] names no grant", i))
		case o.Amount < -maxFileOverride || o.Amount > maxFileOverride:
			return e, fileFault(fmt.Sprintf("overrides[%d].amount is a whole number between -%d and %d", i, maxFileOverride, maxFileOverride))
		}
		e.Overrides = append(e.Overrides, o.Override)
	}
	return e, nil
}

// employeeFault describes a fault without quoting a value.
func employeeFault(source []byte, err error) string {
	var ours fileFault
	var syntax *json.SyntaxError
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &ours):
		return err.Error()
	case errors.As(err, &syntax):
		return fmt.Sprintf("not JSON at byte %d", syntax.Offset)
	case errors.As(err, &wrongType) && wrongType.Field == "":
		return "it is no JSON object"
	case errors.As(err, &wrongType):
		return strings.NewReplacer("Employee.", "", "Override.", "").Replace(wrongType.Field) + " has a value of another type"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the JSON ends too early"
	}
	if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Sprintf("it has no field %.40s", field)
	}
	return dateFault(source)
}

// dateFault says which date of an employee file is none: encoding/json does not.
func dateFault(source []byte) string {
	var texts struct {
		BirthDate   string `json:"birth_date"`
		Employments []struct {
			HiredOn string `json:"hired_on"`
			LeftOn  string `json:"left_on"`
		} `json:"employments"`
		Overrides []struct {
			From  string `json:"from"`
			Until string `json:"until"`
		} `json:"overrides"`
	}
	_ = json.Unmarshal(bytes.TrimPrefix(source, []byte("\ufeff")), &texts) // as far as it goes
	type place struct{ name, text string }
	places := []place{{"birth_date", texts.BirthDate}}
	for i, e := range texts.Employments {
		job := fmt.Sprintf("employments[%d].", i)
		places = append(places, place{job + "hired_on", e.HiredOn}, place{job + "left_on", e.LeftOn})
	}
	for i, o := range texts.Overrides {
		override := fmt.Sprintf("overrides[%d].", i)
		places = append(places, place{override + "from", o.From}, place{override + "until", o.Until})
	}
	for _, p := range places {
		var d tenancy.Date
		if d.UnmarshalText([]byte(p.text)) != nil {
			return p.name + " is no date written YYYY-MM-DD"
		}
	}
	return "a date or time in it is not written as ISO 8601"
}
