# SPDX-License-Identifier: Apache-2.0
"""What a long archive costs, in virtual time: manifests, memory and retention at 10^4, 10^5 and 10^6 slots of 2 s."""

import json
import os
import shutil
import subprocess
import time

SLOTS = (10_000, 100_000, 1_000_000)
TURNS = 5_000  # slots that come while as many go
MONTH = 30 * 86_400 // 2  # slots


def run(options, folder, slots, turns):
    shutil.rmtree(folder, ignore_errors=True)
    program = os.path.join(options.build, "tests", "bench", "catalogue_bench")
    result = subprocess.run([program, folder, str(slots), str(turns)], capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def month(options, folder):
    """All of 30 days goes while another 30 come, in virtual time."""
    began = time.monotonic()
    row = run(options, folder, MONTH, MONTH)
    parts = ", ".join(f"{row[f'{kind}_first_us']:.0f} and {row[f'{kind}_last_us']:.0f}" for kind in ("list", "trim"))
    print(f"  30 days of {MONTH} slots turned over once, {time.monotonic() - began:.0f} s in all: "
          f"{row['loaded_mb']:.1f} MB before, {row['turned_mb']:.1f} after; list, trim µs of the first and the last tenth {parts}")
    return {f"catalogue month {name}": value for name, value in row.items() if name != "slots"}


def catalogue(options):
    print("\nA catalogue of n slots of 2 s (three rungs and audio, two endpoints, a stretch a day), one segment a slot")
    print("  slots     open ms   MB   B/slot   live µs: HLS, DASH   24 h ms: HLS, DASH, plan (new µs)   "
          "list µs (p99)   trim µs (p99)   MB turned over")
    rows = {}
    folder = os.path.join(options.out, "catalogue")
    for slots in SLOTS:
        row = run(options, folder, slots, TURNS)
        print(f"  {slots:8d} {row['open_us'] / 1e3:8.0f} {row['loaded_mb']:6.1f} {row['loaded_mb'] * 1e6 / slots:6.0f}"
              f" {row['live_hls_us']:12.1f}, {row['live_dash_us']:.1f}"
              f" {row['day_hls_us'] / 1e3:16.1f}, {row['day_dash_us'] / 1e3:.1f}, {row['plan_day_us'] / 1e3:.0f} ({row['plan_new_us']:.0f})"
              f" {row['list_us']:14.0f} ({row['list_p99_us']:.0f}) {row['trim_us']:10.0f} ({row['trim_p99_us']:.0f})"
              f" {row['turned_mb']:12.1f}")
        rows.update({f"catalogue {slots} {name}": value for name, value in row.items() if name != "slots"})
    if options.month:
        rows.update(month(options, folder))
    print("  target: a window of 24 h in 200 ms; what a request, a slot or a deletion costs does not grow with the catalogue")
    return rows
