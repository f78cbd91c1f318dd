#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""C5: the power fails at random moments: the file system is shut down without its log being flushed, the server is
killed, and what the disk has is mounted again."""

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
import sys
import threading

import faultlab
from faultlab import LONG, Encoder, Tap, Viewer, lab, wait_until

FS_IOC_SHUTDOWN, NO_LOG_FLUSH = 0x8004587D, 2


class Disk:
    """A file system of its own in a file."""

    def __init__(self, folder, kind):
        self.kind, self.where = kind, os.path.join(folder, "disk")
        self.image = os.path.join(folder, "image")
        tool = shutil.which(f"mkfs.{kind}", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if not tool:
            raise Tap.Skip(f"mkfs.{kind} is not installed")
        with open(self.image, "wb") as file:
            file.truncate(400 << 20)
        subprocess.run([tool, "-q", self.image], check=True, capture_output=True)
        os.mkdir(self.where)
        self.mount()

    def mount(self):
        run = subprocess.run(["mount", "-t", self.kind, "-o", "loop", self.image, self.where], capture_output=True,
                             text=True, check=False)
        if run.returncode != 0:
            raise Tap.Skip(f"mount: {run.stderr.strip()}")

    def fail(self):
        descriptor = os.open(self.where, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(descriptor)

    def unmount(self):
        subprocess.run(["umount", self.where], check=True, capture_output=True)

    @contextlib.contextmanager
    def used(self):
        try:
            yield self
        finally:
            subprocess.run(["umount", "-l", self.where], check=False, capture_output=True)


def orphans(where):
    return [name for folder, _, names in os.walk(where) for name in names
            if name.endswith((".new", ".tmp")) or ".new-" in name]


def c5_power_loss(folder, kind, video, rounds):
    faultlab.needs_root()
    source, segments = faultlab.prepare(folder, rounds * 30 + 30, video)
    if video == faultlab.LARGE:
        smallest = min(os.path.getsize(path) for _, path in segments[:-1])
        assert smallest > 400_000, f"a segment of {smallest} bytes goes through the page cache"
    with Disk(folder, kind).used() as disk:
        server = lab.Server(disk.where)
        inputs, urls = server.create_channel("g", "c", faultlab.ENDPOINT, segment_duration=1)
        encoder, viewer, dice = Encoder(segments, inputs[0]), Viewer(urls["cmaf"]), faultlab.dice()
        slowest = 0.0
        encoder.start()
        try:
            for _ in range(rounds):
                seen = len(encoder.acked)
                wait_until(lambda: len(encoder.acked) > seen + 2, 30, "acknowledgements after the start")
                threading.Event().wait(dice.uniform(0.0, 0.3))
                disk.fail()
                server.kill()
                disk.unmount()
                disk.mount()
                slowest = max(slowest, faultlab.restart_time(server))
                viewer.poll()
            encoder.finish()
            wait_until(lambda: faultlab.ended(viewer), 20, "the end of the output")
            assert {code for code, _ in encoder.refused} <= {500, 503}, encoder.refused[:3]
            print(f"# {kind}: {rounds} power losses, {len(encoder.acked)} acknowledged, {viewer.listed} listed, "
                  f"slowest start {slowest:.2f} s")
            viewer.expect_all(encoder.acked, source, folder)
            assert orphans(disk.where) == [], orphans(disk.where)
            assert slowest <= 2, f"a start took {slowest:.1f} s"
        finally:
            encoder.stop()
            server.stop()


def main():
    tap = Tap()
    forms = (("", faultlab.SMALL, 100 if LONG else 5), (", large segments", faultlab.LARGE, 10 if LONG else 3))
    for name, video, rounds in forms:
        for kind in ("ext4", "xfs"):
            with lab.temporary_folder() as folder:
                tap.run(f"C5 power loss on {kind}{name}: every acknowledged segment is there, once", c5_power_loss, folder,
                        kind, video, rounds)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
