"""Runs a command line of the shell, and tells what it took, as JSON.

A process of its own, and a small one: a program counts the memory of what has
started it as its own.
"""

import json
import os
import subprocess
import sys

running = subprocess.Popen(
  sys.argv[1], shell=True, stdin=subprocess.DEVNULL, stdout=sys.stderr
)
# Its own account and that of all that it has waited for.
_, status, used = os.wait4(running.pid, 0)
running.returncode = os.waitstatus_to_exitcode(status)
found = {
  'status': running.returncode,
  'seconds': used.ru_utime + used.ru_stime,
  'peak_mb': used.ru_maxrss * 1024 / 1e6,
}
print(json.dumps(found))
