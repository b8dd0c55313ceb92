package catalogue

import (
	"slices"

	"github.com/ponimayu/opora/internal/tenancy"
)

func (w *world) contracts(doc *document) {
	for i := range doc.tenant.Contracts {
		c := &doc.tenant.Contracts[i]
		w.once(doc.at("contracts", i, "id"), "contract_duplicate", "contract", string(c.ID))
		if w.knownCountry(doc.at("contracts", i, "country"), c.Country) && c.TimeZone == "" {
			c.TimeZone = w.countries[c.Country].TimeZone
		} else {
			w.zone(doc.at("contracts", i, "time_zone"), c.TimeZone)
		}
		if reversed(c.From, c.Until) {
			w.problem(doc.at("contracts", i, "until"), "dates_reversed", "contract %q ends before it begins: until %s is not after from %s (%s)", c.ID, c.Until, c.From, doc.at("contracts", i, "from"))
		}
		w.suspensions(doc, c.Suspensions, c, "contracts", i, "suspensions")
		w.overlap(doc, i)
		w.sharing(doc, i)
		w.grants(doc, i)
	}
}

func reversed(from, until tenancy.Date) bool {
	return !from.IsZero() && !until.IsZero() && !from.Before(until)
}

// overlap finds an earlier contract of the same country with days in common.
func (w *world) overlap(doc *document, i int) {
	c := doc.tenant.Contracts[i]
	for j, other := range doc.tenant.Contracts[:i] {
		if meet(c, other) {
			w.problem(doc.at("contracts", i, "from"), "contract_overlap", "contract %q (%s) and contract %q (%s, at %s) run at the same time in %s",
				c.ID, period(c.From, c.Until), other.ID, period(other.From, other.Until), doc.at("contracts", j, "from"), c.Country)
		}
	}
}

// meet reports whether two contracts of one country have days in common. One
// that renews itself ends where the next begins, so only its first period counts.
func meet(a, b tenancy.Contract) bool {
	return a.Country == b.Country && a.Country != "" && !undated(a) && !undated(b) && a.From.Before(b.Until) && b.From.Before(a.Until)
}

// undated contracts, and those that end before they begin, have their own problem.
func undated(c tenancy.Contract) bool {
	return c.From.IsZero() || c.Until.IsZero() || reversed(c.From, c.Until)
}

func (w *world) grants(doc *document, i int) {
	ids := map[tenancy.GrantID]place{}
	for j, g := range doc.tenant.Contracts[i].Grants {
		at := doc.at("contracts", i, "grants", j, "id")
		if first, again := ids[g.ID]; again && g.ID != "" {
			w.problem(at, "grant_duplicate", "grant %q is here and at %s", g.ID, first)
		} else {
			ids[g.ID] = at
		}
		w.grantReferences(doc, i, j)
		w.grantWindow(doc, i, j)
		w.grantDates(doc, i, j)
	}
}

func (w *world) grantReferences(doc *document, i, j int) {
	g := doc.tenant.Contracts[i].Grants[j]
	for k, code := range g.SpecialistTypes {
		if code != "" && !slices.Contains(w.typeCodes, string(code)) {
			w.problem(doc.at("contracts", i, "grants", j, "specialist_types", k), "specialist_type_unknown", "there is no specialist type %q; %s", code, suggestion(string(code), w.typeCodes))
		}
	}
	var segments []string
	for _, s := range doc.tenant.Segments {
		segments = append(segments, string(s.ID))
	}
	for k, segment := range g.Segments {
		if segment != "" && !slices.Contains(segments, string(segment)) {
			w.problem(doc.at("contracts", i, "grants", j, "segments", k), "segment_unknown", "the tenant has no segment %q; %s", segment, suggestion(string(segment), segments))
		}
	}
}

// grantWindow finds windows that cannot be.
func (w *world) grantWindow(doc *document, i, j int) {
	g := doc.tenant.Contracts[i].Grants[j]
	part := func(key string) place { return doc.at("contracts", i, "grants", j, key) }
	hasDays := doc.has("contracts", i, "grants", j, "days")
	switch {
	case g.Window == "":
	case g.Window == tenancy.Rolling && !hasDays:
		w.problem(part("window"), "window_impossible", "grant %q rolls, but over how many days? add `days:`", g.ID)
	case g.Window != tenancy.Rolling && hasDays:
		w.problem(part("days"), "window_impossible", "grant %q has `days:`, but its window is %s; only a rolling window has days (%s)", g.ID, g.Window, part("window"))
	case g.Window == tenancy.HireYear && g.Per == tenancy.PerTenant:
		w.problem(part("window"), "window_impossible", "grant %q is a pool of the whole tenant, which has no hire date to count years from (%s)", g.ID, part("per"))
	}
	if g.CarryOver > 0 && (g.Window == tenancy.Rolling || g.Window == tenancy.WholeContract) {
		w.problem(part("carry_over"), "window_impossible", "grant %q carries over, but a window of kind %s has no next one (%s)", g.ID, g.Window, part("window"))
	}
}

// grantDates finds validity that is empty or beyond the contract; one that
// renews itself has no end that a grant could go beyond.
func (w *world) grantDates(doc *document, i, j int) {
	c := doc.tenant.Contracts[i]
	g := c.Grants[j]
	part := func(key string) place { return doc.at("contracts", i, "grants", j, key) }
	if reversed(g.ValidFrom, g.ValidUntil) {
		w.problem(part("valid_until"), "dates_reversed", "grant %q ends before it begins: valid_until %s is not after valid_from %s (%s)", g.ID, g.ValidUntil, g.ValidFrom, part("valid_from"))
	}
	if undated(c) {
		return
	}
	renews := c.Renewal == tenancy.RenewsItself
	if !g.ValidFrom.IsZero() && (g.ValidFrom.Before(c.From) || !renews && !g.ValidFrom.Before(c.Until)) {
		w.problem(part("valid_from"), "grant_outside", "grant %q begins on %s, outside of its contract (%s, at %s)", g.ID, g.ValidFrom, period(c.From, c.Until), doc.at("contracts", i, "from"))
	}
	if !g.ValidUntil.IsZero() && (!renews && g.ValidUntil.After(c.Until) || !g.ValidUntil.After(c.From)) {
		w.problem(part("valid_until"), "grant_outside", "grant %q ends on %s, outside of its contract (%s, at %s)", g.ID, g.ValidUntil.AddDays(-1), period(c.From, c.Until), doc.at("contracts", i, "until"))
	}
}
