package postgres_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/workbooks"
)

// export downloads the tenant's list.
func (o *office) export(actor tenancy.Actor, format workbooks.Format) ([]byte, error) {
	var b bytes.Buffer
	err := o.ExportRoster(o.t.Context(), actor, "cdek", format, "", &b)
	return b.Bytes(), err
}

const wholeHeader = "Табельный номер;Фамилия;Имя;Отчество;Email;Телефон;Отдел;Должность;Юр. лицо;Дата приема;Дата увольнения;Дата рождения;СНИЛС\n"

// TestTheExportChangesNothingWhenItIsUploaded is the round trip in mode full,
// with everything that such lists lose on the way.
func TestTheExportChangesNothingWhenItIsUploaded(t *testing.T) {
	o := newOffice(t)
	o.work()
	today := tenancy.DateOf(time.Now())
	ru := func(days int) string {
		d := today.AddDays(days)
		return fmt.Sprintf("%02d.%02d.%04d", d.Day, d.Month, d.Year)
	}
	o.apply(hr, o.upload(hr, roster.Add, wholeHeader+strings.Join([]string{
		"000123;Иванов;Иван;Иванович;ivanov@cdek.example;+7 916 123-45-67;Склад;Курьер;ООО Глобал;01.02.2020;;05.06.1990;112-233-445 95",
		"000123;Иванов;Иван;Иванович;ivanov@cdek.example;+7 916 123-45-67;Склад;Сторож;ООО Север;01.03.2022;;05.06.1990;112-233-445 95", // a second job
		"Ц-0045;Құсайынова;Әсел;Ерланқызы;;8 916 123-45-68;\"Цех «№ 1; малый\"\"\";Упаковщик;ООО Глобал;01.02.2020;;29.02.2000;",
		"00077;Завтрашний;Пётр;;z@cdek.example;;Склад;Курьер;ООО Глобал;" + ru(10) + ";;01.01.1980;",
		"5;Уходящая;Анна;Петровна;u@cdek.example;;Склад;Курьер;ООО Глобал;01.02.2020;" + ru(5) + ";01.01.1981;",
		"6;Ушедший;Пётр;Петрович;g@cdek.example;;Склад;Курьер;ООО Глобал;01.02.2020;" + ru(1) + ";01.01.1982;",
		"8;Формулина;Яна;Петровна;f@cdek.example;;Склад;Курьер;ООО Глобал;01.02.2020;;01.01.1983;",
	}, "\n")+"\n").ID)
	// What no list can bring in, but other ways may: texts that look like formulas.
	o.exec(`UPDATE employment SET department = '=HYPERLINK("http://x")', position = '@SUM(1)' WHERE employee_no = '8'`)
	o.exec(`UPDATE person SET first_name = '=Яна' WHERE last_name = 'Формулина'`)
	o.exec(`UPDATE employment SET left_on = current_date - 3 WHERE employee_no = '6'`)
	for _, format := range []workbooks.Format{workbooks.XLSX, workbooks.CSV} {
		file, err := o.export(hr, format)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(file), "112") && format == workbooks.CSV {
			t.Error("a national id is in the export")
		}
		i := o.upload(hr, roster.Full, string(file))
		c := i.Counts
		if i.State != roster.Planned || c.Rows != 6 || c.Unchanged != 6 || c.Create+c.Update+c.Move+c.Leave+c.Return+c.Rejected+c.Held != 0 {
			changes, _ := o.Changes(t.Context(), hr, i.ID, 0, 100)
			t.Errorf("%s: %s %+v %v %+v", format, i.State, c, i.Problems, changes)
		}
		if _, err := o.Cancel(t.Context(), hr, i.ID); err != nil {
			t.Fatal(err)
		}
	}
	text, err := o.export(hr, workbooks.CSV)
	if err != nil || !bytes.HasPrefix(text, []byte("\ufeffТабельный номер;")) || !strings.Contains(string(text), `;"'=HYPERLINK(""http://x"")";'@SUM(1);`) || strings.Contains(string(text), "Ушедший") {
		t.Errorf("%s %v", text, err)
	}
}

