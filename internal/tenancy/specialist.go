package tenancy

// SpecialistTypeCode names a kind of specialist, such as "psychologist". It is
// also the name of the realm role and of the group below /specialists.
type SpecialistTypeCode string

// SpecialistType is a kind of help that a contract may cover.
type SpecialistType struct {
	Code     SpecialistTypeCode `json:"code"`
	Category string             `json:"category"` // mental, legal, finance, health
	Name     Text               `json:"name"`
}
