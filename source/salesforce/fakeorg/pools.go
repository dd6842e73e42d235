package fakeorg

import (
	"fmt"
	"strings"
	"sync"
)

func words(s string) []string { return strings.Fields(s) }

var (
	firstNames = words("Ada Aisha Alan Amara Andrés Anna Astrid Benoît Björn Carla Chidi Chloé Daniel Diego Elena Emeka Fatima Felix Giulia Grace Hana Hiroshi Ines Ivan Jamal Jan Jane José Jürgen Kofi Lars Leila Liam Lucía Mads Maria Mei Miguel Nadia Nia Noah Olga Omar Paula Priya Rafael Renée Rosa Samir Sara Sean Sofía Søren Tariq Tom Uma Valentina Wei Yara Yuki Zoë Ángel Željko Łucja")
	lastNames  = words("Abara Adeyemi Ahmed Andersen Baker Bauer Becker Bianchi Brown Castillo Chen Cohen Costa D'Angelo Dubois Eriksson Fischer Fernández Garcia Gupta Haddad Hansen Hassan Hernández Ito Ivanova Jansen Johnson Jones Kaya Khan Kim Kowalski Kumar Lee Lefèvre Li López Martin Meyer Miller Moreau Müller Nakamura Nguyen Novak Nowak O'Brien Okafor Olsen Park Patel Pereira Petrov Rossi Sato Schmidt Silva Singh Smith Sørensen Tanaka Taylor Van-den-Berg Walker Wang Weber Wójcik Yilmaz Zhang")
	cities     = strings.Split("Aberdeen,Amsterdam,Athens,Austin,Bangalore,Barcelona,Bergen,Berlin,Bogotá,Boston,Brno,Burlington,Cape Town,Chicago,Copenhagen,Dallas,Denver,Dublin,Düsseldorf,Frankfurt am Main,Genève,Göteborg,Helsinki,Istanbul,Kraków,Kyoto,Lagos,Lisboa,Lyon,Madrid,Malmö,Melbourne,Montréal,München,Nairobi,New York,Osaka,Oslo,Paris,Portland,Porto,Praha,Reykjavík,San Francisco,San José,Seattle,Singapore,St. John's,São Paulo,Tokyo,Toronto,Torshavn,Warszawa,Wien,Zürich,Ålesund", ",")
	states     = strings.Split("Bavaria,British Columbia,CA,Catalonia,Colorado,Hessen,IL,Île-de-France,Kansai,Karnataka,Lazio,MA,New South Wales,NY,Ontario,OR,Québec,São Paulo,Skåne,TX,WA,Western Cape", ",")
	countries  = strings.Split("Australia,Brazil,Canada,Côte d'Ivoire,Denmark,France,Germany,India,Italy,Japan,Kenya,Netherlands,Norway,Poland,Portugal,South Africa,Spain,Sweden,Switzerland,United Kingdom,United States,USA", ",")
	streets    = strings.Split("Main Street,High Street,Rue de la Paix,Hauptstraße,Calle Mayor,Kungsgatan,Market Square,Industrial Park Road,Storgata,Via Roma,Station Road,Oak Avenue,Harbour View,Königsallee,Rua Augusta", ",")
	adjectives = words("Advanced Allied Alpine Arctic Atlantic Blue Bright Central Coastal Crystal Digital Dynamic Eastern Emerald First Global Golden Grand Green Harbor Hudson Imperial Inland Iron Lakeside Maple Metro Modern National Noble Northern Oak Ocean Pacific Pioneer Polar Prime Quantum Rapid Red River Royal Silver Solar Southern Sterling Stone Summit Superior Swift Terra Trans United Universal Urban Vanguard Vertex Western")
	nouns      = words("Analytics Apparel Automation Bakeries Bearings Biotech Builders Capital Chemicals Components Consulting Controls Data Dental Design Electric Energy Engineering Farms Foods Forwarding Freight Fuels Glass Health Hotels Instruments Insurance Labs Lighting Logistics Machines Marine Materials Media Metals Mills Minerals Motors Networks Optics Packaging Paper Partners Pharma Plastics Power Press Products Robotics Security Shipping Software Steel Supply Systems Telecom Textiles Tools Trading Transport Water Works")
	endings    = strings.Split("Inc.,Ltd,GmbH,AG,S.A.,& Co.,Group,Holdings,B.V.,AB,LLC,plc", ",")
	lorem      = words("about account after agreed again annual asked back before board budget call changes client close complete confirmed contract customer date deal decision delivery demo details discussed early evaluation expects feature final follow from full green happy implementation interested into invoice issue kick-off know legal license looking made manager meeting might monthly more need new next not office open option order over owner partner phase pilot plan platform please price project proposal quarter quote ready received region renewal reply request review rollout sales schedule security sent service signed since site soon still support team terms they timeline today training until update upgrade urgent user vendor very visit waiting week will with work year yesterday")
	titles     = strings.Split("CEO,CFO,CIO,CTO,VP Sales,\"Head\" of Purchasing,Director, Operations,Buyer,Account Manager,Engineer,Office Manager,Procurement Lead,Assistant,President,Analyst,Facilities Manager", ",")
	subjects   = strings.Split("Call,Email,Send Letter,Send Quote,Other,Follow up,Demo,Meeting,Email: Re: your request,Contract review", ",")
	departs    = strings.Split("Finance,Sales,Marketing,IT,Research & Development,Human Resources,Legal,Operations,Purchasing,Support", ",")
	products   = strings.Split("Generator,Gasket,Installation: Industrial - Low,Hinge 4\" left,Portable Heater,Service Plan,Support (24x7),Licence \"Pro\",Training Day,Pump,Valve 3/4\",Sensor,Mount", ",")
	roles      = strings.Split("CEO,COO,CFO,SVP Sales,VP Marketing,Channel Sales Team,Customer Support International,Customer Support North America,Director Direct Sales,Eastern Sales Team,Installation & Repair Services,Marketing Team,SVP Human Resources,Western Sales Team", ",")
	browsers   = strings.Split("Chrome 124,Firefox 125,Safari 17,Unknown,Jakarta HTTP,Go", ",")
	statuses   = strings.Split("Success,Success,Success,Success,Invalid Password,Password Lockout,User Locked Out", ",")
)

