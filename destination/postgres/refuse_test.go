package postgres

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"sluice/destination"
	"sluice/destination/postgres/pgtest"
	"sluice/state"
)

// one is a batch of one row of an id and a value.
func one(typ arrow.DataType, value func(array.Builder)) (*arrow.Schema, arrow.RecordBatch) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "Id", Type: arrow.BinaryTypes.String}, {Name: "Value", Type: typ, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for range 300 { // the row is not the only one, nor in the first block
		b.Field(0).(*array.StringBuilder).Append("before")
		b.Field(1).AppendNull()
	}
	b.Field(0).(*array.StringBuilder).Append("001A")
	value(b.Field(1))
	return schema, b.NewRecordBatch()
}

func aText(s string) (*arrow.Schema, arrow.RecordBatch) {
	return one(arrow.BinaryTypes.String, func(b array.Builder) { b.(*array.StringBuilder).Append(s) })
}

func aFloat(f float64) (*arrow.Schema, arrow.RecordBatch) {
	return one(arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).Append(f) })
}

func anInt(n int64) (*arrow.Schema, arrow.RecordBatch) {
	return one(arrow.PrimitiveTypes.Int64, func(b array.Builder) { b.(*array.Int64Builder).Append(n) })
}

func aDay(n int32) (*arrow.Schema, arrow.RecordBatch) {
	return one(arrow.FixedWidthTypes.Date32, func(b array.Builder) { b.(*array.Date32Builder).Append(arrow.Date32(n)) })
}

func aMoment(n int64) (*arrow.Schema, arrow.RecordBatch) {
	return one(arrow.FixedWidthTypes.Timestamp_us, func(b array.Builder) { b.(*array.TimestampBuilder).Append(arrow.Timestamp(n)) })
}

func microsOf(year int, month time.Month, day int) int64 {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC).UnixMicro()
}

