package fakeorg_test

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"sluice/source/salesforce/fakeorg"
)

// first gives the id of a row that a query sees.
func first(t *testing.T, org *fakeorg.Org, object string) string {
	t.Helper()
	for r := range org.Rows(object) {
		return r.ID()
	}
	t.Fatalf("%s is empty", object)
	return ""
}

func value(t *testing.T, org *fakeorg.Org, object, id, field string) any {
	t.Helper()
	r, ok := org.Row(object, id)
	if !ok {
		t.Fatalf("no %s %s", object, id)
	}
	return r.Value(field)
}

// log asks the change log for the last hour.
func (a *api) log(what string) (ids []string, covered time.Time) {
	a.t.Helper()
	var answer struct {
		IDs               []string
		DeletedRecords    []struct{ ID string }
		LatestDateCovered string
	}
	now := a.org.Now().Add(time.Minute)
	q := url.Values{"start": {now.Add(-time.Hour).Format(time.RFC3339)}, "end": {now.Format(time.RFC3339)}}
	a.get(200, v60+"/sobjects/Account/"+what+"/?"+q.Encode(), &answer)
	for _, d := range answer.DeletedRecords {
		answer.IDs = append(answer.IDs, d.ID)
	}
	covered, err := time.Parse("2006-01-02T15:04:05.000-0700", answer.LatestDateCovered)
	if err != nil {
		a.t.Fatal(err)
	}
	return answer.IDs, covered
}

func TestUpdateBumpsTheStampAndTouchDoesNot(t *testing.T) {
	org := fakeorg.New(fakeorg.Config{})
	id := first(t, org, "Account")
	before := value(t, org, "Account", id, "SystemModstamp")
	org.Touch("Account", id, fakeorg.Values{"Health_Score__c": 12.5})
	if after := value(t, org, "Account", id, "SystemModstamp"); after != before {
		t.Errorf("Touch moved the stamp from %v to %v", before, after)
	}
	org.Update("Account", id, fakeorg.Values{"Name": "New"})
	if got := value(t, org, "Account", id, "SystemModstamp"); got != org.Now().Truncate(time.Second) {
		t.Errorf("stamp is %v, want now, %v", got, org.Now())
	}
	if got := value(t, org, "Account", id, "Name"); got != "New" {
		t.Errorf("name is %v", got)
	}
}

func TestDeleteTakesTheChildrenAndUndeleteBringsThemBack(t *testing.T) {
	org := fakeorg.New(fakeorg.Config{})
	account := org.Insert("Account", fakeorg.Values{"Name": "Parent"})
	contact := org.Insert("Contact", fakeorg.Values{"LastName": "Child", "AccountId": account})
	accounts, contacts := org.Count("Account"), org.Count("Contact")
	org.Delete("Account", account)
	if value(t, org, "Contact", contact, "IsDeleted") != true || org.Count("Account") != accounts-1 || org.Count("Contact") != contacts-1 {
		t.Error("the delete left the child behind")
	}
	org.Undelete("Account", account)
	if value(t, org, "Contact", contact, "IsDeleted") != false || org.Count("Contact") != contacts {
		t.Error("the undelete left the child in the bin")
	}
	org.HardDelete("Account", account)
	if _, there := org.Row("Contact", contact); there {
		t.Error("the hard delete left the child")
	}
}

func TestTheDeleteLogRemembersWhatTheBinForgot(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	id := first(t, a.org, "Account")
	a.org.Delete("Account", id)
	a.org.EmptyBin()
	if _, there := a.org.Row("Account", id); there {
		t.Error("the row is still there")
	}
	if ids, _ := a.log("deleted"); !slices.Contains(ids, id) {
		t.Errorf("the log lists %v, want %s among them", ids, id)
	}
	if a.org.CountAll("Account") != a.org.Count("Account") {
		t.Error("the bin is not empty")
	}
}

func TestMergeMovesTheChildren(t *testing.T) {
	org := fakeorg.New(fakeorg.Config{})
	winner := org.Insert("Account", fakeorg.Values{"Name": "Winner"})
	loser := org.Insert("Account", fakeorg.Values{"Name": "Loser"})
	contact := org.Insert("Contact", fakeorg.Values{"LastName": "Child", "AccountId": loser})
	org.Merge("Account", winner, loser)
	if got := value(t, org, "Account", loser, "MasterRecordId"); got != winner {
		t.Errorf("MasterRecordId is %v, want %s", got, winner)
	}
	if got := value(t, org, "Contact", contact, "AccountId"); got != winner || value(t, org, "Contact", contact, "IsDeleted") != false {
		t.Errorf("the child is at %v, want %s", got, winner)
	}
}

