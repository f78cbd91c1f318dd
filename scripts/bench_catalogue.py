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


# What a catalogue a hundred times as large may cost more: noise, and a level or two of SQLite's trees.
FACTOR = 2.0
# Medians of less than that many µs are the clock's.
LEAST_US = 20
# Resident: so much a slot, and what turning over takes once, however much of it.
SLOT_BYTES, TURNED_MB = 80, 30


def not_flat(small, large):
    """What costs more than it may with the larger catalogue, in words. A window of a day is asked of both only where both
    have a day."""
    what = ["live_hls_us", "live_dash_us", "plan_new_us", "list_us", "trim_us"]
    if small["slots"] >= 86_400 // 2:
        what += ["day_hls_us", "day_dash_us", "plan_day_us"]
    grown = [f"{name}: {small[name]:.0f} with {small['slots']} slots, {large[name]:.0f} with {large['slots']}"
             for name in what if large[name] > FACTOR * max(small[name], LEAST_US)]
    a_slot = (large["loaded_mb"] - small["loaded_mb"]) * 1e6 / (large["slots"] - small["slots"])
    if a_slot > SLOT_BYTES:
        grown.append(f"memory: {a_slot:.0f} bytes a slot, {SLOT_BYTES} are allowed")
    return grown + turned_over(large)


def turned_over(row):
    grown = []
    if row["turned_mb"] > row["loaded_mb"] + TURNED_MB:
        grown.append(f"memory: {row['loaded_mb']:.0f} MB before {row['slots']} slots turned over, {row['turned_mb']:.0f} after")
    for kind in ("list", "trim"):
        first, last = row.get(f"{kind}_first_us", 0), row.get(f"{kind}_last_us", 0)
        if last > FACTOR * max(first, LEAST_US):
            grown.append(f"{kind}: {first:.0f} µs in the first tenth, {last:.0f} in the last")
    return grown


def month(options, folder):
    """All of 30 days goes while another 30 come, in virtual time."""
    began = time.monotonic()
    row = run(options, folder, MONTH, MONTH)
    parts = ", ".join(f"{row[f'{kind}_first_us']:.0f} and {row[f'{kind}_last_us']:.0f}" for kind in ("list", "trim"))
    print(f"  30 days of {MONTH} slots turned over once, {time.monotonic() - began:.0f} s in all: "
          f"{row['loaded_mb']:.1f} MB before, {row['turned_mb']:.1f} after; list, trim µs of the first and the last tenth {parts}")
    return row


def catalogue(options):
    print("\nA catalogue of n slots of 2 s (three rungs and audio, two endpoints, a stretch a day), one segment a slot")
    print("  slots     open ms   MB   B/slot   live µs: HLS, DASH   24 h ms: HLS, DASH, plan (new µs)   "
          "list µs (p99)   trim µs (p99)   MB turned over")
    rows, measured = {}, []
    folder = os.path.join(options.out, "catalogue")
    for slots in SLOTS:
        row = run(options, folder, slots, TURNS)
        measured.append(row)
        print(f"  {slots:8d} {row['open_us'] / 1e3:8.0f} {row['loaded_mb']:6.1f} {row['loaded_mb'] * 1e6 / slots:6.0f}"
              f" {row['live_hls_us']:12.1f}, {row['live_dash_us']:.1f}"
              f" {row['day_hls_us'] / 1e3:16.1f}, {row['day_dash_us'] / 1e3:.1f}, {row['plan_day_us'] / 1e3:.0f} ({row['plan_new_us']:.0f})"
              f" {row['list_us']:14.0f} ({row['list_p99_us']:.0f}) {row['trim_us']:10.0f} ({row['trim_p99_us']:.0f})"
              f" {row['turned_mb']:12.1f}")
        rows.update({f"catalogue {slots} {name}": value for name, value in row.items() if name != "slots"})
    grown = [text for row in measured[:-1] for text in not_flat(row, measured[-1])]
    if options.month:
        row = month(options, folder)
        grown += turned_over(row)
        rows.update({f"catalogue month {name}": value for name, value in row.items() if name != "slots"})
    grown += [f"{name}: {row[name] / 1e3:.0f} ms with {row['slots']} slots" for row in measured
              for name in ("day_hls_us", "day_dash_us") if row[name] > 200_000]
    print("  target: a window of 24 h in 200 ms; what a request, a slot or a deletion costs does not grow with the catalogue "
          f"(within a factor of {FACTOR:.0f}): " + ("met" if not grown else "MISSED"))
    for text in dict.fromkeys(grown):
        print(f"  {text}")
    return rows, not grown
