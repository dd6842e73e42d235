package salesforce

import (
	"context"
	"encoding/json"
	"errors"
)

// Query sends SOQL as it stands and calls do for each record of the answer, in
// order. A record is an object as the org wrote it, valid until do returns. All
// reads deleted and archived rows, too. The number of rows that the org told
// comes back: that of COUNT(), which has no records.
func (s *Source) Query(ctx context.Context, soql string, all bool, do func(record json.RawMessage) error) (total int64, err error) {
	const op = "query"
	path := query{all: all}.path(s.api, soql)
	for got := int64(0); ; {
		var page struct {
			TotalSize int64             `json:"totalSize"`
			Done      bool              `json:"done"`
			Next      string            `json:"nextRecordsUrl"`
			Records   []json.RawMessage `json:"records"`
		}
		if err := s.api.getJSON(ctx, op, path, &page); err != nil {
			return 0, err
		}
		for _, record := range page.Records {
			if err := do(record); err != nil {
				return 0, err
			}
		}
		got += int64(len(page.Records))
		if page.Done {
			if got > 0 && got != page.TotalSize {
				return 0, countError(op, got, page.TotalSize)
			}
			return page.TotalSize, nil
		}
		if len(page.Records) == 0 {
			return 0, errors.New("query: the org sent an empty page that is not the last")
		}
		if path, err = nextPath(page.Next); err != nil {
			return 0, err
		}
	}
}