// TestATemplateOffersTheTenantsOwn offers the legal entities and segments of a
// tenant to whoever may see that tenant, and to nobody else.
func TestATemplateOffersTheTenantsOwn(t *testing.T) {
	o := newOffice(t)
	template := func(actor tenancy.Actor, tenant tenancy.TenantSlug) (string, error) {
		var b bytes.Buffer
		if err := o.Template(t.Context(), actor, tenant, "RU", tenancy.Russian, &b); err != nil {
			return "", err
		}
		f, err := excelize.OpenReader(&b)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		rows, err := f.GetRows("Справочник")
		return fmt.Sprint(rows), err
	}
	if own, err := template(hr, "cdek"); err != nil || !strings.Contains(own, "ООО Глобал") || !strings.Contains(own, "ООО Север") || strings.Contains(own, "ООО Пример") {
		t.Errorf("%s %v", own, err)
	}
	if any, err := template(hr, ""); err != nil || strings.Contains(any, "ООО Глобал") {
		t.Errorf("without a tenant: %s %v", any, err)
	}
	if _, err := template(stranger, "cdek"); code(err) != "tenant_unknown" {
		t.Errorf("another tenant's HR: %v", err)
	}
	if _, err := template(tenancy.Actor{ID: "p", Roles: []tenancy.Role{tenancy.RolePlatformAdmin}}, "cdek"); err != nil {
		t.Errorf("the platform's admin: %v", err)
	}
}

func TestTheExportIsTextAndAudited(t *testing.T) {
	o := newOffice(t)
	o.work()
	o.apply(hr, o.upload(hr, roster.Add, list(persons(0, 3)...)).ID)
	o.exec(`UPDATE person SET last_name = '=cmd|calc' WHERE email = 'p1@cdek.example'`)
	book, err := o.export(hr, workbooks.XLSX)
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(book))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sheet := f.GetSheetList()[0]
	kind, _ := f.GetCellType(sheet, "B3")
	formula, _ := f.GetCellFormula(sheet, "B3")
	shown, _ := f.GetCellValue(sheet, "B3")
	if kind != excelize.CellTypeInlineString || formula != "" || shown != "'=cmd|calc" {
		t.Errorf("the cell is %v %q %q", kind, formula, shown)
	}
	if n := o.count(`SELECT count(*) FROM audit WHERE action = 'roster.export' AND actor = 'hr-1' AND tenant = 'cdek' AND subject = '3 rows' AND allowed`); n != 1 {
		t.Errorf("%d audit entries", n)
	}
	if _, err := o.export(stranger, workbooks.XLSX); code(err) != "tenant_unknown" {
		t.Errorf("another tenant's HR: %v", err)
	}
	platform := tenancy.Actor{ID: "p", Roles: []tenancy.Role{tenancy.RolePlatformAdmin}}
	if _, err := o.export(platform, workbooks.XLSX); tenancy.KindOf(err) != tenancy.Forbidden {
		t.Errorf("the platform's admin: %v", err)
	}
	if n := o.count(`SELECT count(*) FROM audit WHERE action = 'roster.export' AND NOT allowed`); n != 2 {
		t.Errorf("%d refusals in the audit log", n)
	}
}

// TestTheExportOfManyIsStreamed exports ten or fifty thousand employments with a heap
// that does not grow with them.
func TestTheExportOfManyIsStreamed(t *testing.T) {
	people := 10_000
	if os.Getenv("OPORA_TEST_LONG") != "" {
		people = 50_000
	}
	o := newOffice(t)
	o.exec(`INSERT INTO person (tenant, id, last_name, first_name, email, phone) SELECT 'cdek', ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Примеров' || n, 'Иван', 'p' || n || '@cdek.example', '+7900' || lpad(n::text, 7, '0') FROM generate_series(1, $1::int) n`, people)
	o.exec(`INSERT INTO account (tenant, id, login) SELECT tenant, id, 'cdek-' || right(id::text, 7) FROM person`)
	o.exec(`INSERT INTO employment (tenant, id, person_id, legal_entity, employee_no, employee_key, department, hired_on)
		SELECT tenant, id, id, 'global', right(id::text, 7), ltrim(right(id::text, 7), '0'), 'Склад', '2020-02-01' FROM person`)
	var before, peak runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	written := &meter{after: func() {
		var now runtime.MemStats
		runtime.ReadMemStats(&now)
		if now.HeapInuse > peak.HeapInuse {
			peak = now
		}
	}}
	began := time.Now()
	if err := o.ExportRoster(t.Context(), hr, "cdek", workbooks.XLSX, "", written); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows, %d bytes in %v, %d MB of heap", people, written.n, time.Since(began).Round(time.Millisecond), (peak.HeapInuse-before.HeapInuse)>>20)
	if written.n < people*20 || peak.HeapInuse > before.HeapInuse+64<<20 {
		t.Errorf("%d bytes, the heap grew from %d to %d MB", written.n, before.HeapInuse>>20, peak.HeapInuse>>20)
	}
}

// meter counts what is written and looks after each piece.
type meter struct {
	n     int
	after func()
}

func (m *meter) Write(b []byte) (int, error) {
	m.n += len(b)
	m.after()
	return len(b), nil
}
