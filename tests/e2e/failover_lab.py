# SPDX-License-Identifier: Apache-2.0
"""A channel with two simulated encoders and simulated players of all three protocols, and what is asked of them."""

import concurrent.futures
import functools
import os
import random
import sys
import time

import lab
from lab import request, wait_until

sys.path.insert(0, os.path.join(lab.ROOT, "scripts"))

# pylint: disable=wrong-import-position
from encsim import EncoderSimulator, Fault, make  # noqa: E402,F401
from playsim import PlayerSimulator, frames_of  # noqa: E402

TARGET_DURATION = 2
ENDPOINTS = {"hls": {"protocol": "HLS"}, "cmaf": {"protocol": "HLS_CMAF"}, "dash": {"protocol": "DASH"}}


@functools.lru_cache(1)
def source_of(folder):
    """Digests of the frames that both encoders send; None where real encoders make them as they run."""
    path = os.path.join(folder, "source.mp4")
    return frames_of(path) if os.path.exists(path) else None


class Stage:
    """One channel of a server, watched from when it has content until it is judged."""

    def __init__(self, server, name, folder, faults=((), ()), how=({}, {}), seconds=30, endpoints=None,
                 encoders=2):
        self.server, self.name, self.folder, self.seconds = server, name, folder, seconds
        fields = {key: {**value, "segmentDuration": TARGET_DURATION} for key, value in (endpoints or ENDPOINTS).items()}
        self.inputs, self.urls = server.create_channel(f"g-{name}", "c", fields, TARGET_DURATION)
        start = time.monotonic() + 0.5
        self.encoders = [
            EncoderSimulator(folder, entry["url"], entry["username"], entry["password"], start, list(faults[i]),
                             **{"delay": 0.15 * i, **how[i]})
            for i, entry in enumerate(self.inputs[:encoders])]
        self.start = start
        self.players = []
        self.reports = self.at_end = None

    def begin(self):
        for encoder in self.encoders:
            encoder.start()

    def watch(self):
        wait_until(lambda: all(request(url).status == 200 for url in self.urls.values()), 30, f"content of {self.name}")
        self.players = [PlayerSimulator(url, 0.4, self.folder and source_of(self.folder)) for url in self.urls.values()]
        for player in self.players:
            player.start()

    def halt(self):
        """Ends it when `seconds` of the programme have passed."""
        time.sleep(max(0.0, self.start + self.seconds - time.monotonic()))
        for player in self.players:
            player.halt()
        self.at_end = self.at_end or self.status()  # while the encoders are there

    def finish(self):
        """Ends it and looks at what was seen."""
        self.halt()
        self.reports = [report for player in self.players for report in player.stop()]
        for encoder in self.encoders:
            encoder.stop()
        return self.reports

    def status(self):
        return self.server.api("GET", f"/channel-groups/g-{self.name}/channels/c/status", expect=200)

    def first_after_fault(self):
        """Target durations from the moment at which the first encoder failed to the next new segment of the slowest
        track."""
        failed = self.encoders[0].failed_at
        assert failed is not None, f"the fault of {self.name} was never felt"
        times = [min((at for at, _ in watched.arrivals if at > failed), default=float("inf"))
                 for player in self.players for watched in player.manifest.watched.values()]
        return (max(times) - failed) / TARGET_DURATION


def run_together(stages, look=None, look_at=0.0):
    """All at once: what costs is waiting. `look` is called when so many seconds of the programme have passed."""
    for stage in stages:
        stage.begin()
    for stage in stages:
        stage.watch()
    if look:
        time.sleep(max(0.0, max(stage.start for stage in stages) + look_at - time.monotonic()))
        look()
    in_turn = sorted(stages, key=lambda stage: stage.start + stage.seconds)
    for stage in in_turn:
        stage.halt()
    # reports are the work of programs of their own: one on each processor
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(Stage.finish, in_turn))


def judge_unnoticed(stage, oldest=1.5):
    """Nobody who watches notices anything."""
    tracks = [report["name"] for report in stage.reports]
    assert len(tracks) == 5, f"TS with audio, and video and audio of CMAF and DASH: {tracks}"
    for report in stage.reports:
        about = f"{stage.name} {report}"
        assert report["broken"] == [], about
        assert (report["lost"], report["repeated"], report["gaps"], report["discontinuities"]) == (0, 0, 0, 0), about
        assert report["foreign"] == 0, f"frames that do not follow in the programme: {about}"
        assert report["stall"] == 0, about
        # what a poll of 0.4 s and a busy machine add is not the server's
        assert report["oldest"] <= oldest * TARGET_DURATION + 0.8, about
        assert report["segments"] >= (stage.seconds - 12) / TARGET_DURATION, about
        assert report["frames"] >= report["segments"] * TARGET_DURATION * 20, f"of 25 and more a second: {about}"


def judge_switches(stage, count, reasons=None):
    status = stage.at_end
    assert len(status["switches"]) == count, status["switches"]
    for switch in status["switches"]:
        assert switch["reason"], switch
    if reasons:
        assert any(reason in switch["reason"] for switch in status["switches"] for reason in reasons), status["switches"]


def seed_of_run():
    """The same in every short run, another one in every long run, which can be had again: TARN_SEED."""
    drawn = random.SystemRandom().randrange(1_000_000) if os.environ.get("TARN_LONG") else 108_753
    seed = int(os.environ.get("TARN_SEED") or drawn)
    print(f"# TARN_SEED={seed}", flush=True)
    return seed
