#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds every fuzz target with clang's libFuzzer, ASan and UBSan and runs each for a bounded time. What clang warns of,
that g++ does not, is no reason not to look for what crashes."""

import argparse
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def build(folder, targets):
    """All of them where none is named."""
    environment = dict(os.environ, CC="clang-14", CXX="clang++-14")
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        subprocess.run(["meson", "setup", folder, ROOT, "-Dfuzz=true", "-Db_sanitize=address,undefined",
                        "-Db_lundef=false", "-Dbuildtype=debugoptimized", "-Dwerror=false"], env=environment, check=True,
                       stdout=subprocess.DEVNULL)
    programs = [f"tests/fuzz/{target}_fuzzer" for target in targets or []] or ["fuzzers"]
    subprocess.run(["ninja", "-C", folder, *programs], check=True, stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser(prog="./tarn fuzz")
    parser.add_argument("seconds", type=int, nargs="?", default=30, help="for each target")
    parser.add_argument("--target", action="append", help="only this one; may be repeated")
    options = parser.parse_args()
    folder = os.path.join(ROOT, "build-fuzz")
    build(folder, options.target)
    programs = os.path.join(folder, "tests", "fuzz")
    targets = options.target or sorted(name[:-len("_fuzzer")] for name in os.listdir(programs)
                                       if name.endswith("_fuzzer"))
    failed = []
    for target in targets:
        corpus = os.path.join(folder, "corpus", target)
        kept = os.path.join(ROOT, "tests", "fuzz", "corpus", target)
        os.makedirs(corpus, exist_ok=True)
        command = [os.path.join(programs, target + "_fuzzer"), corpus] + ([kept] if os.path.isdir(kept) else [])
        command += [f"-max_total_time={options.seconds}", "-timeout=5", "-malloc_limit_mb=256", "-rss_limit_mb=1024",
                    "-print_final_stats=1", f"-artifact_prefix={folder}/crash-{target}-"]
        print(f"{target}: {options.seconds} s", flush=True)
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        stats = [line for line in run.stderr.splitlines() if "number_of_executed_units" in line]
        print("  " + (stats[0] if stats else "no statistics"))
        if run.returncode != 0:
            failed.append(target)
            print(run.stderr[-4000:])
    print(f"{len(targets) - len(failed)} passed, {len(failed)} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
