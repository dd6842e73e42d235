package fakeorg

import (
	_ "embed" // objects.txt
	"fmt"
	"strconv"
	"strings"
)

//go:embed objects.txt
var objectsText string

// foreign gives the key prefixes of objects that are only referred to.
var foreign = map[string]string{
	"Profile": "00e", "Group": "00G", "Calendar": "023", "Individual": "0PK", "DandBCompany": "06E",
	"OperatingHours": "0OH", "BusinessProcess": "019", "ExternalDataSource": "0XC",
}

// groups are the fields that many objects share.
var groups = map[string]string{
	"head":   "Id id!\nIsDeleted bool ro",
	"stamps": "CreatedDate datetime! ro\nCreatedById ref:User! ro rel=CreatedBy\nLastModifiedDate datetime! ro\nLastModifiedById ref:User! ro rel=LastModifiedBy\nSystemModstamp datetime! ro",
	"viewed": "LastViewedDate datetime ro gen=past null=900\nLastReferencedDate datetime ro gen=past null=850",
	"person": "LastName str:80! in=Name\nFirstName str:40 in=Name null=50\nSalutation pick:40 in=Name =Mr.,Ms.,Mrs.,Dr.,Prof. null=400\nName str:121! ro name gen=fullname",
	"address": "%sStreet text:255 in=%sAddress null=200\n%sCity str:40 in=%sAddress null=150\n%sState str:80 in=%sAddress null=250\n" +
		"%sPostalCode str:20 in=%sAddress null=200\n%sCountry str:80 in=%sAddress null=150\n%sLatitude double:18.15 in=%sAddress null=700\n" +
		"%sLongitude double:18.15 in=%sAddress null=700\n%sGeocodeAccuracy pick:40 in=%sAddress =Address,NearAddress,Block,Street,ExtendedZip,Zip,Neighborhood,City,County,State,Unknown null=700\n%sAddress address ro",
}

// picklists are the value lists that many fields share.
var picklists = map[string]string{
	"industry": "Agriculture,Apparel,Banking,Biotechnology,Chemicals,Communications,Construction,Consulting,Education,Electronics,Energy,Engineering,Entertainment,Environmental,Finance,Food_&_Beverage,Government,Healthcare,Hospitality,Insurance,Machinery,Manufacturing,Media,Not_For_Profit,Other,Recreation,Retail,Shipping,Technology,Telecommunications,Transportation,Utilities",
	"source":   "Web,Phone_Inquiry,Partner_Referral,Purchased_List,Other",
}

// historyText is the shape of every history object but OpportunityHistory.
const historyText = `object %s %s %s/%s readonly noreplicate nobin parent=%s
Id id!
IsDeleted bool ro
%s ref:%s! ro rel=%s
CreatedById ref:User! ro rel=CreatedBy
CreatedDate datetime! ro
Field pick:255! ro =created,Name,Owner,Status,Rating,Amount__c,Active__c,CloseDate,NumberOfEmployees
DataType pick:40 ro =Text,EntityId,Double,Boolean,DateOnly,DateTime
OldValue any ro
NewValue any ro`

// parseObjects reads the embedded table. It panics on a mistake in it, which
// no test can miss.
func parseObjects(text string) []*Object {
	var objects []*Object
	for line := range strings.SplitSeq(expand(text), "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		case words[0] == "object":
			objects = append(objects, parseObject(words[1:]))
		default:
			o := objects[len(objects)-1]
			o.Fields = append(o.Fields, parseField(words, o))
		}
	}
	for _, o := range objects {
		o.index()
	}
	return objects
}

// expand writes out the groups of fields and the history objects.
func expand(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) == 5 && words[0] == "history":
			label := strings.ReplaceAll(labelOf(words[1]), " ", "_")
			line = fmt.Sprintf(historyText, words[1], words[2], label, label, words[4], words[4], words[3], strings.TrimSuffix(words[4], "Id"))
		case len(words) > 0 && words[0] == "@columns":
			n, _ := strconv.Atoi(words[1])
			line = wideColumns(n)
		case len(words) > 0 && words[0] == "@address":
			line = strings.ReplaceAll(groups["address"], "%s", words[1])
		case len(words) > 0 && strings.HasPrefix(words[0], "@"):
			line = groups[words[0][1:]]
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

// wideColumns are n fields of changing types, for queries that do not fit a URL.
func wideColumns(n int) string {
	types := []string{"str:255 gen=word", "double:18.2", "bool", "date", "datetime", "int:9", "pick:255 =Red,Green,Blue", "currency:18.2", "text:255 gen=sentence", "email:80"}
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "A_Rather_Long_Column_Name_%03d__c %s null=500\n", i+1, types[i%len(types)])
	}
	return b.String()
}

