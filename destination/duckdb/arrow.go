//go:build duckdb_arrow

package duckdb

import (
	"database/sql/driver"
	"errors"

	"github.com/apache/arrow-go/v18/arrow/array"
	engine "github.com/duckdb/duckdb-go/v2"
)

// register makes r a view of the connection's default catalog. The func it
// returns frees the stream; the view must not be read after it.
func register(conn any, r array.RecordReader, view string) (release func(), err error) {
	c, ok := conn.(driver.Conn)
	if !ok {
		return nil, errors.New("not a driver connection")
	}
	a, err := engine.NewArrowFromConn(c)
	if err != nil {
		return nil, err
	}
	return a.RegisterView(r, view)
}
