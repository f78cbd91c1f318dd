#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One of two encoders fails at a random moment in a random way, while players of all three protocols watch; several
trials at once. TARN_LONG makes 200 of them, TARN_TRIALS any number, TARN_SEED repeats them. The same in virtual time, and
by the hundred: tests/core/trials."""

import contextlib
import os
import random
import sys

import lab
from failover_lab import TARGET_DURATION, Stage, judge_switches, judge_unnoticed, make, run_together, seed_of_run
from lab import Tap

TOGETHER = 6


def random_fault(chance):
    at = round(chance.uniform(9.0, 15.0), 1)
    return chance.choice([
        f"kill@{at}", f"fin@{at}", f"length@{at}", f"hang@{at}", f"trickle@{at}:{chance.randrange(500, 6000)}",
        f"off@{at}:{chance.randrange(3, 9)}", f"flap@{at}:{chance.randrange(1, 4)}", f"drop@{at}:{chance.randrange(1, 4)}",
        f"late@{at}:{chance.randrange(3, 9)}", f"swap@{at}:1", f"twice@{at}:3"])


def judge_trial(stage, fault):
    """The first encoder is the active one, and where it ends for good, nobody but the second can go on."""
    judge_unnoticed(stage)
    stage.first_after_fault()
    if fault.split("@")[0] in ("kill", "fin", "length", "hang"):
        judge_switches(stage, 1)


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def main():
    tap = Tap()
    seed = seed_of_run()
    trials = int(os.environ.get("TARN_TRIALS") or (200 if os.environ.get("TARN_LONG") else 6))
    seen = []  # (first after the fault, longest without a segment, stall), in target durations
    lost = 0
    with lab.temporary_folder() as folder:
        programme = f"{folder}/programme"
        make(programme, 34)
        for group in range(0, trials, TOGETHER):
            numbers = range(group, min(group + TOGETHER, trials))
            room = os.path.join(folder, f"server-{group}")
            os.makedirs(room)
            server = lab.Server(room)
            try:
                stages = []
                for number in numbers:
                    chance = random.Random(seed + number)
                    fault = random_fault(chance)
                    delays = {"delay": round(chance.uniform(0, 0.1), 2)}, {"delay": round(chance.uniform(0.2, 0.4), 2)}
                    stages.append((fault, Stage(server, f"t{number}", programme, ((fault,), ()), delays, seconds=27)))
                run_together([stage for _, stage in stages])
                for number, (fault, stage) in zip(numbers, stages):
                    tap.run(f"trial {number} (TARN_SEED={seed + number} TARN_TRIALS=1): {fault}", judge_trial, stage, fault)
                    lost += sum(report["lost"] for report in stage.reports)
                    oldest = max(report["oldest"] for report in stage.reports) / TARGET_DURATION
                    stall = max(report["stall"] for report in stage.reports) / TARGET_DURATION
                    with contextlib.suppress(AssertionError):  # the trial has failed for it
                        after = stage.first_after_fault() if stage.at_end["switches"] else None
                        seen.append((after, oldest, stall))
            finally:
                server.stop()
    names = ("fault to the first segment of the other input", "longest without a segment", "stall")
    columns = [[row[i] for row in seen if row[i] is not None] for i in range(len(names))]
    text = "; ".join(f"{name} p50 {quantile(values, 0.5):.2f}, p99 {quantile(values, 0.99):.2f}"
                     for name, values in zip(names, columns))
    print(f"# {trials} trials, {len(columns[0])} switches, TARN_SEED={seed}: lost {lost}; {text}, in target durations", flush=True)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
