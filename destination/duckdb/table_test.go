package duckdb

import (
	"database/sql"
	"reflect"
	"strings"
	"testing"

	"sluice/destination"
)

// The quick way to read columns tells what the catalog's own list does, of names
// of every sort; of a table that is not there both tell nothing.
func TestColumnsAreThoseOfTheCatalogWhateverTheNames(t *testing.T) {
	for _, name := range []destination.TableName{
		{Schema: "public", Table: "account"},
		{Schema: "Pub.lic", Table: "it's an account"},
		{Schema: "public", Table: `a "quoted" one`},
		{Schema: `s"`, Table: "Ünïcode.Table"},
	} {
		d := open(t, t.TempDir()+"/crm.db")
		t.Cleanup(func() { _ = d.Close() })
		execute(t, d, createSchema("crm", name.Schema))
		for _, table := range []string{qualify("crm", name), qualify("crm", destination.TableName{Schema: name.Schema, Table: "another"})} {
			execute(t, d, "CREATE TABLE "+table+` (id VARCHAR PRIMARY KEY, "a ""b""" INTEGER NOT NULL DEFAULT 5, g INTEGER GENERATED ALWAYS AS (1) VIRTUAL,
				d DECIMAL(18,3) UNIQUE, s STRUCT(a INTEGER, b VARCHAR[]), e ENUM('x', 'y'), t TIMESTAMPTZ CHECK (t > '2000-01-01'), n DATE DEFAULT NULL)`)
		}
		err := d.file.look(t.Context(), func(db *sql.DB) error {
			quick, err := columns(t.Context(), db, "crm", name)
			if err != nil {
				return err
			}
			slow, err := readColumns(t.Context(), db, selectColumnsSlowly, []any{"crm", name.Schema, name.Table})
			if len(slow) != 8 || !reflect.DeepEqual(quick, slow) {
				t.Errorf("%s: %+v\nwant %+v", name, quick, slow)
			}
			for _, absent := range []destination.TableName{{Schema: name.Schema, Table: "none"}, {Schema: "none", Table: name.Table}} {
				found, err := columns(t.Context(), db, "crm", absent)
				if found != nil || err != nil {
					t.Errorf("%s: %v, %v", absent, found, err)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A view is told as one before a row is read, also when what it shows is gone.
func TestAViewWhoseTableIsGoneIsAView(t *testing.T) {
	for name, spoil := range map[string]string{"whole": "SELECT 1", "table gone": "DROP TABLE public.base", "column gone": "ALTER TABLE public.base DROP COLUMN a"} {
		d := open(t, t.TempDir()+"/crm.db")
		t.Cleanup(func() { _ = d.Close() })
		for _, s := range []string{"CREATE SCHEMA IF NOT EXISTS public", "CREATE TABLE public.base (a INTEGER, b INTEGER)", "CREATE VIEW public.account AS SELECT a FROM public.base", spoil} {
			execute(t, d, "USE crm; "+s)
		}
		_, err := d.Begin(t.Context(), spec(account, wideBatch(3, 1).Schema(), destination.Replace))
		if err == nil || !strings.Contains(err.Error(), "public.account is a view") {
			t.Errorf("%s: begin: %v", name, err)
		}
		_, err = d.Look(t.Context(), account, []string{"a"}, nil)
		if name != "whole" && (err == nil || !strings.Contains(err.Error(), "what the view shows is gone")) || name == "whole" && err != nil {
			t.Errorf("%s: look: %v", name, err)
		}
	}
}
