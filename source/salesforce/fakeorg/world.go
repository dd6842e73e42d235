package fakeorg

import (
	"slices"
	"strings"
	"time"
)

// world is what the generators know: the seed, how many rows each object
// starts with, and when the past ends.
type world struct {
	seed    uint64
	rows    map[string]int
	objects map[string]*Object
	nasty   uint64 // per mille of free texts
	nul     bool
	end     int64 // ms; no stamp of a generated row is later

	binSalt, archiveSalt uint64
}

// past is when the first row of every object was made.
var past = time.Date(1999, time.January, 4, 8, 0, 0, 0, time.UTC).UnixMilli()

// stamps are the three system stamps of the rows of one object. Rows are older
// the lower their number. Now and then a mass update has touched a whole run of
// rows at one instant.
type stamps struct {
	salt  uint64
	step  int64 // ms between two rows
	calm  int64 // ms; ordinary changes end here
	mass  uint32
	world *world
}

const day30 = 30 * msPerDay

func (g *world) stamps(o *Object) stamps {
	n := max(g.rows[o.Name], 1)
	return stamps{
		salt: saltOf(g.seed, o.Name, "stamps"), world: g, calm: g.end - day30,
		step: (g.end - day30 - past) / int64(n), mass: uint32(max(1, min(5000, n/8))),
	}
}

func (s stamps) created(row uint32) int64 {
	at := past + int64(row)*s.step
	if s.step > 1000 {
		at += int64(hashOf(s.salt, row) % uint64(s.step))
	}
	return at - mod(at, 1000)
}

func (s stamps) modified(row uint32) int64 {
	created := s.created(row)
	h := hashOf(s.salt+1, row)
	span := uint64(s.calm-created)/1000 + 1
	// Most rows change soon after they were made and never again.
	return created + int64(min(h>>2%span, h>>22%span, (h>>7^h>>33)%span))*1000
}

func (s stamps) system(row uint32) int64 {
	block := row / s.mass
	if block%8 == 3 {
		return s.calm + int64(hashOf(s.salt+2, block)%(29*86_400))*1000
	}
	modified := s.modified(row)
	if h := hashOf(s.salt+3, row); h%5 == 0 {
		span := uint64(s.calm-modified)/1000 + 1
		modified += int64(h>>8%span) * 1000
	}
	return modified
}

// bornDeleted says that a generated row is in the recycle bin from the start.
func (g *world) bornDeleted(o *Object, row uint32) bool {
	return o.bin && o.isDeleted != nil && hashOf(g.binSalt+uint64(len(o.Name)), row)%97 == 5
}

// bornArchived says that a Task or Event is old enough to be archived.
func (g *world) bornArchived(o *Object, row uint32) bool {
	return o.archive && hashOf(g.archiveSalt, row)%11 == 3
}

// named are the generators that a field asks for by name.
func (g *world) named(o *Object, f *Field, name string) generator {
	from := func(list []string) generator { return g.spiced(f, list) }
	switch name {
	case "yes", "no":
		return func(uint32, uint64) value { return boolValue(name == "yes") }
	case "mostly":
		return func(_ uint32, h uint64) value { return boolValue(h%12 != 0) }
	case "company":
		return from(companies())
	case "sentence":
		return from(sentences())
	case "paragraph":
		return from(paragraphs())
	case "word":
		return from(lorem)
	case "city":
		return from(cities)
	case "role":
		return from(roles)
	case "product":
		return from(products)
	case "subject":
		return from(subjects)
	case "region":
		return plainList([]string{"EMEA", "AMER", "APAC", "LATAM"})
	case "browser":
		return plainList(browsers)
	case "loginstatus":
		return plainList(statuses)
	case "host":
		return plainList([]string{"login.salesforce.com", "example.my.salesforce.com"})
	case "country2":
		return plainList(words("US DE GB JP FR"))
	case "pod":
		return plainList([]string{"FK1"})
	case "apiversion":
		return plainList(words("58.0 59.0 60.0 64.0"))
	case "past":
		return func(_ uint32, h uint64) value { return stampValue(g.end - int64(h%(2000*86_400))*1000) }
	case "pastday":
		return func(_ uint32, h uint64) value { return dateValue(g.end - int64(h%2000)*msPerDay) }
	case "birth":
		return func(_ uint32, h uint64) value { return dateValue(day(1940, 1, 1) + int64(h%24_000)*msPerDay) }
	case "rowtime":
		stamps := g.stamps(o)
		return func(row uint32, _ uint64) value { return stampValue(stamps.created(row)) }
	case "quantity":
		return func(_ uint32, h uint64) value { return doubleValue(float64(h%40 + 1)) }
	case "price":
		return func(_ uint32, h uint64) value { return doubleValue(float64(h%9_999_999) / 100) }
	case "minutes":
		return func(_ uint32, h uint64) value { return intValue(int64(h%16) * 15) }
	case "quarter":
		return func(_ uint32, h uint64) value { return intValue(int64(h%4) + 1) }
	case "fiscalyear":
		return func(_ uint32, h uint64) value { return intValue(int64(h%20) + 2007) }
	default:
		return g.composed(o, name)
	}
}

