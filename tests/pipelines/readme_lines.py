#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every gst-launch line of pipelines/README.md, in order, in one empty directory. Prints TAP."""

import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def main():
    readme = open(os.path.join(ROOT, "pipelines", "README.md"), encoding="utf-8").read()
    lines = [line.strip() for line in readme.splitlines() if line.startswith("    gst-launch-1.0 ")]
    print(f"1..{len(lines) + 1}")
    failed = 0
    with tempfile.TemporaryDirectory() as directory:
        for number, line in enumerate(lines, 1):
            run = subprocess.run(line, shell=True, cwd=directory, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
            bad = run.returncode != 0 or "ERROR" in run.stdout or "CRITICAL" in run.stdout
            failed += bad
            print(("not " if bad else "") + f"ok {number} - {line}")
            if bad:
                print("\n".join("# " + text for text in run.stdout.splitlines()))
        programme = os.path.join(directory, "programme.ts")
        probe = subprocess.run(["ffprobe", "-v", "error", "-count_packets", "-show_entries",
                                "stream=codec_name,nb_read_packets", "-of", "csv=p=0", programme],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        good = probe.stdout.split() and probe.stdout.split()[0] == "h264,150"
        failed += not good
        print(("" if good else "not ") + f"ok {len(lines) + 1} - the programme has all 150 frames")
        if not good:
            print("# " + probe.stdout.replace("\n", "\n# "))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
