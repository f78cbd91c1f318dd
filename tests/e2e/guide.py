#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/guide.md: its shell blocks, pasted one after the other, on ports of their own."""

import os
import re
import subprocess
import sys

import lab
from lab import Tap

GUIDE = os.path.join(lab.ROOT, "docs", "guide.md")


def blocks():
    with open(GUIDE, encoding="utf-8") as file:
        return re.findall(r"```sh\n(.*?)```", file.read(), re.S)


def every_block_does_what_it_says(folder):
    script = "\n".join(blocks())
    assert script.count("./tarn ") >= 3
    for printed in ("8080", "8081"):
        assert printed in script
        script = script.replace(f"127.0.0.1:{printed}", f"127.0.0.1:{lab.free_port()}")
    script = script.replace("./tarn exec ", "").replace("./tarn server", os.path.join(lab.BUILD, "server", "tarnd"))
    script = script.replace("pipelines/", os.path.join(lab.ROOT, "pipelines") + "/")
    # what runs in the background ends with the script
    script = "set -e\ntrap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n" + script
    run = subprocess.run(["bash", "-c", script], cwd=folder, env=lab.build_environment(), capture_output=True, text=True,
                         timeout=90, check=False)
    assert run.returncode == 0, (run.stdout + run.stderr)[-3000:]
    assert len(re.findall(r"^h264$", run.stdout, re.M)) >= 2 and len(re.findall(r"^aac$", run.stdout, re.M)) >= 2, run.stdout
    assert "['live', 'live']" in run.stdout, run.stdout
    assert "CRITICAL" not in run.stderr, run.stderr


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        tap.run("every block of the guide does what it says", every_block_does_what_it_says, folder)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
