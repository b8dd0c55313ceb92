package api

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
)

// items wraps a list, so that an answer can grow without breaking its readers.
type items[T any] struct {
	Items []T `json:"items"`
}

// employeeAnswer is what HR sees of an employee. Whether the account was ever
// activated is not in it, nor anything of what the person uses.
type employeeAnswer struct {
	ID          tenancy.EmployeeID     `json:"id"`
	Tenant      tenancy.TenantSlug     `json:"tenant"`
	Login       string                 `json:"login"`
	Status      tenancy.EmployeeStatus `json:"status"`
	LastName    string                 `json:"last_name,omitempty"`
	FirstName   string                 `json:"first_name,omitempty"`
	MiddleName  string                 `json:"middle_name,omitempty"`
	Email       string                 `json:"email,omitempty"`
	Phone       string                 `json:"phone,omitempty"`
	Employments []employmentAnswer     `json:"employments"`
}

// employmentAnswer is one job of an employee.
type employmentAnswer struct {
	LegalEntity tenancy.LegalEntityCode `json:"legal_entity"`
	EmployeeNo  tenancy.EmployeeNo      `json:"employee_no"`
	EmployeeKey tenancy.EmployeeKey     `json:"employee_key,omitempty"`
	Department  string                  `json:"department,omitempty"`
	Position    string                  `json:"position,omitempty"`
	Grade       string                  `json:"grade,omitempty"`
	Segment     tenancy.SegmentID       `json:"segment,omitempty"`
	HiredOn     tenancy.Date            `json:"hired_on,omitzero"`
	LeftOn      tenancy.Date            `json:"left_on,omitzero"`
}

func employeeAnswerOf(e tenancy.Employee) employeeAnswer {
	answer := employeeAnswer{
		ID: e.ID, Tenant: e.Tenant, Login: e.Login, Status: e.Status, LastName: e.LastName, FirstName: e.FirstName,
		MiddleName: e.MiddleName, Email: e.Email, Phone: e.Phone, Employments: []employmentAnswer{},
	}
	for _, x := range e.Employments {
		answer.Employments = append(answer.Employments, employmentAnswer{
			LegalEntity: x.LegalEntity, EmployeeNo: x.EmployeeNo, EmployeeKey: x.EmployeeKey, Department: x.Department,
			Position: x.Position, Grade: x.Grade, Segment: x.Segment, HiredOn: x.HiredOn, LeftOn: x.LeftOn,
		})
	}
	return answer
}

// maxFound bounds what a search answers with.
const maxFound = 50

// searchRequest names one tenant and one thing to look for. Personnel numbers
// and addresses travel in the body, never in an address.
type searchRequest struct {
	Tenant     tenancy.TenantSlug `json:"tenant"`
	EmployeeNo tenancy.EmployeeNo `json:"employee_no"`
	Email      string             `json:"email"`
	Q          string             `json:"q"`
}

func (s *Server) searchEmployees(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	asked, err := decode[searchRequest](w, r)
	if err != nil {
		return err
	}
	if err := asked.validate(); err != nil {
		return err
	}
	found, err := s.employees.SearchEmployees(r.Context(), actor, roster.EmployeeFilter{Tenant: asked.Tenant, EmployeeNo: asked.EmployeeNo, Email: asked.Email, Query: asked.Q, Limit: maxFound})
	if err != nil {
		return err
	}
	answer := items[employeeAnswer]{Items: []employeeAnswer{}}
	for _, e := range found {
		answer.Items = append(answer.Items, employeeAnswerOf(e))
	}
	s.writeJSON(w, r, http.StatusOK, answer)
	return nil
}

// validate asks for a tenant and exactly one of the things to look for.
func (q searchRequest) validate() error {
	var given int
	for _, text := range []string{string(q.EmployeeNo), q.Email, q.Q} {
		if text != "" {
			given++
		}
		if len(text) > 256 {
			return tenancy.E(tenancy.Invalid, "field_invalid", "What is looked for is at most 256 bytes long.")
		}
	}
	switch {
	case q.Tenant == "":
		return tenancy.E(tenancy.Invalid, "field_missing", "A search names its tenant.")
	case given != 1:
		return tenancy.E(tenancy.Invalid, "field_missing", "A search names exactly one of employee_no, email and q.")
	}
	return nil
}

func (s *Server) employee(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	id := pathID(r)
	if !isUUID(id) {
		return errEmployeeUnknown
	}
	e, err := s.employees.Employee(r.Context(), actor, tenancy.EmployeeID(id))
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusOK, employeeAnswerOf(e))
	return nil
}

// pathID reads the id of the address, in lower case as ids are kept.
func pathID(r *http.Request) string { return strings.ToLower(chi.URLParam(r, "id")) }

// isUUID reports whether the text is a UUID in its usual spelling.
func isUUID(text string) bool { return len(text) == 36 && uuid.Validate(text) == nil }

// activationsRequest names the employees who need a way to sign in.
type activationsRequest struct {
	EmployeeIDs []tenancy.EmployeeID `json:"employee_ids"`
}

// maxActivations bounds one sheet of activation codes.
const maxActivations = 500

// activate issues one-time codes, shown once and never again: for an account
// that is already active the code does nothing, and the answer does not tell.
func (s *Server) activate(w http.ResponseWriter, r *http.Request, actor tenancy.Actor) error {
	asked, err := decode[activationsRequest](w, r)
	if err != nil {
		return err
	}
	if n := len(asked.EmployeeIDs); n == 0 || n > maxActivations {
		return tenancy.E(tenancy.Invalid, "field_invalid", "employee_ids holds between 1 and 500 ids.")
	}
	for i, id := range asked.EmployeeIDs {
		asked.EmployeeIDs[i] = tenancy.EmployeeID(strings.ToLower(string(id)))
	}
	if err := s.belong(r, actor, asked.EmployeeIDs); err != nil {
		return err
	}
	issued, err := s.employees.IssueActivation(r.Context(), actor, asked.EmployeeIDs)
	if err != nil {
		return err
	}
	s.writeJSON(w, r, http.StatusCreated, items[roster.Activation]{Items: issued})
	return nil
}

// belong refuses employees who are not of the address's tenant. The first one
// stands for all: the use case takes employees of one tenant only.
func (s *Server) belong(r *http.Request, actor tenancy.Actor, ids []tenancy.EmployeeID) error {
	slug := tenancy.TenantSlug(chi.URLParam(r, "slug"))
	if !actor.May(tenancy.IssueActivation, slug) {
		return errTenantUnknown
	}
	for _, id := range ids {
		if !isUUID(string(id)) {
			return errEmployeeUnknown
		}
	}
	first, err := s.employees.Employee(r.Context(), actor, ids[0])
	if err == nil && first.Tenant != slug {
		err = errEmployeeUnknown
	}
	return err
}
