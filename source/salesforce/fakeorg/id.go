package fakeorg

import "strings"

// Ids have 15 case-sensitive characters: the key prefix of the object, the
// node that made the record, the record's number. Three more hold the case of
// the first fifteen, for readers that ignore it.
const (
	idNode   = "fk0000"
	idDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	idCheck  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
)

// appendID appends the 18-character id of record n. The digits are in ASCII
// order, so ids sort as their numbers do.
func appendID(b []byte, prefix string, n uint32) []byte {
	start := len(b)
	b = append(b, prefix...)
	b = append(b, idNode...)
	b = append(b, "000000"...)
	for i := start + 14; n > 0; i-- {
		b[i] = idDigits[n%62]
		n /= 62
	}
	return appendChecksum(b, start)
}

func appendChecksum(b []byte, start int) []byte {
	for group := start; group < start+15; group += 5 {
		bits := 0
		for i := range 5 {
			if c := b[group+i]; c >= 'A' && c <= 'Z' {
				bits |= 1 << i
			}
		}
		b = append(b, idCheck[bits])
	}
	return b
}

func formatID(prefix string, n uint32) string {
	var buf [18]byte
	return string(appendID(buf[:0], prefix, n))
}

// parseID gives the prefix and the number of a record of this org, from its 15
// or 18 characters.
func parseID(id string) (prefix string, n uint32, ok bool) {
	if !wellFormedID(id) || id[3:9] != idNode {
		return "", 0, false
	}
	var sum uint64
	for _, c := range []byte(id[9:15]) {
		sum = sum*62 + uint64(strings.IndexByte(idDigits, c))
	}
	return id[:3], uint32(sum), sum < 1<<32
}

// wellFormedID is what Salesforce asks of an id before it looks for the
// record: the length, the alphabet, and the checksum when it is given.
func wellFormedID(id string) bool {
	if len(id) != 15 && len(id) != 18 {
		return false
	}
	for _, c := range []byte(id) {
		if strings.IndexByte(idDigits, c) < 0 {
			return false
		}
	}
	return len(id) == 15 || string(appendChecksum([]byte(id[:15]), 0)) == id
}
