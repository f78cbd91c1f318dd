#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rows A1 to A10 of the fault matrix with simulated encoders: players of all three protocols watch each of them."""

import datetime
import json
import math
import os
import sys
import time

import lab
from failover_lab import TARGET_DURATION, Stage, judge_switches, judge_unnoticed, make, run_together
from lab import Tap, request

FRAME_RATE = 25
AT = 11.5  # in the middle of the sixth segment
LONG = bool(os.environ.get("TARN_LONG"))
# As long as the matrix has it, or as short as shows the same.
OUTAGE = 600 if LONG else 14
FLAPPING = 120 if LONG else 20


DATED = {name: {"protocol": protocol, "manifest": {"programDateTimeInterval": 1}}
         for name, protocol in (("hls", "HLS"), ("cmaf", "HLS_CMAF"))} | {"dash": {"protocol": "DASH"}}


def dated(begin, parts_per_million=0.0, step=(0.0, 0.0)):
    """Dates of an encoder whose clock runs wrong from `begin` on, or is set by step[1] seconds after step[0]."""
    return lambda programme: (begin + programme * (1 + parts_per_million / 1e6)
                              + (step[1] if programme >= step[0] else 0.0))


def events_of(stage, input_id):
    """What was told of an input's states, in order."""
    events = [json.loads(line) for line in stage.server.log().splitlines() if '"input-state"' in line]
    return [event for event in events if event["channel"] == f"g-{stage.name}/c" and event["input"] == input_id]


def segment_times(stage):
    """(begin, seconds) of the programme's segments."""
    begin = 0.0
    for seconds, _ in stage.encoders[0].segments:
        yield begin, seconds
        begin += seconds


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def judge_fail_back(stage):
    judge_unnoticed(stage)
    judge_switches(stage, 1)
    assert stage.at_end["activeInput"] == "ingest2", "nobody fails back by itself"
    assert stage.at_end["inputs"][0]["state"] in ("live", "late"), stage.at_end["inputs"][0]


def judge_flapping(stage):
    judge_unnoticed(stage)
    assert len(stage.status()["switches"]) <= 1, stage.status()["switches"]
    told = events_of(stage, "ingest1")
    assert [event["state"] for event in told] in (["live"], ["live", "stalled"], ["live", "stalled", "live"]), told
    assert len(told) < 3 or int(told[2].get("untold", 0)) <= stage.seconds / 2, told


def judge_hanging(stage):
    judge_unnoticed(stage)
    judge_switches(stage, 1)
    state = stage.status()["inputs"][0]
    assert state["state"] == "stalled" and state["stateReason"], state
    hung = stage.encoders[0].hung_for
    assert hung is not None and 8 <= hung <= 12, f"the body that stopped was to be given up after 10 s: {hung}"


def judge_trickle(stage):
    judge_unnoticed(stage)
    judge_switches(stage, 1, ["late"])


def judge_cut(stage):
    judge_unnoticed(stage)
    judge_switches(stage, 1)


def judge_lengths(stage):
    """The backup's segments take three times as long: viewers wait for them, and lose nothing."""
    for report in stage.reports:
        assert report["broken"] == [], report
        assert (report["lost"], report["repeated"], report["gaps"], report["discontinuities"]) == (0, 0, 0, 0), report
        assert report["foreign"] == 0, report
        assert report["oldest"] <= 1.5 * 3 * TARGET_DURATION + 0.8, f"of the segments that come: {report}"
    judge_switches(stage, 1)


def judge_single(stage):
    """A4: the playlist stays as it was and ages; where it is wanted, manifests answer 404."""
    urls = stage.urls
    before = request(urls["cmaf"])
    assert before.status == 200, before.status
    assert request(urls["strict"]).status == 404, "3 target durations after the last segment"
    media = urls["cmaf"].rsplit("/", 1)[0] + "/" + next(
        line for line in before.text.splitlines() if line and not line.startswith("#"))
    first = request(media)
    assert first.status == 200 and "#EXT-X-ENDLIST" not in first.text
    segment = [line for line in first.text.splitlines() if line and not line.startswith("#")][-1]
    assert request(media.rsplit("/", 1)[0] + "/" + segment).status == 200
    state = stage.status()["inputs"][0]
    assert state["state"] == "stalled", state
    live, stalled = events_of(stage, "ingest1")
    assert (live["state"], stalled["state"], stalled["level"]) == ("live", "stalled", "warning"), (live, stalled)
    after = moment(stalled["time"]) - moment(state["lastSegment"]["at"])
    # a status in whole seconds and a busy machine take their part
    assert after.total_seconds() <= 1.5 * TARGET_DURATION + 1 + 2, (stalled, state)


