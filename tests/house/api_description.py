#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/api/openapi.json is clean by a linter of others, and the console's client is the one that is made of it. Prints TAP;
skipped where npm has not installed what the console is built with (./tarn test does)."""

import filecmp
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONSOLE = os.path.join(ROOT, "server", "console")
DOCUMENT = os.path.join(ROOT, "docs", "api", "openapi.json")
TYPES = os.path.join(CONSOLE, "src", "api", "schema.d.ts")
GENERATOR = os.path.join(CONSOLE, "node_modules", ".bin", "openapi-typescript")


def run(*command):
    done = subprocess.run(command, cwd=CONSOLE, capture_output=True, text=True, check=False, timeout=300)
    return None if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"ended with {done.returncode}"


def linted():
    return run("node", "lint_api.mjs", DOCUMENT)


def generated():
    with tempfile.TemporaryDirectory() as folder:
        fresh = os.path.join(folder, "schema.d.ts")
        failure = run(GENERATOR, DOCUMENT, "-o", fresh)
        if failure or filecmp.cmp(fresh, TYPES, shallow=False):
            return failure
    return "src/api/schema.d.ts is not what the description makes: cd server/console && npm run types"


def hand_written():
    """Requests to the API that go around the client."""
    found = []
    for folder, _, files in os.walk(os.path.join(CONSOLE, "src")):
        for name in files:
            path = os.path.join(folder, name)
            if os.path.relpath(path, CONSOLE) == os.path.join("src", "api", "client.ts"):
                continue
            with open(path, encoding="utf-8") as file:
                if re.search(r"[\"'`]/api/v1", file.read()):
                    found.append(f"{os.path.relpath(path, ROOT)} has a path of the API")
    return "\n".join(found) or None


def main():
    checks = [("a linter has nothing to say about the API's description", linted),
              ("the console's types are made of the API's description", generated),
              ("the console asks the API through its client only", hand_written)]
    missing = not shutil.which("node") or not os.path.exists(GENERATOR)
    all_passed = True
    print(f"1..{len(checks)}")
    for number, (name, check) in enumerate(checks, 1):
        if missing and check is not hand_written:
            print(f"ok {number} - {name} # SKIP the console's packages are not installed")
            continue
        problem = check()
        all_passed = all_passed and not problem
        print(f"{'not ok' if problem else 'ok'} {number} - {name}")
        for line in (problem or "").splitlines()[:20]:
            print(f"# {line}")
    return 0 if all_passed else 1


if __name__ == "__main__":
    sys.exit(main())
