package fakeorg

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// sobjects answers everything under /sobjects.
func (c *call) sobjects() *apiError {
	if len(c.segments) == 1 {
		return c.describeGlobal()
	}
	v := c.org.view(c.segments[1])
	if v == nil {
		return errNotFound
	}
	switch rest := c.segments[2:]; {
	case len(rest) == 0:
		return c.object(v)
	case rest[0] == "describe" && len(rest) == 1:
		return c.describe(v)
	case rest[0] == "updated" && len(rest) == 1:
		return c.updated(v)
	case rest[0] == "deleted" && len(rest) == 1:
		return c.deleted(v)
	default:
		return c.record(v, rest)
	}
}

// unchanged answers 304 when the client already has what there is.
func (c *call) unchanged(since time.Time) bool {
	tag := fmt.Sprintf("%08x", uint32(mix(uint64(since.UnixNano()))))
	if c.wantsGzip() {
		tag += "--gzip"
	}
	h := c.w.Header()
	h.Set("ETag", `"`+tag+`"`)
	h.Set("Last-Modified", since.UTC().Format(http.TimeFormat))
	have, err := http.ParseTime(c.r.Header.Get("If-Modified-Since"))
	if err != nil || since.Truncate(time.Second).After(have) {
		return false
	}
	c.headers()
	c.w.WriteHeader(http.StatusNotModified)
	return true
}

// changedAt is when the schema of an object last changed; of the whole org for
// "".
func (o *Org) changedAt(object string) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	latest := Epoch.Add(-time.Hour)
	for name, at := range o.schemaAt {
		if (object == "" || name == object) && at.After(latest) {
			latest = at
		}
	}
	return latest
}

func (c *call) describeGlobal() *apiError {
	if err := c.only("GET"); err != nil {
		return err
	}
	if c.unchanged(c.org.changedAt("")) {
		return nil
	}
	list := []ordered{}
	for _, v := range c.org.views() {
		list = append(list, c.summary(v.object))
	}
	return c.json(http.StatusOK, ordered{{"encoding", "UTF-8"}, {"maxBatchSize", 200}, {"sobjects", list}})
}

// views are all tables in the order of the describe.
func (o *Org) views() []*view {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []*view
	for _, name := range o.order {
		list = append(list, o.viewOf(o.tables[strings.ToLower(name)]))
	}
	return list
}

// object answers GET and POST /sobjects/X.
func (c *call) object(v *view) *apiError {
	if err := c.only("GET", "POST"); err != nil {
		return err
	}
	if c.r.Method == http.MethodPost {
		return c.insert(v)
	}
	return c.json(http.StatusOK, ordered{{"objectDescribe", c.summary(v.object)}, {"recentItems", []any{}}})
}