// Composed texts are made once for all orgs, so that rendering a row hardly
// allocates.
var (
	companies = sync.OnceValue(func() []string {
		return compose(16384, 11, func(pick func([]string) string) string {
			return pick(adjectives) + " " + pick(nouns) + " " + pick(endings)
		})
	})
	addresses = sync.OnceValue(func() []string {
		n := 0
		return compose(4096, 12, func(pick func([]string) string) string {
			n++
			line := fmt.Sprintf("%d %s", 1+n*37%900, pick(streets))
			switch n % 5 {
			case 0:
				return line + "\r\nFloor " + fmt.Sprint(n%30)
			case 1:
				return line + "\nBuilding " + string(rune('A'+n%26)) + ", c/o " + pick(lastNames)
			default:
				return line
			}
		})
	})
	sentences  = sync.OnceValue(func() []string { return prose(2048, 13, 3, 10) })
	paragraphs = sync.OnceValue(func() []string { return prose(2048, 14, 10, 90) })
)

// compose makes n texts with make, which picks words by a series of hashes.
func compose(n int, seed uint64, make func(pick func([]string) string) string) []string {
	state := seed
	pick := func(list []string) string {
		state++
		return list[mix(state*0x9e3779b97f4a7c15)%uint64(len(list))]
	}
	out := []string{}
	for range n {
		out = append(out, make(pick))
	}
	return out
}

// prose makes n texts of shortest to longest words, some with quotes and line
// ends as people type them.
func prose(n int, seed uint64, shortest, longest int) []string {
	i := uint64(0)
	return compose(n, seed, func(pick func([]string) string) string {
		i++
		count := shortest + int(mix(seed<<32+i)%uint64(longest-shortest+1))
		var b strings.Builder
		for k := range count {
			switch {
			case k == 0:
				b.WriteString(capital(pick(lorem)))
				continue
			case k%23 == 22:
				b.WriteString(".\r\n")
				b.WriteString(capital(pick(lorem)))
				continue
			case k%17 == 16:
				b.WriteString(" \"" + pick(lorem) + "\",")
				continue
			}
			b.WriteString(" " + pick(lorem))
		}
		return b.String() + "."
	})
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
