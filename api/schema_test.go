package api

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/ponimayu/opora/internal/entitlement"
	"github.com/ponimayu/opora/internal/roster"
	"github.com/ponimayu/opora/internal/tenancy"
	"github.com/ponimayu/opora/internal/webhook"
)

// TestSchemasHaveTheTypesFields compares openapi.yaml with the Go types field
// by field, so that a field added to one of them is added to both. Whatever a
// type always writes is required in its schema, and nothing else.
func TestSchemasHaveTheTypesFields(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromData(OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	entitlements := doc.Components.Schemas["Entitlements"].Value.Properties
	for name, of := range map[string]struct {
		schema *openapi3.Schema
		value  any
		sent   bool // by the caller: required is what the handler asks for
	}{
		"Problem":          {schema: doc.Components.Schemas["Problem"].Value, value: problem{}},
		"RosterProblem":    {schema: doc.Components.Schemas["RosterProblem"].Value, value: tenancy.Problem{}},
		"Check":            {schema: doc.Components.Schemas["Check"].Value, value: entitlement.Query{}, sent: true},
		"Decision":         {schema: doc.Components.Schemas["Decision"].Value, value: checkAnswer{}},
		"Checks":           {schema: doc.Components.Schemas["Checks"].Value, value: checksRequest{}, sent: true},
		"its answers":      {schema: doc.Components.Schemas["ChecksAnswer"].Value, value: checksAnswer{}},
		"an answer":        {schema: doc.Components.Schemas["CheckedItem"].Value, value: checkedItem{}, sent: true},
		"Line":             {schema: doc.Components.Schemas["Line"].Value, value: entitlement.Line{}},
		"Window":           {schema: doc.Components.Schemas["Window"].Value, value: entitlement.Window{}},
		"Entitlements":     {schema: doc.Components.Schemas["Entitlements"].Value, value: entitlementsAnswer{}},
		"its items":        {schema: entitlements["items"].Value.Items.Value, value: entitlement.TypeDecision{}},
		"PastEntitlements": {schema: doc.Components.Schemas["PastEntitlements"].Value, value: entitlement.PastEntitlements{}},
		"past items":       {schema: doc.Components.Schemas["PastEntitlements"].Value.Properties["items"].Value.Items.Value, value: entitlement.TypeDecision{}},
		"Sources":          {schema: doc.Components.Schemas["Sources"].Value, value: entitlement.Sources{}},
		"Source":           {schema: doc.Components.Schemas["Source"].Value, value: entitlement.Source{}},
		"ImportSource":     {schema: doc.Components.Schemas["ImportSource"].Value, value: entitlement.ImportSource{}},
		"ContractSource":   {schema: doc.Components.Schemas["ContractSource"].Value, value: entitlement.ContractSource{}},
		"EmploymentSource": {schema: doc.Components.Schemas["EmploymentSource"].Value, value: entitlement.EmploymentSource{}},
		"EmploymentChange": {schema: doc.Components.Schemas["EmploymentChange"].Value, value: entitlement.EmploymentChange{}},
		"OverrideSource":   {schema: doc.Components.Schemas["OverrideSource"].Value, value: entitlement.OverrideSource{}},
		"Override":         {schema: doc.Components.Schemas["Override"].Value, value: entitlement.Override{}},
		"its request":      {schema: doc.Components.Schemas["OverrideRequest"].Value, value: entitlement.OverrideRequest{}, sent: true},
		"Search":           {schema: doc.Components.Schemas["Search"].Value, value: searchRequest{}, sent: true},
		"Employee":         {schema: doc.Components.Schemas["Employee"].Value, value: employeeAnswer{}},
		"Employment":       {schema: doc.Components.Schemas["Employment"].Value, value: employmentAnswer{}},
		"Activation":       {schema: doc.Components.Schemas["Activation"].Value, value: roster.Activation{}},
		"Import":           {schema: doc.Components.Schemas["Import"].Value, value: roster.Import{}},
		"its counts":       {schema: doc.Components.Schemas["Counts"].Value, value: roster.Counts{}},
		"its progress":     {schema: doc.Components.Schemas["Progress"].Value, value: roster.Progress{}},
		"Summary":          {schema: doc.Components.Schemas["Summary"].Value, value: roster.Summary{}},
		"ImportEvent":      {schema: doc.Components.Schemas["ImportEvent"].Value, value: importEvent{}},
		"RosterStatus":     {schema: doc.Components.Schemas["RosterStatus"].Value, value: roster.ListStatus{}},
		"LastList":         {schema: doc.Components.Schemas["LastList"].Value, value: roster.LastList{}},
		"Promise":          {schema: doc.Components.Schemas["Promise"].Value, value: roster.Promise{}},
		"remembered":       {schema: doc.Components.Schemas["RememberedMapping"].Value, value: roster.RememberedMapping{}},
		"Finding":          {schema: doc.Components.Schemas["Finding"].Value, value: roster.Finding{}},
		"Undone":           {schema: doc.Components.Schemas["Undone"].Value, value: undoAnswer{}},
		"Changes":          {schema: doc.Components.Schemas["Changes"].Value, value: changesAnswer{}},
		"Change":           {schema: doc.Components.Schemas["Change"].Value, value: roster.Change{}},
		"Health":           {schema: doc.Components.Schemas["Health"].Value, value: health{}},
		"FeedPage":         {schema: doc.Components.Schemas["FeedPage"].Value, value: entitlement.ChangePage{}},
		"FeedChange":       {schema: doc.Components.Schemas["FeedChange"].Value, value: entitlement.Change{}},
		"its employee":     {schema: doc.Components.Schemas["EmployeeRecord"].Value, value: entitlement.Record{}},
		"its jobs":         {schema: doc.Components.Schemas["RecordEmployment"].Value, value: entitlement.RecordEmployment{}},
		"its terms":        {schema: doc.Components.Schemas["TermsDocument"].Value, value: entitlement.TermsDocument{}},
		"PayerQuestion":    {schema: doc.Components.Schemas["PayerQuestion"].Value, value: entitlement.PayerQuery{}, sent: true},
		"Payment":          {schema: doc.Components.Schemas["Payment"].Value, value: entitlement.Payment{}},
		"Webhook":          {schema: doc.Components.Schemas["Webhook"].Value, value: webhook.Subscription{}},
		"its secret":       {schema: doc.Components.Schemas["WebhookSecret"].Value, value: webhookSecret{}},
		"a webhook's":      {schema: doc.Components.Schemas["WebhookRequest"].Value, value: webhookRequest{}, sent: true},
		"its edit":         {schema: doc.Components.Schemas["WebhookEdit"].Value, value: webhook.Edit{}, sent: true},
		"its delivery":     {schema: doc.Components.Schemas["WebhookDelivery"].Value, value: webhook.Record{}},
		"its try":          {schema: doc.Components.Schemas["WebhookTry"].Value, value: webhook.Try{}},
	} {
		fields := map[string]bool{}
		jsonFields(reflect.TypeOf(of.value), fields)
		for field, always := range fields {
			if of.schema.Properties[field] == nil {
				t.Errorf("%s: the schema has no %s", name, field)
			}
			if required := slices.Contains(of.schema.Required, field); !of.sent && required != always {
				t.Errorf("%s: %s is always written: %v, required: %v", name, field, always, required)
			}
		}
		for property := range of.schema.Properties {
			if _, ok := fields[property]; !ok {
				t.Errorf("%s: the type has no %s", name, property)
			}
		}
	}
}

// jsonFields notes the JSON names of a struct's fields, and whether each is
// always written.
func jsonFields(of reflect.Type, into map[string]bool) {
	for i := range of.NumField() {
		f := of.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			jsonFields(f.Type, into)
		case name != "" && name != "-":
			into[name] = options == ""
		}
	}
}
