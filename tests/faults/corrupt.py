#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""C16: bytes have changed in the catalogue, in the newest volume, in the journal. The server starts, says what it
found, and only what was damaged is lost."""

import glob
import os
import sys

import faultlab
from faultlab import Encoder, Tap, Viewer, lab, wait_until

PUSHED = 12


def flip(path, at, count=8):
    with open(path, "r+b") as file:
        file.seek(at)
        old = file.read(count)
        file.seek(at)
        file.write(bytes(byte ^ 0xA5 for byte in old))


def repairs(server):
    return server.api("GET", "/channel-groups/g/channels/c/status", expect=200)["archive"]["repairs"]


def run(folder, damage, check, goes_on=True):
    """Pushes, kills, damages, starts; then the encoder goes on to its end and `check` judges."""
    source, segments = faultlab.prepare(folder, PUSHED + 20)
    server = lab.Server(folder)
    inputs, urls = server.create_channel("g", "c", faultlab.ENDPOINT, segment_duration=1)
    encoder, viewer = Encoder(segments, inputs[0]), Viewer(urls["cmaf"])
    encoder.start()
    try:
        wait_until(lambda: len(encoder.acked) >= PUSHED and viewer.poll() and viewer.listed >= PUSHED - 2, 20, "content")
        server.kill()
        archive = glob.glob(os.path.join(server.data, "channels", "*"))[0]
        damage(archive)
        took = faultlab.restart_time(server)
        assert took <= 2, f"the start took {took:.1f} s"
        after = Viewer(urls["cmaf"])
        wait_until(after.poll, 20, "playback after the start")
        if goes_on:
            encoder.finish()
            wait_until(lambda: faultlab.ended(after), 20, "the end of the output")
        check(server, encoder, viewer, after, source, folder)
    finally:
        encoder.stop()
        server.stop()


def damage_catalogue(archive):
    path = os.path.join(archive, "catalogue.db")
    for suffix in ("-wal", "-shm"):
        if os.path.exists(path + suffix):
            os.unlink(path + suffix)
    with open(path, "r+b") as file:
        file.write(b"not a database at all" * 100)


def rebuilt(server, encoder, before, after, source, folder):
    assert len(repairs(server)) == 1 and "made anew" in repairs(server)[0], repairs(server)
    assert "archive-repaired" in server.log()
    assert glob.glob(os.path.join(server.data, "channels", "*", "catalogue.db.damaged-1"))
    last = max(before.tracks[0].segments)
    assert min(after.tracks[0].segments) > last, "a number was given twice"
    old = {uri for uri, _ in before.tracks[0].segments.values()}
    assert not old & {uri for uri, _ in after.tracks[0].segments.values()}, "a URL was given twice"
    # Who followed the old numbers is given earlier content under the next one: that begins with a discontinuity.
    after.expect_all(encoder.acked, source, folder, discontinuities=1)


def damage_volume(archive):
    path = max(glob.glob(os.path.join(archive, "chunks", "t1-*.cmfv")), key=os.path.getmtime)
    flip(path, os.path.getsize(path) // 2)


def volume_judged(server, _encoder, before, _after, _source, _folder):
    # A viewer sees at most one segment of the damaged chunk; every other answers as before.
    different = before.tracks[0].bytes_change() + before.tracks[1].bytes_change()
    gone = [uri for track in before.tracks for uri, _ in track.segments.values()
            if faultlab.request(track.base + uri).status != 200]
    assert len(set(different + gone)) <= 1, (different, gone)
    assert repairs(server) == []


def damage_journal(archive):
    path = max(glob.glob(os.path.join(archive, "journal", "*.journal")), key=os.path.getmtime)
    flip(path, os.path.getsize(path) - 3000)


def journal_judged(_server, encoder, before, after, _source, _folder):
    assert all(track.bytes_change() == [] for track in before.tracks)
    missing = len(encoder.acked) - after.listed
    assert missing <= 1 and after.tracks[0].gaps <= 1, (missing, after.tracks[0].gaps)


def main():
    tap = Tap()
    for name, damage, check in (
            ("C16 a damaged catalogue is rebuilt from the volumes, under new numbers", damage_catalogue, rebuilt),
            ("C16 flipped bytes in a volume cost at most one segment", damage_volume, volume_judged),
            ("C16 flipped bytes in the journal cost at most one segment", damage_journal, journal_judged)):
        with lab.temporary_folder() as folder:
            tap.run(name, run, folder, damage, check)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
