package postgres

import (
	"testing"

	"sluice/destination/postgres/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
