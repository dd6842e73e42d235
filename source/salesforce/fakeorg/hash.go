package fakeorg

// mix is the finaliser of splitmix64: every bit of the result depends on every
// bit of x, for a few nanoseconds.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// hashOf is the number that decides what a field holds in a row.
func hashOf(salt uint64, row uint32) uint64 {
	return mix(salt + (uint64(row)+1)*0x9e3779b97f4a7c15)
}

// saltOf turns a name into the starting point of its own series of hashes.
func saltOf(seed uint64, names ...string) uint64 {
	h := mix(seed + 0x9e3779b97f4a7c15)
	for _, name := range names {
		for i := range len(name) {
			h = (h ^ uint64(name[i])) * 0x100000001b3
		}
		h = mix(h)
	}
	return h
}