func parseObject(words []string) *Object {
	label, plural, _ := strings.Cut(strings.ReplaceAll(words[2], "_", " "), "/")
	o := &Object{
		Name: words[0], Prefix: words[1], Label: label, Plural: plural, Custom: strings.HasSuffix(words[0], "__c"),
		Queryable: true, Replicateable: true, Deletable: true, Bulk: true, bin: true,
	}
	if o.Prefix == "-" {
		o.Prefix = ""
	}
	for _, w := range words[3:] {
		key, value, _ := strings.Cut(w, "=")
		o.setFlag(key, value)
	}
	return o
}

func (o *Object) setFlag(key, value string) {
	switch key {
	case "fixed":
		o.single = true
	case "nodelete":
		o.Deletable = false
	case "noreplicate":
		o.Replicateable = false
	case "nobin":
		o.bin = false
	case "readonly":
		o.ReadOnly = true
	case "merge":
		o.Mergeable = true
	case "feed":
		o.Feed = true
	case "archive":
		o.archive = true
	case "nobulk":
		o.Bulk = false
	case "noquery":
		o.Queryable, o.Bulk = false, false
	case "ghost":
		o.ghost = true
	case "restricted":
		o.Restricted = strings.Split(value, ",")
	case "parent":
		o.parent = value
	case "history":
	default:
		panic("objects.txt: unknown flag " + key)
	}
	if strings.HasSuffix(o.Name, "History") && o.Name != "LoginHistory" {
		o.HistoryOf = strings.TrimSuffix(strings.TrimSuffix(o.Name, "History"), "Field")
	}
}

func parseField(words []string, o *Object) *Field {
	typ, required := strings.CutSuffix(words[1], "!")
	typ, size, _ := strings.Cut(typ, ":")
	f := &Field{
		Name: words[0], key: words[0], Label: labelOf(words[0]), Nillable: !required, Custom: isCustom(words[0]),
		Createable: true, Updateable: true, options: map[string]string{}, nullShare: -1,
	}
	f.setType(typ, size)
	f.setFlags()
	for _, w := range words[2:] {
		key, value, _ := strings.Cut(w, "=")
		f.setOption(key, value)
	}
	if f.Type == "id" {
		f.Label = o.Label + " ID"
		f.Createable, f.Updateable, f.IDLookup = false, false, true
	}
	if f.Type == "boolean" {
		f.Nillable = false
	}
	return f
}

func isCustom(name string) bool {
	return strings.HasSuffix(name, "__c") || strings.HasSuffix(name, "__s")
}

// setType turns the short names of the table into describe's.
func (f *Field) setType(typ, size string) {
	long := map[string]string{
		"str": "string", "ref": "reference", "text": "textarea", "html": "textarea", "pick": "picklist", "multi": "multipicklist",
		"combo": "combobox", "bool": "boolean", "enc": "encryptedstring", "any": "anyType",
	}
	f.Type = typ
	if l, ok := long[typ]; ok {
		f.Type = l
	}
	f.HTML = typ == "html"
	switch f.Type {
	case "reference":
		f.Length, f.ReferenceTo = 18, strings.Split(size, ",")
	case "id":
		f.Length = 18
	case "multipicklist":
		f.Length = 4099
	case "int":
		f.Digits, _ = strconv.Atoi(size)
	case "double", "currency", "percent":
		precision, scale, _ := strings.Cut(size, ".")
		f.Precision, _ = strconv.Atoi(precision)
		f.Scale, _ = strconv.Atoi(scale)
	default:
		f.Length, _ = strconv.Atoi(size)
	}
}

func (f *Field) setOption(key, value string) {
	switch key {
	case "ro":
		f.Createable, f.Updateable = false, false
	case "co":
		f.Updateable = false
	case "calc":
		f.Calculated, f.Createable, f.Updateable = true, false, false
	case "in":
		f.Compound = value
	case "rel":
		f.Relationship = value
	case "name":
		f.NameField = true
	case "lookup":
		f.IDLookup = true
	case "ext":
		f.ExternalID = true
	case "unique":
		f.Unique = true
	case "nofilter":
		f.Filterable = false
	case "nosort":
		f.Sortable = false
	case "nogroup":
		f.Groupable = false
	case "late":
		f.late = true
	case "null":
		f.nullShare, _ = strconv.Atoi(value)
	case "gen":
		f.options["gen"] = value
		f.AutoNumber = value == "autonumber"
	case "":
		f.Picklist = pickWords(value)
	default:
		list, ok := picklists[strings.TrimPrefix(key, "@")]
		if !ok {
			panic("objects.txt: unknown option " + key)
		}
		f.Picklist = pickWords(list)
	}
}

func pickWords(list string) []string {
	return strings.Split(strings.NewReplacer("_", " ", "~", "_").Replace(list), ",")
}