// composed are the generators that make a new text for every row.
func (g *world) composed(o *Object, name string) generator {
	switch name {
	case "fullname":
		first, last := o.Field("FirstName"), o.Field("LastName")
		return func(row uint32, _ uint64) value { return fullName(first.valueAt(row), last.valueAt(row)) }
	case "person":
		return func(_ uint32, h uint64) value {
			return textValue(firstNames[h%uint64(len(firstNames))] + " " + lastNames[h>>20%uint64(len(lastNames))])
		}
	case "username":
		return func(row uint32, h uint64) value { return textValue("user" + pad(uint64(row), 5) + "@example.com") }
	case "email":
		return emailGenerator()
	case "alias":
		return func(row uint32, _ uint64) value { return textValue("u" + pad(uint64(row), 6)) }
	case "devname":
		return func(row uint32, h uint64) value {
			return textValue(nouns[h%uint64(len(nouns))] + "_" + pad(uint64(row), 3))
		}
	case "autonumber":
		prefix := strings.ToUpper(o.Name[:2]) + "-"
		return func(row uint32, _ uint64) value { return textValue(prefix + pad(uint64(row)+1, 6)) }
	case "legacy":
		return func(row uint32, _ uint64) value { return textValue(pad(uint64(row)*7+1, 10)) }
	case "code":
		return func(_ uint32, h uint64) value { return textValue(pad(h%100_000, 5) + "-" + string(rune('A'+h>>20%26))) }
	case "digits4", "digits6", "digits8", "digits9":
		width := int(name[6] - '0')
		limit := uint64(powersOfTen[width])
		return func(_ uint32, h uint64) value { return textValue(pad(h%limit, width)) }
	case "year":
		return func(_ uint32, h uint64) value { return textValue(pad(1850+h%175, 4)) }
	case "fiscal":
		return func(_ uint32, h uint64) value { return textValue(pad(2007+h%20, 4) + " " + pad(1+h>>8%4, 1)) }
	case "ticker":
		return func(_ uint32, h uint64) value {
			return textValue(string([]byte{'A' + byte(h%26), 'A' + byte(h>>8%26), 'A' + byte(h>>16%26)}))
		}
	case "ip":
		return func(_ uint32, h uint64) value { return textValue("192.0.2." + pad(h%254+1, 1)) }
	case "deal":
		return func(_ uint32, h uint64) value {
			return textValue(companies()[h%uint64(len(companies()))] + " - " + pad(h>>20%2000, 1) + " " + products[h>>40%uint64(len(products))])
		}
	case "campaign":
		return func(_ uint32, h uint64) value {
			return textValue(adjectives[h%uint64(len(adjectives))] + " " + capital(lorem[h>>20%uint64(len(lorem))]) + " " + pad(2006+h>>40%20, 4))
		}
	}
	panic("objects.txt: unknown generator " + name)
}

