package postgres

import "context"

// Kin are the rows and persons that may bear upon one another: persons with
// several employments, rows under new keys whose evidence points to somebody we
// have, and such rows of the list that share a piece of evidence. Diff keeps
// these until it has seen everybody, and decides on all others at once. Finding
// too many costs memory alone; the comparison itself is Diff's.
//
// The pieces of evidence are those of roster (evidence.go): person.search and
// import_row.search are the whole name, folded by roster.Fold.

// findKin fills the temporary tables kin_person, kin_row, kin_missed and
// kin_let_go.
func (p *planner) findKin(ctx context.Context) error {
	// What follows reads whole tables to their end, which the import before may
	// have filled a moment ago: planned with their sizes of before, loops within
	// loops would take minutes.
	_, err := p.tx.Exec(ctx, `
		SET LOCAL enable_nestloop = off;
		SET LOCAL cursor_tuple_fraction = 1;
		SET LOCAL work_mem = '64MB';
		CREATE TEMP TABLE kin_person (id uuid PRIMARY KEY) ON COMMIT DROP;
		CREATE TEMP TABLE kin_row (line integer PRIMARY KEY) ON COMMIT DROP;
		CREATE TEMP TABLE kin_missed (employment_id uuid PRIMARY KEY, days integer) ON COMMIT DROP;
		CREATE TEMP TABLE kin_let_go (employment_id uuid PRIMARY KEY) ON COMMIT DROP;
		CREATE TEMP TABLE kin_pair (line integer, id uuid) ON COMMIT DROP;
		CREATE TEMP TABLE kin_newcomer (line integer, search text, birth_date date, email text, phone text, hash text) ON COMMIT DROP`)
	if err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{p.findNewcomers, p.pairNewcomers, p.gatherKin, p.findMissed, p.findLetGo} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	_, err = p.tx.Exec(ctx, `ANALYZE kin_person; ANALYZE kin_row; ANALYZE kin_missed; ANALYZE kin_let_go`)
	return err
}

func (p *planner) dropKin(ctx context.Context) error {
	_, err := p.tx.Exec(ctx, `SET LOCAL enable_nestloop TO DEFAULT; DROP TABLE kin_person, kin_row, kin_missed, kin_let_go, kin_pair, kin_newcomer`)
	return err
}

// findNewcomers finds the rows whose key nobody has who still works.
func (p *planner) findNewcomers(ctx context.Context) error {
	_, err := p.tx.Exec(ctx, `
		INSERT INTO kin_newcomer
		SELECT r.line, r.search, r.birth_date, lower(r.email), r.phone, coalesce(i.national_id_hash, '')
		FROM import_row r LEFT JOIN import_identity i USING (tenant, import_id, legal_entity, employee_key)
			LEFT JOIN employment e ON e.tenant = r.tenant AND e.legal_entity = r.legal_entity AND e.employee_key = r.employee_key
				AND e.released_at IS NULL AND (e.left_on IS NULL OR e.left_on > $3)
		WHERE r.tenant = $1 AND r.import_id = $2 AND e.id IS NULL`, p.tenant, p.id, day(p.contour.Today))
	if err != nil {
		return err
	}
	_, err = p.tx.Exec(ctx, `ANALYZE kin_newcomer`)
	return err
}

// pairNewcomers finds whom we have by the evidence of these rows.
func (p *planner) pairNewcomers(ctx context.Context) error {
	_, err := p.tx.Exec(ctx, `
		INSERT INTO kin_pair
		SELECT n.line, p.id FROM kin_newcomer n JOIN person p ON p.tenant = $1 AND p.national_id_hash = n.hash WHERE n.hash <> '' UNION ALL
		SELECT n.line, p.id FROM kin_newcomer n JOIN person p ON p.tenant = $1 AND p.birth_date = n.birth_date AND p.search = n.search UNION ALL
		SELECT n.line, p.id FROM kin_newcomer n JOIN person p ON p.tenant = $1 AND p.email_confirmed AND lower(p.email) = n.email WHERE n.email <> '' UNION ALL
		SELECT n.line, p.id FROM kin_newcomer n JOIN person p ON p.tenant = $1 AND p.phone_confirmed AND p.phone = n.phone WHERE n.phone <> ''`, p.tenant)
	return err
}

func (p *planner) gatherKin(ctx context.Context) error {
	_, err := p.tx.Exec(ctx, `
		INSERT INTO kin_person
		SELECT person_id FROM employment WHERE tenant = $1 GROUP BY person_id HAVING count(*) > 1 UNION SELECT id FROM kin_pair`, p.tenant)
	if err != nil {
		return err
	}
	_, err = p.tx.Exec(ctx, `
		INSERT INTO kin_row
		SELECT line FROM kin_pair UNION
		SELECT line FROM kin_newcomer JOIN (SELECT hash FROM kin_newcomer WHERE hash <> '' GROUP BY hash HAVING count(*) > 1) h USING (hash) UNION
		SELECT line FROM kin_newcomer JOIN (SELECT search, birth_date FROM kin_newcomer WHERE birth_date IS NOT NULL GROUP BY search, birth_date HAVING count(*) > 1) b USING (search, birth_date)`)
	return err
}

// findMissed counts, for everybody whom the latest full lists left out, the
// days before today on which they did so since he was listed last.
func (p *planner) findMissed(ctx context.Context) error {
	_, err := p.tx.Exec(ctx, `
		WITH said AS (
			SELECT a.employment_id, a.day, a.listed, i.applied_at FROM import_absence a JOIN import i ON i.tenant = a.tenant AND i.id = a.import_id
			WHERE a.tenant = $1 AND i.state IN ('applying', 'applied'))
		INSERT INTO kin_missed
		SELECT s.employment_id, count(DISTINCT s.day) FILTER (WHERE s.day <> $2) FROM said s
		WHERE NOT s.listed AND NOT EXISTS (SELECT FROM said l WHERE l.employment_id = s.employment_id AND l.listed AND l.applied_at >= s.applied_at)
		GROUP BY s.employment_id`, p.tenant, day(p.contour.Today))
	return err
}

// findLetGo finds the employments that a list has ended today without a date.
func (p *planner) findLetGo(ctx context.Context) error {
	_, err := p.tx.Exec(ctx, `INSERT INTO kin_let_go `+letGoToday("true"), p.tenant, day(p.contour.Today))
	return err
}
