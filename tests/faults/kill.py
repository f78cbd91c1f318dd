#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""C3, C4: the server is killed with SIGKILL at random moments, while an encoder pushes and while settings change."""

import json
import sys
import threading

import faultlab
from faultlab import LONG, Encoder, Tap, Viewer, lab, request, wait_until


def c3_kill_during_ingest(folder):
    kills = 500 if LONG else 20
    source, segments = faultlab.prepare(folder, kills * 12 + 30)
    server = lab.Server(folder)
    inputs, urls = server.create_channel("g", "c", faultlab.ENDPOINT, segment_duration=1)
    encoder, viewer, dice = Encoder(segments, inputs[0]), Viewer(urls["cmaf"]), faultlab.dice()
    slowest = 0.0
    encoder.start()
    try:
        for _ in range(kills):
            seen = len(encoder.acked)
            wait_until(lambda: len(encoder.acked) > seen, 20, "an acknowledgement after the start")
            # A random moment: so many acknowledgements later, and somewhere between two of them.
            threading.Event().wait(dice.uniform(0.0, 0.25))
            server.kill()
            slowest = max(slowest, faultlab.restart_time(server))
            viewer.poll()
        encoder.finish()
        wait_until(lambda: faultlab.ended(viewer), 20, "the end of the output")
        print(f"# {kills} kills, {len(encoder.acked)} segments acknowledged, {viewer.listed} listed, "
              f"slowest restart {slowest:.2f} s, refused {len(encoder.refused)}")
        assert encoder.refused == [], encoder.refused[:3]
        viewer.expect_all(encoder.acked, source, folder)
        assert slowest <= 2, f"a restart took {slowest:.1f} s"
    finally:
        encoder.stop()
        server.stop()


class Configurer(threading.Thread):
    """Sets a channel's segments to ever higher numbers; notes what was acknowledged."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.tried = self.acked = 2
        self.unanswered = set()  # sent since the last answer: the server may have taken them
        self.stopping = threading.Event()
        self.refused = []

    def run(self):
        while not self.stopping.is_set():
            self.tried = 2 + (self.tried - 1) % 98
            self.unanswered.add(self.tried)
            try:
                answer = request(f"{self.server.control}/api/v1/channel-groups/g/channels/c", "PATCH",
                                 json.dumps({"segments": self.tried, "description": "d" * self.tried}),
                                 {"Authorization": f"Bearer {self.server.token}",
                                  "Content-Type": "application/merge-patch+json"})
            except (OSError, faultlab.http.client.HTTPException):
                self.stopping.wait(0.02)
                continue
            if answer.status == 200:
                self.acked = self.tried
                self.unanswered.clear()
            else:
                self.refused.append((answer.status, answer.text))


def c4_kill_during_configuration(folder):
    kills = 500 if LONG else 20
    server = lab.Server(folder)
    server.create_channel("g", "c", faultlab.ENDPOINT, segment_duration=1)
    dice = faultlab.dice()
    try:
        for _ in range(kills):
            worker = Configurer(server)
            worker.start()
            begun = worker.acked
            wait_until(lambda: worker.acked != begun or worker.refused, 10, "a change")
            threading.Event().wait(dice.uniform(0.0, 0.1))
            server.kill()
            worker.stopping.set()
            worker.join()
            server.start()
            channel = server.api("GET", "/channel-groups/g/channels/c", expect=200)
            assert worker.refused == [], worker.refused[:3]
            assert channel["segments"] in {worker.acked, *worker.unanswered}, (channel["segments"], worker.acked)
            assert channel["description"] == "d" * channel["segments"], "a change was taken by halves"
    finally:
        server.stop()


def main():
    tap = Tap()
    for name, test in (("C3 kill -9 during ingest: every acknowledged segment is there, once", c3_kill_during_ingest),
                       ("C4 kill -9 during changes: the old settings or the new", c4_kill_during_configuration)):
        with lab.temporary_folder() as folder:
            tap.run(name, test, folder)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