func fullName(first, last value) value {
	if first.kind == kindNull {
		return last
	}
	return textValue(first.s + " " + last.s)
}

func emailGenerator() generator {
	ascii := strings.NewReplacer("'", "", "-", "")
	users := make([]string, 0, len(lastNames))
	for _, n := range lastNames {
		if name := ascii.Replace(strings.ToLower(n)); len(name) == len([]rune(name)) {
			users = append(users, name)
		}
	}
	return func(row uint32, h uint64) value {
		return textValue(users[h%uint64(len(users))] + "." + pad(uint64(row), 1) + "@example.com")
	}
}

func plainList(list []string) generator {
	n := uint64(len(list))
	return func(_ uint32, h uint64) value { return textValue(list[h%n]) }
}

// textGenerator serves text fields by what their name or type suggests.
func (g *world) textGenerator(f *Field) generator {
	switch {
	case f.Type == "email":
		return emailGenerator()
	case f.Type == "phone":
		return func(_ uint32, h uint64) value {
			return textValue("+" + pad(h%60+1, 1) + " (" + pad(h>>8%1000, 3) + ") 555-" + pad(h>>20%10_000, 4))
		}
	case f.Type == "url":
		return func(_ uint32, h uint64) value {
			return textValue("https://www.example.com/" + pad(h%1_000_000, 6) + "?a=1&b=%20")
		}
	case f.Type == "encryptedstring":
		return func(_ uint32, h uint64) value { return textValue("********" + pad(h%10_000, 4)) }
	case f.LongText():
		return g.longText(f)
	}
	endings := []struct {
		end  string
		list []string
	}{
		{"FirstName", firstNames},
		{"LastName", lastNames},
		{"Street", addresses()},
		{"City", cities},
		{"State", states},
		{"Country", countries},
		{"Title", titles},
		{"Department", departs},
		{"Division", departs},
	}
	for _, e := range endings {
		if strings.HasSuffix(f.Name, e.end) {
			return g.spiced(f, e.list)
		}
	}
	if strings.HasSuffix(f.Name, "PostalCode") {
		return func(_ uint32, h uint64) value { return textValue(pad(h%100_000, 5)) }
	}
	return g.spiced(f, sentences())
}

// spiced picks from a list, and in a small share of rows from the nasty texts.
func (g *world) spiced(f *Field, list []string) generator {
	fit, bad := cutAll(list, f.Length), cutAll(nastyTexts, f.Length)
	n, m, nasty := uint64(len(fit)), uint64(len(bad)), g.nasty
	return func(_ uint32, h uint64) value {
		if h%1000 < nasty {
			return textValue(bad[h>>10%m])
		}
		return textValue(fit[h>>10%n])
	}
}

// longText is prose, with a few rows that fill the field to its end.
func (g *world) longText(f *Field) generator {
	fit, bad, huge := cutAll(paragraphs(), f.Length), cutAll(nastyTexts, f.Length), cutAll(hugeTexts(), f.Length)
	if g.nul {
		bad = append(bad, "a\x00NUL\x00 inside")
	}
	n, m, k, nasty := uint64(len(fit)), uint64(len(bad)), uint64(len(huge)), g.nasty
	every := uint64(4000)
	if f.Length > 100_000 {
		every = 200
	}
	return func(_ uint32, h uint64) value {
		switch {
		case h%1000 < nasty:
			return textValue(bad[h>>10%m])
		case h>>32%every == 7 && nasty > 0:
			return textValue(huge[h>>10%k])
		default:
			return textValue(fit[h>>10%n])
		}
	}
}

// cutAll drops what a field of n characters would not store: what is empty,
// and what is too long.
func cutAll(list []string, n int) []string {
	if !slices.ContainsFunc(list, func(s string) bool { return s == "" || cut(s, n) != s }) {
		return slices.Clip(list)
	}
	out := make([]string, 0, len(list))
	for _, s := range list {
		if s = cut(s, n); s != "" {
			out = append(out, s)
		}
	}
	return out
}
