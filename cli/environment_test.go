package cli

import (
	"strings"
	"testing"
)

// What a job that called ingestr has in its environment is read as it is.
func TestVariablesOfIngestrAreRead(t *testing.T) {
	for _, variable := range []string{"INGESTR_DESTINATION_URI", "DESTINATION_URI", "DEST_URI", "INGESTR_DEST_URI"} {
		_, stderr, code := sluice(t, map[string]string{"SOURCE_URI": "salesforce://?access_token=x&domain=acme.my", "INGESTR_SOURCE_TABLE": "account", variable: "mysql://x"}, "ingest")
		if code != exitUsage || stderr == "" || !strings.Contains(stderr, "sluice: error: --dest-uri: unknown scheme mysql://"+"\n") {
			t.Errorf("%s is not read: exit code %d, stderr %q", variable, code, stderr)
		}
	}
}

// A variable whose name says nothing of ours is somebody else's.
func TestVariablesOfOthersAreNotRead(t *testing.T) {
	for _, variable := range []string{"DEBUG", "MASK", "PROGRESS", "JSON", "TIMEOUT", "MEMORY", "WHERE"} {
		for _, c := range leaves(programForTest(t).app().Commands, "") {
			for _, f := range c.Flags {
				for _, read := range allVariables(f.Names()[0]) {
					if read == variable {
						t.Errorf("%s --%s reads $%s", c.path, f.Names()[0], variable)
					}
				}
			}
		}
	}
}
