#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""C1, C2: the file system is full, of bytes and of files, and has room again later."""

import os
import sys

import faultlab
from faultlab import Encoder, Tap, Viewer, lab, request, wait_until


def status(server):
    return server.api("GET", "/channel-groups/g/channels/c/status", expect=200)


def run_full(folder, options, fill):
    """`fill(where)` takes the room that is left and returns a function that gives it back."""
    faultlab.needs_root()
    source, segments = faultlab.prepare(folder, 60)
    data = os.path.join(folder, "data")
    with faultlab.mounted("tmpfs", "none", data, options):
        server = lab.Server(folder)
        try:
            inputs, urls = server.create_channel("g", "c", faultlab.ENDPOINT, segment_duration=1)
            encoder, viewer = Encoder(segments, inputs[0]), Viewer(urls["cmaf"])
            encoder.start()
            wait_until(lambda: len(encoder.acked) >= 8, 20, "eight segments")
            give_back = fill(data)
            wait_until(lambda: len(encoder.refused) >= 3, 30, "refusals")
            codes = {code for code, _ in encoder.refused}
            assert codes == {507}, encoder.refused[:3]
            assert "No space left" in encoder.refused[0][1] or "full" in encoder.refused[0][1], encoder.refused[0]
            acked = len(encoder.acked)
            assert viewer.poll() and viewer.listed >= acked - 3, "what was listed is not served any more"
            assert status(server)["archive"]["error"], "the status does not say that storage is full"
            assert request(f"{server.control}/readyz").status == 200, "a full disk is no failed one"
            give_back()
            wait_until(lambda: len(encoder.acked) >= acked + 8, 30, "acknowledgements after there was room")
            assert status(server)["archive"]["error"] is None
            encoder.finish()
            wait_until(lambda: faultlab.ended(viewer), 20, "the end of the output")
            print(f"# {len(encoder.acked)} acknowledged, {viewer.listed} listed, {len(encoder.refused)} refused")
            viewer.expect_all(encoder.acked, source, folder)
            server.kill()
            server.start()
            assert all(track.bytes_change() == [] for track in viewer.tracks)
            assert status(server)["archive"]["repairs"] == []
        finally:
            server.stop()


def fill_bytes(where):
    path = os.path.join(where, "filler")
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
    try:
        while True:
            os.write(descriptor, b"x" * 4096)
    except OSError:
        os.close(descriptor)
    return lambda: os.unlink(path)


def fill_files(where):
    folder = os.path.join(where, "fillers")
    os.mkdir(folder)
    names = []
    try:
        while True:
            names.append(os.path.join(folder, str(len(names))))
            os.close(os.open(names[-1], os.O_CREAT))
    except OSError:
        names.pop()

    def give_back():
        for name in names:
            os.unlink(name)
    return give_back


def without_files(folder):
    # Files are made when volumes and the journal begin, so that it restarts on a file system that has none left.
    faultlab.needs_root()
    source, segments = faultlab.prepare(folder, 60)
    data = os.path.join(folder, "data")
    with faultlab.mounted("tmpfs", "none", data, "size=64m,nr_inodes=200"):
        server = lab.Server(folder)
        try:
            inputs, urls = server.create_channel("g", "c", faultlab.ENDPOINT, segment_duration=1)
            encoder, viewer = Encoder(segments, inputs[0]), Viewer(urls["cmaf"])
            encoder.start()
            wait_until(lambda: len(encoder.acked) >= 8, 20, "eight segments")
            encoder.hold()
            server.kill()
            server.start()
            give_back = fill_files(data)
            encoder.go()
            wait_until(lambda: len(encoder.refused) >= 3, 30, "refusals")
            assert {code for code, _ in encoder.refused} == {507}, encoder.refused[:3]
            assert viewer.poll(), "what was listed is not served any more"
            acked = len(encoder.acked)
            give_back()
            wait_until(lambda: len(encoder.acked) >= acked + 8, 30, "acknowledgements after there was room")
            encoder.finish()
            wait_until(lambda: faultlab.ended(viewer), 20, "the end of the output")
            viewer.expect_all(encoder.acked, source, folder)
        finally:
            server.stop()


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        tap.run("C1 disk full: 507, live goes on, later puts succeed, nothing is lost", run_full, folder, "size=24m",
                fill_bytes)
    with lab.temporary_folder() as folder:
        tap.run("C2 no inode left: 507, live goes on, later puts succeed, nothing is lost", without_files, folder)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