// summary are the keys that describeGlobal gives of an object.
func (c *call) summary(o *Object) ordered {
	var associate, parent any
	if o.HistoryOf != "" {
		associate, parent = "History", o.HistoryOf
	}
	write := !o.ReadOnly
	url := c.base() + "/sobjects/" + o.Name
	return ordered{
		{"activateable", false},
		{"associateEntityType", associate},
		{"associateParentEntity", parent},
		{"createable", write},
		{"custom", o.Custom},
		{"customSetting", false},
		{"deepCloneable", false},
		{"deletable", write && o.Deletable},
		{"deprecatedAndHidden", false},
		{"feedEnabled", o.Feed},
		{"hasSubtypes", false},
		{"isInterface", false},
		{"isSubtype", false},
		{"keyPrefix", orNull(o.Prefix)},
		{"label", o.Label},
		{"labelPlural", o.Plural},
		{"layoutable", write},
		{"mergeable", o.Mergeable},
		{"mruEnabled", write},
		{"name", o.Name},
		{"queryable", o.Queryable},
		{"replicateable", o.Replicateable},
		{"retrieveable", o.Queryable},
		{"searchable", write},
		{"triggerable", write},
		{"undeletable", write && o.isDeleted != nil},
		{"updateable", write},
		{"urls", ordered{{"rowTemplate", url + "/{ID}"}, {"describe", url + "/describe"}, {"sobject", url}}},
	}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func (c *call) describe(v *view) *apiError {
	if err := c.only("GET"); err != nil {
		return err
	}
	if v.object.ghost {
		return errNotFound
	}
	if c.unchanged(c.org.changedAt(v.object.Name)) {
		return nil
	}
	o := v.object
	fields := make([]ordered, len(o.Fields))
	for i, f := range o.Fields {
		fields[i] = f.describe(c.version)
	}
	all := append(c.summary(o), ordered{
		{"actionOverrides", []any{}},
		{"childRelationships", c.org.children(o)},
		{"compactLayoutable", !o.ReadOnly},
		{"fields", fields},
		{"listviewable", nil},
		{"lookupLayoutable", nil},
		{"namedLayoutInfos", []any{}},
		{"networkScopeFieldName", nil},
		{"recordTypeInfos", []ordered{{
			{"active", true},
			{"available", true},
			{"defaultRecordTypeMapping", true},
			{"developerName", "Master"},
			{"master", true},
			{"name", "Master"},
			{"recordTypeId", "012000000000000AAA"},
			{"urls", ordered{{"layout", c.base() + "/sobjects/" + o.Name + "/describe/layouts/012000000000000AAA"}}},
		}}},
		{"searchLayoutable", !o.ReadOnly},
		{"supportedScopes", []ordered{{{"label", "All " + strings.ToLower(o.Plural)}, {"name", "everything"}}, {{"label", "My " + strings.ToLower(o.Plural)}, {"name", "mine"}}}},
	}...)
	if c.version >= 51 { // these came with API version 51.0
		all = append(all, ordered{
			{"defaultImplementation", nil},
			{"extendedBy", nil},
			{"extendsInterfaces", nil},
			{"implementedBy", nil},
			{"implementsInterfaces", nil},
			{"sobjectDescribeOption", "FULL"},
		}...)
	}
	slices.SortFunc(all, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	return c.json(http.StatusOK, all)
}

// children lists the references that point at an object.
func (o *Org) children(of *Object) []ordered {
	list := []ordered{}
	for _, v := range o.views() {
		for _, f := range v.object.Fields {
			if !slices.Contains(f.ReferenceTo, of.Name) {
				continue
			}
			var name any
			if f.Relationship != "" && f.Name != "CreatedById" && f.Name != "LastModifiedById" && len(f.ReferenceTo) == 1 {
				name = strings.ReplaceAll(v.object.Plural, " ", "")
				if f.Custom {
					name = strings.ReplaceAll(v.object.Plural, " ", "_") + "__r"
				}
			}
			list = append(list, ordered{
				{"cascadeDelete", v.object.parent == f.Name},
				{"childSObject", v.object.Name},
				{"deprecatedAndHidden", false},
				{"field", f.Name},
				{"junctionIdListNames", []any{}},
				{"junctionReferenceTo", []any{}},
				{"relationshipName", name},
				{"restrictedDelete", false},
			})
		}
	}
	return list
}

// describe gives the attributes of a field, in the order Salesforce has them.
func (f *Field) describe(version int) ordered {
	var extra, formula any
	switch {
	case f.HTML:
		extra = "richtextarea"
	case f.Type == "textarea":
		extra = "plaintextarea"
	case f.Compound == "Name" && f.Name == "Name":
		extra = "switchablepersonname"
	case f.NameField && f.kind() == kindText && f.options["gen"] == "fullname":
		extra = "personname"
	}
	if f.Calculated && f.kind() == kindDouble {
		formula = "My__Members__c * 1.5"
	} else if f.Calculated {
		formula = "TEXT(BillingCountry)"
	}
	var mask, maskType any
	if f.Type == "encryptedstring" {
		mask, maskType = "*", "lastFour"
	}
	references := f.ReferenceTo
	if references == nil {
		references = []string{}
	}
	all := ordered{
		{"aggregatable", f.Aggregatable},
		{"aiPredictionField", false},
		{"autoNumber", f.AutoNumber},
		{"byteLength", f.byteLength()},
		{"calculated", f.Calculated},
		{"calculatedFormula", formula},
		{"cascadeDelete", false},
		{"caseSensitive", f.Unique && f.ExternalID},
		{"compoundFieldName", orNull(f.Compound)},
		{"controllerName", nil},
		{"createable", f.Createable},
		{"custom", f.Custom},
		{"defaultValue", f.defaultValue()},
		{"defaultValueFormula", nil},
		{"defaultedOnCreate", !f.Nillable && !f.NameField && f.Compound == ""},
		{"dependentPicklist", false},
		{"deprecatedAndHidden", false},
		{"digits", f.Digits},
		{"displayLocationInDecimal", f.Type == "location"},
		{"encrypted", false},
		{"externalId", f.ExternalID},
		{"extraTypeInfo", extra},
		{"filterable", f.Filterable},
		{"filteredLookupInfo", nil},
		{"formulaTreatNullNumberAsZero", f.Calculated && f.kind() == kindDouble},
		{"groupable", f.Groupable},
		{"highScaleNumber", f.Scale > 8},
		{"htmlFormatted", f.HTML},
		{"idLookup", f.IDLookup},
		{"inlineHelpText", nil},
		{"label", f.Label},
		{"length", f.Length},
		{"mask", mask},
		{"maskType", maskType},
		{"name", f.Name},
		{"nameField", f.NameField},
		{"namePointing", len(references) > 1},
		{"nillable", f.Nillable},
		{"permissionable", f.Nillable && f.Type != "id"},
		{"picklistValues", f.picklistValues()},
		{"polymorphicForeignKey", len(references) > 1},
		{"precision", f.Precision},
		{"queryByDistance", f.compound()},
		{"referenceTargetField", nil},
		{"referenceTo", references},
		{"relationshipName", orNull(f.Relationship)},
		{"relationshipOrder", nil},
		{"restrictedDelete", false},
		{"restrictedPicklist", f.Type == "picklist" && !f.Custom && f.Length == 40},
		{"scale", f.Scale},
		{"searchPrefilterable", false},
		{"soapType", f.soapType()},
		{"sortable", f.Sortable},
		{"type", f.Type},
		{"unique", f.Unique},
		{"updateable", f.Updateable},
		{"writeRequiresMasterRead", false},
	}
	if version < 48 { // the first and the last came later
		return slices.DeleteFunc(all, func(p pair) bool { return p.key == "aiPredictionField" || p.key == "formulaTreatNullNumberAsZero" })
	}
	return all
}

func (f *Field) defaultValue() any {
	if f.Type == "boolean" {
		return false
	}
	return nil
}

func (f *Field) picklistValues() []ordered {
	list := []ordered{}
	for _, v := range f.Picklist {
		list = append(list, ordered{{"active", true}, {"defaultValue", false}, {"label", v}, {"validFor", nil}, {"value", v}})
	}
	return list
}
