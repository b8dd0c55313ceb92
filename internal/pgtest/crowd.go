package pgtest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/ponimayu/opora/internal/postgres"
	"github.com/ponimayu/opora/internal/tenancy"
)

// CrowdTenant is the slug of the i-th tenant of a Crowd.
func CrowdTenant(i int) tenancy.TenantSlug {
	return tenancy.TenantSlug(fmt.Sprintf("crowd-%03d", i))
}

// Crowd writes made-up people of several made-up tenants into a database, for
// measurements: one in four is a courier, one in fifty has a second job, one in
// two hundred an override. The tenants belong to the console, so that the
// catalogue leaves them alone; each has a contract for this year and the next.
// It writes past the triggers, history and feed among them, which a million
// would take minutes to fill.
func Crowd(ctx context.Context, database string, people, tenants int) error {
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return postgres.Face(err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		steps := []string{`ALTER TABLE person DISABLE TRIGGER USER`, `ALTER TABLE employment DISABLE TRIGGER USER`, `ALTER TABLE grant_override DISABLE TRIGGER USER`, `SET LOCAL ROLE opora_contour`}
		for i := range tenants {
			steps = append(steps, crowdTenant(i))
		}
		steps = append(steps,
			fmt.Sprintf(`CREATE TEMPORARY TABLE crowd ON COMMIT DROP AS
				SELECT i, 'crowd-' || to_char(i %% %d, 'FM000') AS tenant, gen_random_uuid() AS id FROM generate_series(0, %d) i`, tenants, people-1),
			`INSERT INTO person (tenant, id, last_name) SELECT tenant, id, 'Примеров' FROM crowd`,
			`INSERT INTO employment (tenant, id, person_id, legal_entity, employee_no, employee_key, position, hired_on)
				SELECT tenant, gen_random_uuid(), id, 'global', i, i, CASE i / 500 % 4 WHEN 0 THEN 'Курьер' ELSE 'Специалист' END, date '2010-01-01' + (i % 5000)::int FROM crowd`,
			`INSERT INTO employment (tenant, id, person_id, legal_entity, employee_no, employee_key, position, hired_on)
				SELECT tenant, gen_random_uuid(), id, 'global', i || '-2', i || '-2', 'Сторож', date '2025-02-01' FROM crowd WHERE i % 50 = 7`,
			`INSERT INTO grant_override (tenant, id, person_id, grant_id, amount, valid_from) SELECT tenant, gen_random_uuid(), id, 'talk', 2, date '2026-01-01' FROM crowd WHERE i % 200 = 11`,
			`INSERT INTO employee_revision (tenant, person_id, tx) SELECT tenant, id, pg_current_xact_id() FROM crowd`,
			`RESET ROLE`,
			`ALTER TABLE person ENABLE TRIGGER USER`, `ALTER TABLE employment ENABLE TRIGGER USER`, `ALTER TABLE grant_override ENABLE TRIGGER USER`)
		for _, step := range steps {
			if _, err := tx.Exec(ctx, step); err != nil {
				return fmt.Errorf("a crowd: %w", postgres.Face(err))
			}
		}
		return nil
	})
}

// CrowdIDs returns ids of at most so many people of a crowd, those of all
// tenants mixed.
func CrowdIDs(ctx context.Context, database string, most int) ([]tenancy.EmployeeID, error) {
	conn, err := asContour(ctx, database)
	if err != nil {
		return nil, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	rows, err := conn.Query(ctx, `SELECT id::text FROM person TABLESAMPLE SYSTEM (20) WHERE tenant LIKE 'crowd-%' AND erased_at IS NULL LIMIT $1`, most)
	if err != nil {
		return nil, postgres.Face(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[tenancy.EmployeeID])
	return ids, postgres.Face(err)
}

// Turnover lets people go and takes them back, one by one.
type Turnover struct{ conn *pgx.Conn }

// NewTurnover connects to a database.
func NewTurnover(ctx context.Context, database string) (*Turnover, error) {
	conn, err := asContour(ctx, database)
	return &Turnover{conn}, err
}

// Close ends the connection.
func (t *Turnover) Close(ctx context.Context) { _ = t.conn.Close(ctx) }

// Turn lets an employee go who is there and takes one back who is not; the
// change is committed when it returns.
func (t *Turnover) Turn(ctx context.Context, id tenancy.EmployeeID) error {
	tag, err := t.conn.Exec(ctx, `UPDATE employment SET left_on = CASE WHEN left_on IS NULL THEN date '2025-12-31' END WHERE person_id = $1`, id)
	if err == nil && tag.RowsAffected() == 0 {
		err = fmt.Errorf("there is nobody to let go")
	}
	return postgres.Face(err)
}

// asContour connects as the contour, which sees all tenants.
func asContour(ctx context.Context, database string) (*pgx.Conn, error) {
	conn, err := pgx.Connect(ctx, database)
	if err == nil {
		_, err = conn.Exec(ctx, `SET ROLE opora_contour`)
	}
	return conn, postgres.Face(err)
}

// crowdTenant is the statement that adds a tenant with its contract.
func crowdTenant(i int) string {
	slug := CrowdTenant(i)
	couriers := tenancy.SegmentID("couriers")
	tenant := tenancy.Tenant{Slug: slug, LegalEntities: []tenancy.LegalEntity{{Code: "global", Default: true}},
		Segments: []tenancy.Segment{{ID: couriers, When: tenancy.SegmentRule{Position: []string{"Курьер"}}}, {ID: "watch", When: tenancy.SegmentRule{Position: []string{"Сторож"}}}}}
	talk := []tenancy.SpecialistTypeCode{"psychologist"}
	contract := tenancy.Contract{ID: tenancy.ContractID(slug + "-c"), Country: "RU", TimeZone: "Europe/Moscow", From: tenancy.NewDate(2026, 1, 1), Until: tenancy.NewDate(2028, 1, 1), GraceDays: 14,
		Grants: []tenancy.Grant{
			{ID: "talk", SpecialistTypes: talk, Amount: 6, Per: tenancy.PerEmployee, Window: tenancy.CalendarYear, Priority: 10},
			{ID: "extra", SpecialistTypes: talk, Amount: 2, Per: tenancy.PerEmployee, Window: tenancy.Rolling, Days: 90, Priority: 20, Segments: []tenancy.SegmentID{couriers}},
		}}
	return fmt.Sprintf(`WITH t AS (INSERT INTO tenant (tenant, owner, body) VALUES ('%[1]s', 'console', %[2]s) RETURNING tenant)
		INSERT INTO contract (tenant, id, body) SELECT tenant, '%[1]s-c', %[3]s FROM t`, slug, asJSON(tenant), asJSON(contract))
}

// asJSON writes a value as a literal of jsonb; none of a crowd holds a quote.
func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // the vocabulary's types always marshal
	}
	return "'" + string(b) + "'::jsonb"
}
