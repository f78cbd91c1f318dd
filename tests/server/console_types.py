#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The types of the web console hold, against those of the API too. Prints TAP."""

import os
import shutil
import subprocess
import sys

CONSOLE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "server", "console")
NAME = "the console's types hold"


def main():
    print("1..1")
    if not shutil.which("npm") or not os.path.isdir(os.path.join(CONSOLE, "node_modules")):
        print(f"ok 1 - {NAME} # SKIP what the console is made with is not installed: ./tarn test installs it")
        return 0
    run = subprocess.run(["npm", "run", "--silent", "check"], cwd=CONSOLE, capture_output=True, text=True, check=False)
    print(f"{'ok' if run.returncode == 0 else 'not ok'} 1 - {NAME}")
    if run.returncode != 0:
        for line in (run.stdout[-3000:] + run.stderr[-1000:]).splitlines():
            print(f"# {line}")
    return 1 if run.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