def judge_both_down(stage):
    """A7: one outage, one discontinuity, numbers go on."""
    for report in stage.reports:
        assert report["broken"] == [] and report["repeated"] == 0 and report["gaps"] == 0, report
        assert report["discontinuities"] == 1 and report["foreign"] == 0, report
    # what both left out is what is not there, to the frame
    away = sum(seconds for begin, seconds in segment_times(stage) if begin + seconds > AT and begin < AT + OUTAGE)
    pictures = [report for report in stage.reports if report["skipped"] == round(away * FRAME_RATE)]
    sound = [report for report in stage.reports if abs(report["skipped"] - away * 48_000 / 1024) <= 2]
    assert (len(pictures), len(sound)) == (3, 2) and not any(report["replayed"] for report in stage.reports), stage.reports
    # the first segment that is sent again begins after the outage and is there when it is over
    again = stage.start + TARGET_DURATION * (math.ceil((AT + OUTAGE) / TARGET_DURATION) + 1)
    for player in stage.players:
        for watched in player.manifest.watched.values():
            at = min(at for at, _ in watched.arrivals if at > stage.start + AT + OUTAGE)
            assert at - again <= 2 * TARGET_DURATION, f"{watched.name} goes on {at - again} s after the encoders"
    timeline = stage.status()["timeline"]
    assert timeline["stretches"] == 2, timeline
    start, end = timeline["start"], timeline["end"]
    mpd = request(f"{stage.urls['dash']}?start={start}&vodend={end}")
    assert mpd.status == 200 and mpd.text.count("<Period ") == 2, mpd.text


def judge_half_a_frame(stage):
    judge_unnoticed(stage)
    judge_switches(stage, 1)


def judge_misaligned(stage, apart=0):
    """A8: beyond half a frame GOPs are never mixed: a discontinuity, and a condition before it was needed. `apart`: frames
    that the inputs are apart."""
    codes = {condition["code"] for condition in stage.status()["inputs"][1]["conditions"]}
    for report in stage.reports:
        assert report["skipped"] <= apart and report["replayed"] <= apart, f"more than the inputs are apart: {report}"
        assert report["broken"] == [] and report["repeated"] == 0 and report["gaps"] == 0, report
        assert report["discontinuities"] == 1, report
        assert report["lost"] == 0 and report["foreign"] == 0, f"{report}: no GOPs are mixed inside a run"
    assert stage.misaligned_before, f"MISALIGNED was to be said while the first input was well: {codes}"


def watch_alignment(stage):
    conditions = {condition["code"]: condition for condition in stage.status()["inputs"][1]["conditions"]}
    stage.misaligned_before = conditions.get("MISALIGNED", {}).get("reason")


def judge_late(stage):
    """A3: what comes when its slot is decided long since is ignored, and counted."""
    judge_unnoticed(stage)
    entry = stage.at_end["inputs"][0]
    assert entry["statistics"]["duplicates"] > 0, entry


def judge_anew(stage):
    """B11: the backup goes on, and the other one's new times are no business of viewers."""
    judge_unnoticed(stage)
    judge_switches(stage, 1)


def judge_clocks(stage):
    judge_cut(stage)
    off = [report["dates off"] for report in stage.reports if report["dates off"] is not None]
    # dates have milliseconds: a frame an hour is not seen in half a minute, a clock of the inputs would be
    assert len(off) == 3 and max(off) <= 0.002, f"the output's dates are no encoder's: {off}"
    for entry in stage.at_end["inputs"]:
        assert "PDT_REJECTED" not in {condition["code"] for condition in entry["conditions"]}, entry