// TestTablesOfOtherOwners loads a value into columns that others have made: it
// arrives exactly, or is refused with a hint and with its record's Id.
func TestTablesOfOtherOwners(t *testing.T) {
	address := pgtest.Database(t)
	pgtest.Query(t, address, `CREATE SCHEMA their; CREATE EXTENSION citext SCHEMA their; CREATE DOMAIN their.short AS varchar(5) CHECK (VALUE <> 'bad');
		CREATE DOMAIN their.needed AS text NOT NULL; CREATE TYPE their.mood AS ENUM ('glad', 'sad'); CREATE DOMAIN their.year AS int CHECK (VALUE > 1900)`)
	d := dial(t, address, Options{})
	type value struct {
		schema *arrow.Schema
		batch  arrow.RecordBatch
	}
	of := func(s *arrow.Schema, b arrow.RecordBatch) value { return value{s, b} }
	for _, tt := range []struct {
		table string // the columns after id
		value value
		want  string // what the column holds; "!" and what the error says otherwise
	}{
		{"value text", of(aText("a\r\nb")), "a\r\nb"},
		{"value varchar(5)", of(aText("12345")), "12345"},
		{"value varchar(5)", of(aText("123456")), `!record 001A of Account: field Value is "123456"`},
		{"value char(5)", of(aText("abc ")), "!record 001A"},
		{"value jsonb", of(aText(`{"a":1}`)), `{"a": 1}`},
		{"value jsonb", of(aText(`{"a":`)), "!record 001A"},
		{"value text COLLATE \"C\"", of(aText("é")), "é"},
		{"value varchar(3)", of(aText("äöü")), "äöü"},
		{"value their.citext", of(aText("Ab")), "Ab"},
		{"value their.short", of(aText("12345")), "12345"},
		{"value their.short", of(aText("123456")), "!record 001A"},
		{"value their.short", of(aText("bad")), "!record 001A"},
		{"value their.needed", of(aText("x")), "!record before"},
		{"value their.mood", of(aText("sad")), "sad"},
		{"value their.mood", of(aText("so so")), "!record 001A"},
		{"value their.year", of(anInt(1900)), "!record 001A"},
		{"value json", of(aText(`{"a":  1}`)), `{"a":  1}`},
		{"value json", of(aText("{")), "!record 001A"},
		{"value uuid", of(aText("x")), "!cannot take text"},
		{"value text[]", of(aText("x")), "!cannot take text"},
		{"value boolean", of(aText("true")), "true"}, // widened
		{"value smallint", of(anInt(70000)), "70000"},
		{"value integer", of(anInt(1 << 40)), "1099511627776"},
		{"value integer", of(aFloat(0.5)), "0.5"},
		{"value real", of(aFloat(0.1)), "0.1"},
		{"value interval", of(aFloat(0.1)), "!cannot take double precision"},
		{"value money", of(aFloat(0.1)), "!cannot take double precision"},
		{"value numeric(4,1)", of(aFloat(123.4)), "123.4"},
		{"value numeric(4,1)", of(aFloat(123.45)), "!record 001A"},
		{"value numeric(4,1)", of(aFloat(12345)), "!record 001A"},
		{"value numeric", of(aFloat(0.1234567890123456)), "0.1234567890123456"},
		{"value numeric", of(anInt(math.MaxInt64)), "9223372036854775807"},
		{"value double precision", of(anInt(1<<53 + 1)), "!record 001A"},
		{"value text", of(aFloat(1e300)), "1e+300"},
		{"value timestamp", of(aMoment(1)), "1970-01-01 00:00:00.000001"},
		{"value timestamp(0)", of(aMoment(1)), "!record 001A"},
		{"value timestamptz(3)", of(aMoment(1000)), "1970-01-01 00:00:00.001+00"},
		{"value timestamptz(3)", of(aMoment(1)), "!record 001A"},
		{"value date", of(aMoment(1)), "!cannot take timestamp"},
		{"value timestamptz", of(aMoment(microsOf(1, 1, 1))), "0001-01-01 00:00:00+00"},
		{"value timestamptz", of(aMoment(microsOf(1700, 2, 28))), "1700-02-28 00:00:00+00"},
		{"value timestamptz", of(aMoment(microsOf(4001, 1, 1) - 1000)), "4000-12-31 23:59:59.999+00"},
		{"value timestamptz", of(aMoment(math.MaxInt64)), "294247-01-10 04:00:54.775807+00"},
		{"value timestamptz", of(aMoment(minMicros)), "4714-11-24 00:00:00+00 BC"},
		{"value timestamptz", of(aMoment(minMicros - 1)), "!record 001A"},
		{"value date", of(aDay(int32(microsOf(1, 1, 1) / 86_400_000_000))), "0001-01-01"},
		{"value date", of(aDay(int32(microsOf(4000, 12, 31) / 86_400_000_000))), "4000-12-31"},
		{"value date", of(aDay(maxDay)), "5874897-12-31"},
		{"value date", of(aDay(minDay)), "4714-11-24 BC"},
		{"value date", of(aDay(minDay - 1)), "!record 001A"},
		{"value date", of(aDay(math.MaxInt32)), "!record 001A"},
		{"value timestamptz", of(aMoment(math.MinInt64)), "!record 001A"},
		{"value text", of(aText("a\x00b")), "!record 001A"},
		{"value text", of(aText("caf\xe9")), "!record 001A"},
		{"value text NOT NULL", of(aText("x")), "!record before"},
		{"value text CHECK (value <> 'x')", of(aText("x")), "!violates check constraint"},
		{"value text, UNIQUE (id)", of(aText("x")), "!violates unique constraint"},
		{"value text, EXCLUDE USING btree (id WITH =)", of(aText("x")), "!violates exclusion constraint"},
		{"value text, n int NOT NULL", of(aText("x")), "!column n is NOT NULL"},
		{"value text, n int NOT NULL DEFAULT 5", of(aText("x")), "x"},
		{"value text, n int GENERATED ALWAYS AS IDENTITY", of(aText("x")), "x"},
		{"value bigint GENERATED ALWAYS AS IDENTITY", of(anInt(7)), "!generated by PostgreSQL"},
		{"value bigint GENERATED BY DEFAULT AS IDENTITY", of(anInt(7)), "!record before"},
		{`value bigint GENERATED ALWAYS AS (length(id)) STORED`, of(anInt(7)), "!generated by PostgreSQL"},
	} {
		t.Run(tt.table, func(t *testing.T) {
			pgtest.Query(t, address, "DROP TABLE IF EXISTS public.account; CREATE TABLE public.account (id text, "+tt.table+")")
			_, err := put(t.Context(), d, spec(tt.value.schema, destination.Append, "run1"), nil, tt.value.batch)
			if failure, ok := strings.CutPrefix(tt.want, "!"); ok {
				var e *destination.Error
				if !errors.As(err, &e) || !strings.Contains(err.Error(), failure) || e.Mend == "" {
					t.Errorf("%v, want %q", err, failure)
				}
				if got := pgtest.Query(t, address, "SELECT count(*) FROM public.account"); got[0] != "0" {
					t.Errorf("%s rows", got[0])
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := pgtest.Query(t, address, "SELECT value FROM public.account WHERE id = '001A'"); strings.Join(got, "") != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestNULCharactersAreRemovedOnRequest(t *testing.T) {
	address := pgtest.Database(t)
	d := dial(t, address, Options{NulStrip: true})
	schema, batch := aText("\x00a\x00b\x00")
	s := spec(schema, destination.Append, "run1")
	var warnings []string
	s.Observe = func(w string) { warnings = append(warnings, w) }
	mustPut(t, d, s, batch)
	if got := pgtest.Query(t, address, "SELECT value FROM public.account WHERE id = '001A'"); got[0] != "ab" {
		t.Errorf("%q", got)
	}
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0], "3 NUL characters") {
		t.Errorf("%q", warnings)
	}
}

// TestRelationsThatAreNotToBeWritten are refused before anything is written.
func TestRelationsThatAreNotToBeWritten(t *testing.T) {
	address := pgtest.Database(t)
	pgtest.Query(t, address, `CREATE ROLE guest LOGIN PASSWORD 'guest'`)
	t.Cleanup(func() { pgtest.Query(t, address, "DROP OWNED BY guest; DROP ROLE guest") })
	guest := pgtest.As(address, "guest", "guest")
	for _, tt := range []struct{ name, setup, address, want string }{
		{"view", "CREATE VIEW public.account AS SELECT 1 AS id", address, "is a view"},
		{"materialized view", "CREATE MATERIALIZED VIEW public.account AS SELECT 1 AS id", address, "is a materialized view"},
		{"rules", "CREATE TABLE public.account (id text, value text); CREATE RULE r AS ON INSERT TO public.account DO INSTEAD NOTHING", address, "has rules"},
		{"children", "CREATE TABLE public.account (id text, value text); CREATE TABLE public.child () INHERITS (public.account)", address, "inherit"},
		{"a view of a column to widen", "CREATE TABLE public.account (id text, value boolean); CREATE VIEW public.v AS SELECT value FROM public.account", address, "something hangs on"},
		{"a schema of another", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest", guest, "may not make tables in schema"},
		{"a table of another", "GRANT CREATE ON SCHEMA public TO guest; CREATE TABLE public.account (id text, value text)", guest, "not ours to write"},
		{"a column that only the owner may add", "GRANT CREATE ON SCHEMA public TO guest; CREATE TABLE public.account (id text); GRANT ALL ON public.account TO guest", guest, "only its owner"},
		{"a policy", `GRANT CREATE ON SCHEMA public TO guest; CREATE TABLE public.account (id text, value text); GRANT ALL ON public.account TO guest;
			ALTER TABLE public.account ENABLE ROW LEVEL SECURITY`, guest, "row-level security"},
		{"a partition that is not there", "CREATE TABLE public.account (id text, value text) PARTITION BY LIST (id)", address, "no partition"},
		{"a trigger that drops rows", `CREATE TABLE public.account (id text, value text);
			CREATE FUNCTION public.drop_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
			CREATE TRIGGER t BEFORE INSERT ON public.account FOR EACH ROW EXECUTE FUNCTION public.drop_it()`, address, "rows were sent"},
		{"a trigger that keeps old rows", `CREATE TABLE public.account (id text, value text); INSERT INTO public.account VALUES ('001A', 'old');
			CREATE FUNCTION public.keep_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
			CREATE TRIGGER t BEFORE UPDATE ON public.account FOR EACH ROW EXECUTE FUNCTION public.keep_it()`, address, "1 rows were changed, 0 arrived"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pgtest.Query(t, address, "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO guest; "+tt.setup)
			schema, batch := aText("x")
			_, err := put(t.Context(), dial(t, tt.address, Options{}), spec(schema, destination.Merge, "run1"), nil, batch)
			var e *destination.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) || e.Mend == "" {
				t.Errorf("%v, want %q", err, tt.want)
			}
			if got := pgtest.Query(t, address, "SELECT tablename FROM pg_tables WHERE tablename LIKE '\\_sluice%'"); len(got) > 0 {
				t.Errorf("%q are left", got)
			}
		})
	}
}

func TestPartitionedTables(t *testing.T) {
	address := pgtest.Database(t)
	d := dial(t, address, Options{})
	pgtest.Query(t, address, `CREATE TABLE public.account (id text NOT NULL, generation bigint, filler text) PARTITION BY HASH (id);
		CREATE TABLE public.a PARTITION OF public.account FOR VALUES WITH (MODULUS 2, REMAINDER 0);
		CREATE TABLE public.b PARTITION OF public.account FOR VALUES WITH (MODULUS 2, REMAINDER 1)`)
	mustPut(t, d, spec(generation, destination.Replace, "run1"), generationBatch(1, 0, 100))
	mustPut(t, d, spec(generation, destination.Merge, "run2"), generationBatch(2, 50, 100))
	mustPut(t, d, spec(generation, destination.Replace, "run3"), generationBatch(3, 20, 100))
	if got := pgtest.Query(t, address, "SELECT count(*), count(DISTINCT id), min(generation), min(id) FROM public.account"); got[0] != "100|100|3|000020" {
		t.Errorf("%q", got)
	}
}

// TestNoPassword tries what goes wrong with an address, and reads the errors.
func TestNoPassword(t *testing.T) {
	address := pgtest.Database(t)
	for _, tt := range []struct{ address, want, hint string }{
		{pgtest.As(address, pgtest.User, "wr0ng-hunter2"), "password authentication failed", "percent-encoded"},
		{pgtest.As(address, "nobody", "wr0ng-hunter2"), "password authentication failed", `user "nobody"`},
		{strings.Replace(address, "/t", "/none", 1), "does not exist", "CREATE DATABASE"},
		{"postgresql://u:hunter2@127.0.0.1:1/db", "no server is listening", "host and port"},
		{"postgresql://u:hunter2@host.invalid/db?connect_timeout=5", "no such host", "host"},
		{"postgresql://u:hunter2@/db?host=/none", "no server is listening", ""},
	} {
		_, err := dial(t, tt.address, Options{}).Begin(t.Context(), spec(generation, destination.Replace, "run1"))
		var e *destination.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(e.Mend, tt.hint) {
			t.Errorf("%v; %s; want %q", err, e.Hint(), tt.want)
			continue
		}
		if strings.Contains(err.Error()+e.Mend, "hunter2") || strings.Contains(err.Error()+e.Mend, pgtest.Password) {
			t.Errorf("the password is in %v", err)
		}
	}
}

// TestNames are those that PostgreSQL would cut, fold or take for words of its
// own. A second load finds the columns of the first.
func TestNames(t *testing.T) {
	address := pgtest.Database(t)
	long := strings.Repeat("Größe", 12)
	fields := []string{"Id", "select", "User", "ORDER", "ctid", "Xmin", `a"b`, "a b", "tableoid", long + "a", long + "b", long, "a'b", "\\", "é", "É"}
	for _, convention := range []destination.Convention{destination.SnakeCase, destination.Direct} {
		t.Run(string(convention), func(t *testing.T) {
			pgtest.Query(t, address, "DROP TABLE IF EXISTS public.account; DROP SCHEMA IF EXISTS _sluice CASCADE")
			list := make([]arrow.Field, len(fields))
			for i, f := range fields {
				list[i] = arrow.Field{Name: f, Type: arrow.BinaryTypes.String, Nullable: true}
			}
			schema := arrow.NewSchema(list, nil)
			for run := range 3 {
				b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
				for i, f := range fields {
					b.Field(i).(*array.StringBuilder).Append(f + string(rune('0'+run*min(i, 1))))
				}
				s := stated([]destination.Mode{destination.Replace, destination.Merge, destination.Replace}[run], "run")
				s.Schema, s.Key, s.Convention = schema, []string{"Id"}, convention
				l, err := dial(t, address, Options{}).Begin(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				defer l.Abort(t.Context())
				if err := putPart(t.Context(), l, "part", b.NewRecordBatch()); err != nil {
					t.Fatal(err)
				}
				if _, err := l.Commit(t.Context(), &state.State{}); err != nil {
					t.Fatal(err)
				}
				columns, rows := rows(t, address, account)
				if len(columns) != len(fields) || len(rows) != 1 {
					t.Fatalf("columns %q, %d rows", columns, len(rows))
				}
				for i, f := range fields {
					if want := f + string(rune('0'+run*min(i, 1))); rows[0][i] != want || len(columns[i]) > maxName || !utf8.ValidString(columns[i]) {
						t.Errorf("column %s of field %s is %q, want %q", columns[i], f, rows[0][i], want)
					}
				}
			}
		})
	}
}
