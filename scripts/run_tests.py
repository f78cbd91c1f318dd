#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the suites of a build folder and ends with one line: N passed, N failed, N skipped.

Every GoogleTest case and every TAP line counts as one test; a program that dies counts as a failure, whatever it
had passed before."""

import argparse
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

# In this order: the fast ones first, so that a mistake shows early.
SUITES = ["house", "core", "judges", "elements", "pipelines", "server", "fuzz", "e2e", "faults"]


REASON = 400  # characters of a failure that are said again at the end


def reason_of(suite, case):
    """The end of what a failed test said: of GoogleTest its message, of TAP the comments after its line."""
    broken = case.find("failure") if case.find("failure") is not None else case.find("error")
    text = (broken.get("message") or broken.text or "").strip()
    if not text:
        output = "\n".join(out.text or "" for out in suite.iter("system-out"))
        comments = re.search(rf"^not ok {re.escape(case.get('name'))}\n((?:#.*\n?)*)", output, re.MULTILINE)
        text = comments.group(1) if comments else ""
    return text.strip()[-REASON:]


def count(report):
    """(passed, failed, skipped, names of the failed with their reasons) of a JUnit file."""
    passed = failed = skipped = 0
    broken = []
    with open(report, encoding="utf-8", errors="replace") as file:
        # Meson copies what a test printed, colours and all; XML has no place for control characters.
        text = re.sub(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]", "?", file.read())
    for suite in ElementTree.fromstring(text.encode()).iter("testsuite"):
        cases = list(suite.iter("testcase"))
        for case in cases:
            name = f"{suite.get('name')}: {case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                broken.append(f"{name}\n{reason_of(suite, case)}".rstrip())
            elif case.find("skipped") is not None or case.get("status") in ("skipped", "notrun"):
                skipped += 1
            else:
                passed += 1
        if not cases and int(suite.get("errors", 0)) + int(suite.get("failures", 0)) > 0:
            failed += 1
            broken.append(suite.get("name"))
    return passed, failed, skipped, broken


def run_suite(build, suite, environment, repeat_output):
    log = f"testlog-{suite}"
    command = ["meson", "test", "-C", build, "--no-rebuild", "--suite", suite, "--logbase", log, "--print-errorlogs"]
    # players and encoders run in real time, faults are timed: one program after another
    command += ["--num-processes", "1" if suite in ("e2e", "faults") else str(os.cpu_count() or 1)]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if repeat_output:
            sys.stdout.write(line)
    code = process.wait()
    report = os.path.join(build, "meson-logs", log + ".junit.xml")
    if "No suitable tests defined." in "".join(lines):
        return 0, 0, 0, []
    if not os.path.exists(report):
        sys.stdout.writelines(lines)
        return 0, 1, 0, [f"{suite}: no report was written"]
    passed, failed, skipped, broken = count(report)
    if code != 0 and failed == 0:
        failed, broken = 1, [f"{suite}: meson test ended with {code}"]
    if failed and not repeat_output:
        sys.stdout.writelines(lines)
    seconds = time.monotonic() - started
    print(f"{suite:10s} {passed} passed, {failed} failed, {skipped} skipped in {seconds:.0f} s", flush=True)
    return passed, failed, skipped, broken


def main():
    parser = argparse.ArgumentParser(prog="./tarn test")
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--suite", action="append", choices=SUITES, help="only this suite; may be repeated")
    parser.add_argument("--long", action="store_true", help="the long forms of the tests that have one")
    parser.add_argument("--verbose", action="store_true", help="show the output of passing suites too")
    options = parser.parse_args()
    environment = dict(os.environ)
    if options.long:
        environment["TARN_LONG"] = "1"
    totals = [0, 0, 0]
    broken = []
    for suite in options.suite or SUITES:
        report = os.path.join(options.build, "meson-logs", f"testlog-{suite}.junit.xml")
        if os.path.exists(report):
            os.unlink(report)
        *counts, names = run_suite(options.build, suite, environment, options.verbose)
        totals = [total + more for total, more in zip(totals, counts)]
        broken += names
    for name in broken:
        print(f"FAILED {name}")
    print(f"{totals[0]} passed, {totals[1]} failed, {totals[2]} skipped")
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main())
