package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/source/salesforce/fakeorg"
)

// flood is an org whose Bulk jobs have one page of results, as large as wanted.
type flood struct {
	*fakeorg.Org
	rows int
}

// textOfRow is how much text each row has.
const textOfRow = 1000

var (
	processed = regexp.MustCompile(`"numberRecordsProcessed":\d+`)
	oneJob    = regexp.MustCompile(`/jobs/query/\w+$`)
	anyResult = regexp.MustCompile(`/jobs/query/\w+/results$`)
	pageList  = regexp.MustCompile(`/jobs/query/\w+/resultPages$`)
)

func (f *flood) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Header.Del("Accept-Encoding")
	switch path := r.URL.Path; {
	case r.Method != http.MethodGet:
		f.Org.ServeHTTP(w, r)
	case oneJob.MatchString(path):
		_, _ = w.Write(processed.ReplaceAll(f.answer(r).Bytes(), fmt.Appendf(nil, `"numberRecordsProcessed":%d`, f.rows)))
	case pageList.MatchString(path):
		http.Error(w, `[{"errorCode":"NOT_FOUND","message":"none"}]`, http.StatusNotFound)
	case anyResult.MatchString(path):
		w.Header().Set("Content-Type", "text/csv")
		w.Header().Set("Sforce-NumberOfRecords", strconv.Itoa(f.rows))
		w.Header().Set("Sforce-Locator", "null")
		head, _, _ := strings.Cut(f.answer(r).String(), "\n")
		f.pour(w, head)
	default:
		f.Org.ServeHTTP(w, r)
	}
}

// answer is what the org itself would say.
func (f *flood) answer(r *http.Request) *bytes.Buffer {
	recorder := httptest.NewRecorder()
	f.Org.ServeHTTP(recorder, r)
	return recorder.Body
}

// pour writes the rows, whose texts no compression makes small.
func (f *flood) pour(w http.ResponseWriter, head string) {
	out := bufio.NewWriterSize(w, 1<<20)
	defer out.Flush()
	_, _ = out.WriteString(head + "\n")
	columns := strings.Split(strings.TrimSpace(head), ",")
	text := make([]byte, textOfRow)
	random := rand.New(rand.NewPCG(1, 2))
	for n := range f.rows {
		for i, column := range columns {
			if i > 0 {
				_ = out.WriteByte(',')
			}
			switch strings.Trim(column, `"`) {
			case "Id":
				fmt.Fprintf(out, `"001fk%010dAAA"`, n)
			case "SystemModstamp":
				_, _ = out.WriteString(`"2024-01-02T03:04:05.000Z"`)
			case "Description":
				for j := range text {
					text[j] = byte('a' + random.Uint32N(26))
				}
				_ = out.WriteByte('"')
				_, _ = out.Write(text)
				_ = out.WriteByte('"')
			default:
				_, _ = out.WriteString(`""`)
			}
		}
		if err := out.WriteByte('\n'); err != nil {
			return // the client has gone
		}
	}
}

// TestAResultThatIsLargerThanTheMemoryIsLoaded loads one result by a process
// that may take 300 MB. It is small here; FLOOD_MB=2048 makes one of 2 GB, and
// FLOOD_GROUP names a control group, with a limit, that the process enters.
func TestAResultThatIsLargerThanTheMemoryIsLoaded(t *testing.T) {
	megabytes := 64
	if n, err := strconv.Atoi(os.Getenv("FLOOD_MB")); err == nil {
		megabytes = n
	}
	f := &flood{rows: megabytes << 20 / (textOfRow + 250)}
	server := httptest.NewUnstartedServer(f)
	f.Org = fakeorg.New(fakeorg.Config{Rows: map[string]int{"Account": 1}, InstanceURL: "http://" + server.Listener.Addr().String()})
	server.Start()
	t.Cleanup(server.Close)
	bin, err := exec.LookPath("sluice")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"duckdb", "postgres"} {
		t.Run(name, func(t *testing.T) {
			e := ends[name](t)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			args := []string{
				"ingest", "--source-uri", "salesforce://?access_token=" + url.QueryEscape(f.AccessToken()) + "&domain=" + f.InstanceURL() + "&api=bulk",
				"--source-table", "account", "--fields", "Description", "--dest-uri", e.address(), "--dest-table", "t", "--memory", "300MB", "--progress", "none", "--json",
			}
			c := exec.CommandContext(ctx, bin, args...)
			if group := os.Getenv("FLOOD_GROUP"); group != "" {
				c = exec.CommandContext(ctx, "sh", append([]string{"-c", `echo $$ >"$0"/cgroup.procs && exec "$@"`, group, bin}, args...)...)
			}
			output, _ := c.CombinedOutput() // the exit code tells
			if code := c.ProcessState.ExitCode(); code != 0 {
				t.Fatalf("%s: %s", c.ProcessState, output)
			}
			if want := fmt.Sprintf(`"rows_written": %d,`, f.rows); !strings.Contains(string(output), want) {
				t.Errorf("not %s: %s", want, output)
			}
			took := c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10 // kB on Linux
			t.Logf("%d MB, %d rows: the process took %d MB", megabytes, f.rows, took)
			if took > 300 && !raced {
				t.Errorf("the process took %d MB", took)
			}
		})
	}
}
