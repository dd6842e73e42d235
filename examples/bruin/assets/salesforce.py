"""@bruin
name: raw.salesforce
type: python
secrets:
  - key: SLUICE_SOURCE_URI
  - key: SLUICE_DEST_URI
@bruin"""

import os
import subprocess
import sys

command = ["sluice", "ingest", "--source-table", "account,contact,opportunity", "--dest-schema", "raw", "--progress", "log"]
if os.environ.get("BRUIN_FULL_REFRESH") == "1":
    command.append("--full-refresh")
sys.exit(subprocess.run(command).returncode)
