package transform

import "strings"

func stars(v string) string { return strings.Repeat("*", len([]rune(v))) }

// partial leaves n characters at either end.
func partial(v string, n int64) string {
	r := []rune(v)
	if n >= int64(len(r)+1)/2 {
		return stars(v)
	}
	return string(r[:n]) + strings.Repeat("*", len(r)-int(2*n)) + string(r[len(r)-int(n):])
}

// firstLetter leaves the first character.
func firstLetter(v string) string {
	r := []rune(v)
	if len(r) <= 1 {
		return v
	}
	return string(r[:1]) + strings.Repeat("*", len(r)-1)
}

// maskEmail leaves the domain, and the first and the last character before the
// at sign: j******e@example.com.
func maskEmail(v string) string {
	local, domain, ok := strings.Cut(v, "@")
	if !ok {
		return partial(v, 2)
	}
	return partial(local, 1) + "@" + domain
}

// maskPhone leaves the first three digits of a number of ten or more.
func maskPhone(v string) string {
	var digits []byte
	for i := range len(v) {
		if v[i] >= '0' && v[i] <= '9' {
			digits = append(digits, v[i])
		}
	}
	if len(digits) < 10 {
		return strings.Repeat("*", len(digits))
	}
	return string(digits[:3]) + "-***-****"
}