func TestAnOpenTransactionHoldsTheLogBack(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	begun := a.org.Now()
	tx := a.org.Begin("Account")
	a.org.Advance(time.Minute)
	tx.Insert(fakeorg.Values{"Name": "Late"})
	saved := a.org.Now().Truncate(time.Second)
	a.org.Advance(9 * time.Minute)
	before := a.org.Count("Account")
	if _, covered := a.log("updated"); covered.After(begun) {
		t.Errorf("the log claims to cover %v, the transaction began at %v", covered, begun)
	}
	tx.Commit()
	if a.org.Count("Account") != before+1 {
		t.Error("the row did not become visible")
	}
	ids, covered := a.log("updated")
	if len(ids) != 1 || !covered.After(begun) {
		t.Fatalf("log has %v up to %v", ids, covered)
	}
	if got := value(t, a.org, "Account", ids[0], "SystemModstamp"); got != saved {
		t.Errorf("stamp is %v, want the moment of the save, %v", got, saved)
	}
}

func TestArchivedRowsAreForQueryAll(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	id := first(t, a.org, "Task")
	count, all := a.org.Count("Task"), a.org.CountAll("Task")
	a.org.Archive("Task", id)
	if got := len(a.query("query", "SELECT Id FROM Task")); got != count-1 {
		t.Errorf("query sees %d, want %d", got, count-1)
	}
	if got := len(a.query("queryAll", "SELECT Id FROM Task")); got != all {
		t.Errorf("queryAll sees %d, want %d", got, all)
	}
}

func TestSchemaChangesAreSeenAtOnce(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	has := func(field string) bool {
		var d struct{ Fields []struct{ Name, Type string } }
		a.get(200, v60+"/sobjects/Account/describe", &d)
		return slices.ContainsFunc(d.Fields, func(f struct{ Name, Type string }) bool { return f.Name == field })
	}
	query := v60 + "/query?q=" + url.QueryEscape("SELECT Rating FROM Account")
	a.get(200, query, nil)
	a.org.HideField("Account", "Rating")
	if has("Rating") {
		t.Error("the hidden field is in describe")
	}
	a.wantError(400, "INVALID_FIELD", "GET", query, "")
	a.org.ShowField("Account", "Rating")
	a.get(200, query, nil)
	a.org.RenameField("Account", "Rating", "Warmth__c")
	if has("Rating") || !has("Warmth__c") {
		t.Error("the field was not renamed")
	}
	a.org.AddField("Account", "Nickname__c str:80 null=0")
	if records := a.query("query", "SELECT Nickname__c FROM Account"); records[0]["Nickname__c"] == nil {
		t.Error("the new field is empty")
	}
	a.org.ChangeFieldType("Account", "Nickname__c", "double:18.2!")
	if _, isNumber := value(t, a.org, "Account", first(t, a.org, "Account"), "Nickname__c").(float64); !isNumber {
		t.Error("the field did not change its type")
	}
	a.org.RemoveField("Account", "Nickname__c")
	if has("Nickname__c") {
		t.Error("the removed field is in describe")
	}
}

func TestDescribeIsNotSentTwice(t *testing.T) {
	a := newAPI(t, fakeorg.Config{})
	path := v60 + "/sobjects/Account/describe"
	res, _ := a.do("GET", path, "")
	since := res.Header.Get("Last-Modified")
	if res, body := a.do("GET", path, "", "If-Modified-Since", since); res.StatusCode != 304 || len(body) != 0 {
		t.Errorf("status %d with %d bytes, want 304 and none", res.StatusCode, len(body))
	}
	a.org.AddField("Account", "More__c str:10")
	if res, _ := a.do("GET", path, "", "If-Modified-Since", since); res.StatusCode != 200 {
		t.Errorf("status %d after a change, want 200", res.StatusCode)
	}
}

func TestRecalculateLeavesStamps(t *testing.T) {
	org := fakeorg.New(fakeorg.Config{})
	before := map[string][2]any{}
	for r := range org.Rows("My__Community_Group__c") {
		before[r.ID()] = [2]any{r.Value("My__Tally__c"), r.Value("SystemModstamp")}
	}
	org.Recalculate("My__Community_Group__c", "My__Tally__c")
	changed := 0
	for r := range org.Rows("My__Community_Group__c") {
		if r.Value("SystemModstamp") != before[r.ID()][1] {
			t.Errorf("%s has a new stamp", r.ID())
		}
		if r.Value("My__Tally__c") != before[r.ID()][0] {
			changed++
		}
	}
	if changed < len(before)/2 {
		t.Errorf("%d of %d values changed", changed, len(before))
	}
}
