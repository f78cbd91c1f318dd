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
import threading
import time
import xml.etree.ElementTree as ElementTree

# In this order: the fast ones first, so that a mistake shows early.
SUITES = ["house", "core", "judges", "elements", "pipelines", "server", "fuzz", "e2e", "faults"]
# Suites whose programs need no real time are run as one, so that the longest programs keep no processor waiting at the end
# of each suite.
QUICK = SUITES[1:7]
# Of those that do, one program runs after another, but for two lanes of programs that mostly wait. They are suites, too.
LANES = ["lane1", "lane2"]

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


def suite_of(suite, cases):
    """Meson's name of a test is "project:suite / test", with a '+' before every further suite. It is in that of a TAP's or a
    GoogleTest's cases, and the case of a program that only passes or fails."""
    found = re.search(r":(\w+)[+\w]* / ", " ".join([suite.get("name"), *(case.get("name") for case in cases[:1])]))
    return found.group(1) if found else ""


def count(report):
    """{suite: [passed, failed, skipped]} and the names of the failed with their reasons, of a JUnit file."""
    counts = {}
    broken = []
    with open(report, encoding="utf-8", errors="replace") as file:
        # Meson copies what a test printed, colours and all; XML has no place for control characters.
        text = re.sub(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]", "?", file.read())
    for suite in ElementTree.fromstring(text.encode()).iter("testsuite"):
        cases = list(suite.iter("testcase"))
        counted = counts.setdefault(suite_of(suite, cases), [0, 0, 0])
        for case in cases:
            name = f"{suite.get('name')}: {case.get('name')}"
            if case.find("failure") is not None or case.find("error") is not None:
                counted[1] += 1
                broken.append(f"{name}\n{reason_of(suite, case)}".rstrip())
            elif case.find("skipped") is not None or case.get("status") in ("skipped", "notrun"):
                counted[2] += 1
            else:
                counted[0] += 1
        if not cases and int(suite.get("errors", 0)) + int(suite.get("failures", 0)) > 0:
            counted[1] += 1
            broken.append(suite.get("name"))
    return counts, broken


class Run:
    """`meson test` over some suites, from when it is made. `only`: tests that are in this suite too."""

    def __init__(self, build, suites, environment, repeat_output, only=None, without=(), processes=1):
        self.suites, self.repeat_output = suites, repeat_output
        log = "-".join(["testlog", *suites, *([only] if only else [])])
        self.report = os.path.join(build, "meson-logs", log + ".junit.xml")
        if os.path.exists(self.report):
            os.unlink(self.report)
        command = ["meson", "test", "-C", build, "--no-rebuild", "--logbase", log, "--print-errorlogs", "--num-processes",
                   str(processes)]
        for suite in [only] if only else suites:
            command += ["--suite", suite]
        # what is in one of the suites is run: those that were not asked for are named
        for suite in [*without, *([one for one in SUITES if one not in suites] if only else [])]:
            command += ["--no-suite", suite]
        self.lines, self.seconds = [], 0.0
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        errors="replace", env=environment)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            if self.repeat_output:
                sys.stdout.write(line)
        self.seconds = time.monotonic() - self.started

    def finish(self):
        """({suite: [passed, failed, skipped]}, names of the failed, seconds)"""
        self.reader.join()
        code, text, seconds = self.process.wait(), "".join(self.lines), self.seconds
        if "No suitable tests defined." in text:
            return {}, [], seconds
        if not os.path.exists(self.report):
            sys.stdout.write(text)
            return {self.suites[0]: [0, 1, 0]}, [f"{', '.join(self.suites)}: no report was written"], seconds
        counts, broken = count(self.report)
        if code != 0 and not broken:
            broken = [f"{', '.join(self.suites)}: meson test ended with {code}"]
            counts.setdefault(self.suites[0], [0, 0, 0])[1] += 1
        if broken and not self.repeat_output:
            sys.stdout.write(text)
        return counts, broken, seconds


def rows(build, wanted, *how):
    """Lists of runs that go on at the same time, one list after the other."""
    processors = os.cpu_count() or 1
    quick = [suite for suite in QUICK if suite in wanted]
    timed = [suite for suite in ("e2e", "faults") if suite in wanted]
    if "house" in wanted:
        yield [Run(build, ["house"], *how, processes=processors)]
    if quick:
        yield [Run(build, quick, *how, processes=processors)]
    if not timed:
        return
    if processors > 1:
        yield [Run(build, timed, *how, only=lane) for lane in LANES]
    else:
        for lane in LANES:
            yield [Run(build, timed, *how, only=lane)]
    yield [Run(build, timed, *how, without=LANES)]


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
    totals, broken = {}, []
    for row in rows(options.build, options.suite or SUITES, environment, options.verbose):
        for run in row:
            counts, names, seconds = run.finish()
            broken += names
            for suite, (passed, failed, skipped) in counts.items():
                print(f"{suite:10s} {passed} passed, {failed} failed, {skipped} skipped", flush=True)
                totals[suite] = [total + more for total, more in zip(totals.get(suite, [0, 0, 0]), (passed, failed, skipped))]
            if counts:
                print(f"{'':10s} in {seconds:.0f} s", flush=True)
    for name in broken:
        print(f"FAILED {name}")
    passed, failed, skipped = (sum(column) for column in zip([0, 0, 0], *totals.values()))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
