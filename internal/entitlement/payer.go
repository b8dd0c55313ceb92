package entitlement

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/ponimayu/opora/internal/tenancy"
)

// Payer says who pays for an appointment.
type Payer string

// The payers: the company's contract, or the person himself.
const (
	ByContract Payer = "contract"
	ByPerson   Payer = "person"
)

// PayerQuery asks who pays for an appointment; its JSON is the body of
// POST /v1/entitlements/payer.
type PayerQuery struct {
	Query
	// Grant is what the appointment was counted against when it was booked; Used
	// then has it among what it counts. Empty for one that is not booked yet.
	Grant tenancy.GrantID `json:"grant,omitempty"`
}

// Payment is the answer to a PayerQuery. Contract, Tenant and Grant are absent
// when the person pays.
type Payment struct {
	Payer    Payer              `json:"payer"`
	Contract tenancy.ContractID `json:"contract,omitempty"`
	// Tenant is who holds the contract: of a shared one not the employee's own.
	Tenant tenancy.TenantSlug `json:"tenant,omitempty"`
	Grant  tenancy.GrantID    `json:"grant,omitempty"`
	Reason Reason             `json:"reason"` // ok when the contract pays, else why it does not
	// ValidUntil and Revision are those of the decision.
	ValidUntil time.Time `json:"valid_until,omitzero"`
	Revision   string    `json:"revision"`
}

// ParsePayerQuery reads a question under the rules of ParseQuery. It needs
// employee_id.
func ParsePayerQuery(body []byte) (PayerQuery, error) {
	var q PayerQuery
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&q); err != nil {
		return PayerQuery{}, decodeError(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return PayerQuery{}, tenancy.E(tenancy.Invalid, "json_invalid", "a check is one JSON object and nothing after it")
	}
	if q.EmployeeID == "" {
		return PayerQuery{}, fieldMissing("employee_id")
	}
	q.EmployeeID = tenancy.EmployeeID(strings.ToLower(string(q.EmployeeID)))
	return q, q.Validate()
}

// WhoPays decides as Decide does. An appointment that is not booked is paid by
// the contract when it may be booked. One that was counted against a grant is
// paid by the contract when that grant covers it and is not overdrawn with it;
// no other grant takes its place, for none was counted.
func WhoPays(s Snapshot, q PayerQuery) Payment {
	d := Decide(s, q.Query)
	grant, reason := d.Consume, d.Reason
	if q.Grant != "" && len(d.Lines) > 0 {
		grant, reason = d.covers(q.Grant)
	}
	p := Payment{Payer: ByPerson, Reason: reason, ValidUntil: d.ValidUntil, Revision: d.Revision}
	if reason == OK {
		p.Payer, p.Contract, p.Tenant, p.Grant = ByContract, d.Contract, s.Terms.holder(q.At), grant
	}
	return p
}

// covers says whether the decision's line of the grant has room for what was
// counted against it.
func (d *Decision) covers(grant tenancy.GrantID) (tenancy.GrantID, Reason) {
	for i := range d.Lines {
		line := &d.Lines[i]
		switch {
		case line.Grant != grant:
			continue
		case line.Limit >= max(1, line.Used):
			return grant, OK
		}
		return "", exhausted(d.Lines[i : i+1])
	}
	return "", TypeNotCovered
}

// holder is whose contract runs at the instant.
func (t *Terms) holder(at time.Time) tenancy.TenantSlug {
	if c := t.running(at); c != nil {
		return cmp.Or(c.Holder, t.tenant)
	}
	return t.tenant
}