def groups(server, folder):
    def stage(name, *faults, how=({}, {}), **more):
        return Stage(server, name, folder, (faults, ()), how, **more)

    def offset(seconds):
        return {}, {"offset": seconds}

    both = [f"off@{AT}:{OUTAGE}"]
    yield [
        ("A1 killed in the middle of a body: the connection is reset", judge_cut, stage("a1-kill", f"kill@{AT}")),
        ("A1 closed between two chunks", judge_cut, stage("a1-fin", f"fin@{AT}")),
        ("A1 closed before the promised length", judge_cut, stage("a1-length", f"length@{AT}")),
        ("A2 a body that stops with the connection open", judge_hanging, stage("a2", f"hang@{AT}")),
        ("A4 the only encoder dies: the playlist stays, or answers 404", judge_single,
         Stage(server, "a4", folder, ((f"kill@{AT}",), ()), seconds=26, encoders=1, endpoints={
             "cmaf": {"protocol": "HLS_CMAF"}, "strict": {"protocol": "HLS_CMAF", "errorOnStale": True}})),
        ("A10 the same GOPs in segments of 2 s and of 6 s", judge_lengths,
         stage("a10", f"kill@{AT}", how=({}, {"join": 3}), seconds=34)),
        ("A3 an encoder at 1 KB/s", judge_trickle, stage("a3", f"trickle@{AT}:1024")),
        ("A5 an encoder that comes back is not switched to again", judge_fail_back, stage("a5", f"off@{AT}:8", seconds=32)),
        ("A6 an encoder that flaps", judge_flapping, stage("a6", f"flap@{AT}:1", seconds=12 + FLAPPING)),
        ("A7 both die and come back: one discontinuity, two ranges", judge_both_down,
         Stage(server, "a7", folder, (both, both), seconds=22 + OUTAGE,
               endpoints={name: {"protocol": protocol, "timeShiftDays": 1}
                          for name, protocol in (("hls", "HLS"), ("cmaf", "HLS_CMAF"), ("dash", "DASH"))})),
        ("A8 half a frame apart: merged to the tick", judge_half_a_frame,
         stage("a8-half", f"kill@{AT}", how=offset(0.019))),
    ]
    began = time.time() + 0.5  # as the stage does
    yield [
        ("A9 clocks that run apart and are set: identity is by media time", judge_clocks,
         stage("a9", f"kill@{AT + 6}", endpoints=DATED,
               how=({"dates": dated(began)}, {"dates": dated(began, 200, (8.0, 5.0)), "drift": 200}))),
        ("A8 a frame apart: a discontinuity, said before", lambda stage: judge_misaligned(stage, 1),
         stage("a8-frame", f"kill@{AT + 4}", how=offset(0.04))),
        ("A8 three seconds apart: a discontinuity, said before", lambda stage: judge_misaligned(stage, 75),
         stage("a8-seconds", f"kill@{AT + 4}", how=offset(3.0))),
        ("A3 a segment that comes five seconds late is ignored and counted", judge_late, stage("a3-late", f"late@{AT}:5")),
        ("A8 times that move by a frame while it sends: a discontinuity, said before", lambda stage: judge_misaligned(stage, 1),
         Stage(server, "a8-step", folder, ((f"kill@{AT + 6}",), ("step@5:0.04",)))),
        ("B11 an encoder that begins anew with other times", judge_anew, stage("b11", f"anew@{AT}")),
    ]


def main():
    tap = Tap()
    wanted = sys.argv[1:]  # ids of stages: only their groups
    with lab.temporary_folder() as folder:
        programme = f"{folder}/programme"
        make(programme, 30 + max(OUTAGE, FLAPPING))
        server = lab.Server(folder, "--log-format", "json")
        try:
            for number, group in enumerate(groups(server, programme)):
                if wanted and not {stage.name for _, _, stage in group} & set(wanted):
                    continue
                stages = [stage for _, _, stage in group]
                # what is wrong has to be said before it matters
                misaligned = [stage for stage in stages if stage.name in ("a8-frame", "a8-seconds", "a8-step")]
                run_together(stages, lambda late=misaligned: [watch_alignment(stage) for stage in late], AT + 2)
                for name, judge, stage in group:
                    tap.run(name, judge, stage)
                assert server.process.poll() is None, f"the server ended in group {number}: {server.log()[-2000:]}"
        finally:
            server.stop()
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
