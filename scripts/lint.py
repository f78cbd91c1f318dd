#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Formatting (clang-format), static checks (clang-tidy) and the include rules; prints what is wrong and counts."""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ("plugins", "pipelines", "server", "tests")


def sources():
    for folder in FOLDERS:
        for directory, folders, files in os.walk(os.path.join(ROOT, folder)):
            folders[:] = [name for name in folders if name != "node_modules"]
            for name in files:
                if name.endswith((".h", ".cpp")):
                    yield os.path.join(directory, name)


def formatted(paths):
    bad = [path for path in paths if subprocess.run(["clang-format-14", "--dry-run", "--Werror", path],
                                                    capture_output=True, check=False).returncode]
    for path in bad:
        print(f"not formatted: {os.path.relpath(path, ROOT)}")
    return len(bad)


def compiled(build):
    """Product sources that clang can be asked about: what the compile commands name."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    paths = {os.path.normpath(os.path.join(entry["directory"], entry["file"])) for entry in commands}
    return sorted(path for path in paths
                  if os.path.relpath(path, ROOT).startswith(("plugins/", "server/", "pipelines/")))


def tidy(build, path):
    run = subprocess.run(["clang-tidy-14", "-p", build, "--quiet", "--extra-arg=-Wno-unknown-warning-option", path],
                         capture_output=True, text=True, check=False)
    lines = [line for line in run.stdout.splitlines() if "warning:" in line or "error:" in line]
    return path, run.returncode, lines or run.stderr.splitlines()[-5:]


def main():
    parser = argparse.ArgumentParser(prog="./tarn lint")
    parser.add_argument("--build", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--format-only", action="store_true")
    parser.add_argument("files", nargs="*", help="only these")
    options = parser.parse_args()
    chosen = [os.path.abspath(path) for path in options.files]
    failed = formatted(chosen or sorted(sources()))
    checked = len(chosen or list(sources()))
    if not options.format_only:
        paths = [path for path in compiled(options.build) if not chosen or path in chosen]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for path, code, lines in pool.map(lambda one: tidy(options.build, one), paths):
                checked += 1
                if code:
                    failed += 1
                    print("\n".join(lines or [f"clang-tidy failed on {path}"]), flush=True)
        rules = subprocess.run([sys.executable, os.path.join(ROOT, "tests", "house", "include_rules.py")],
                               capture_output=True, text=True, check=False)
        checked += 1
        if rules.returncode:
            failed += 1
            print(rules.stdout)
    print(f"{checked - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
