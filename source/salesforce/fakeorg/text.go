package fakeorg

// appendDate writes 2006-01-02 for ms since 1970, from the year 1 to 9999.
func appendDate(b []byte, ms int64) []byte {
	year, month, day := civil((ms - mod(ms, msPerDay)) / msPerDay)
	b = append(b, byte('0'+year/1000), byte('0'+year/100%10), byte('0'+year/10%10), byte('0'+year%10), '-')
	b = appendTwo(b, month)
	b = append(b, '-')
	return appendTwo(b, day)
}

// appendClock writes 15:04:05.000 for ms since midnight.
func appendClock(b []byte, ms int64) []byte {
	b = appendTwo(b, int(ms/3_600_000))
	b = append(b, ':')
	b = appendTwo(b, int(ms/60_000%60))
	b = append(b, ':')
	b = appendTwo(b, int(ms/1000%60))
	ms %= 1000
	return append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
}

// appendStamp writes a datetime with the zone as REST ("+0000") or Bulk ("Z")
// has it.
func appendStamp(b []byte, ms int64, zone string) []byte {
	b = appendDate(b, ms)
	b = append(b, 'T')
	b = appendClock(b, mod(ms, msPerDay))
	return append(b, zone...)
}

func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// civil turns days since 1970 into a date of the Gregorian calendar, by the
// usual reckoning in eras of 400 years that start in March.
func civil(days int64) (year, month, day int) {
	days += 719_468
	era := (days - mod(days, 146_097)) / 146_097
	doe := mod(days, 146_097)
	yoe := (doe - doe/1460 + doe/36_524 - doe/146_096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day = int(doy - (153*mp+2)/5 + 1)
	month = int(mp + 3)
	year = int(yoe + era*400)
	if month > 12 {
		month -= 12
		year++
	}
	return year, month, day
}
