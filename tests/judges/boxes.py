# SPDX-License-Identifier: Apache-2.0
"""Boxes of ISO/IEC 14496-12, read from the standard alone: nothing here is shared with the writer that is judged."""

import dataclasses
import struct

CONTAINERS = {"moov", "trak", "mdia", "minf", "dinf", "stbl", "mvex", "moof", "traf", "edts", "sinf", "schi", "udta"}


class Malformed(Exception):
    pass


@dataclasses.dataclass
class Box:
    type: str
    start: int  # in the file
    data: bytes  # what follows the header
    header: int = 8
    children: list = dataclasses.field(default_factory=list)

    @property
    def end(self):
        return self.start + self.header + len(self.data)

    def all(self, kind):
        return [box for box in self.children if box.type == kind]

    def find(self, *path):
        """The first box at the path below; None when there is none."""
        box = self
        for kind in path:
            box = next(iter(box.all(kind)), None)
            if box is None:
                return None
        return box

    @property
    def version(self):
        return self.data[0]

    @property
    def flags(self):
        return int.from_bytes(self.data[1:4], "big")


def read_boxes(data, start=0):
    """The boxes that fill `data`, which begins at `start` of the file."""
    found, at = [], 0
    while at < len(data):
        if at + 8 > len(data):
            raise Malformed(f"{len(data) - at} bytes behind the last box, at {start + at}")
        size, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if size == 1:
            if at + 16 > len(data):
                raise Malformed(f"a box is cut at {start + at}")
            size, header = struct.unpack_from(">Q", data, at + 8)[0], 16
        name = kind.decode("latin-1")
        if size < header or at + size > len(data):
            raise Malformed(f"{name} at {start + at} says {size} bytes, there are {len(data) - at}")
        box = Box(name, start + at, data[at + header:at + size], header)
        if name in CONTAINERS:
            box.children = read_boxes(box.data, box.start + header)
        found.append(box)
        at += size
    return found


def fields(box, layout, at=4):
    """Big-endian fields behind version and flags."""
    if at + struct.calcsize(">" + layout) > len(box.data):
        raise Malformed(f"{box.type} at {box.start} is too short")
    return struct.unpack_from(">" + layout, box.data, at)


def brands(box):
    """(major, [compatible])"""
    names = [box.data[i:i + 4].decode("latin-1") for i in range(0, len(box.data), 4)]
    return names[0], names[2:]


def sample_entry(stsd):
    """The boxes inside the first sample entry, and its type."""
    count, = fields(stsd, "I")
    entries = read_boxes(stsd.data[8:], stsd.start + stsd.header + 8)
    if count != len(entries) or not entries:
        raise Malformed(f"stsd counts {count} entries, there are {len(entries)}")
    entry = entries[0]
    # VisualSampleEntry 12.1.3, AudioSampleEntry 12.2.3, WVTTSampleEntry of ISO/IEC 14496-30
    kind = entry.type
    video = kind in ("avc1", "avc3", "hvc1", "hev1", "encv", "av01", "vp09")
    skip = 78 if video else 8 if kind in ("wvtt", "stpp") else 28
    entry.children = read_boxes(entry.data[skip:], entry.start + entry.header + skip)
    return entry


@dataclasses.dataclass
class Sample:
    offset: int  # in the file
    size: int
    duration: int
    flags: int
    composition: int

    @property
    def is_sync(self):
        return not self.flags & 0x10000


def read_trun(trun, tfhd, trex, base):
    """Samples; `trex`: (duration, size, flags), `base`: where the moof begins."""
    flags = trun.flags
    count, = fields(trun, "I")
    at = 8
    offset = base
    if flags & 1:
        offset += fields(trun, "i", at)[0]
        at += 4
    first_flags = None
    if flags & 4:
        first_flags, = fields(trun, "I", at)
        at += 4
    duration, size, default_flags = defaults(tfhd, trex)
    samples = []
    for index in range(count):
        values = {0x100: duration, 0x200: size, 0x400: first_flags if index == 0 and first_flags is not None else default_flags,
                  0x800: 0}
        for bit in values:
            if flags & bit:
                values[bit], = fields(trun, "i" if bit == 0x800 and trun.version else "I", at)
                at += 4
        samples.append(Sample(offset, values[0x200], values[0x100], values[0x400], values[0x800]))
        offset += values[0x200]
    if at != len(trun.data):
        raise Malformed(f"trun at {trun.start} has {len(trun.data) - at} bytes too many")
    return samples


def defaults(tfhd, trex):
    """(duration, size, flags) of 8.8.7."""
    at, found = 8, list(trex)
    for bit, width in ((1, 8), (2, 4)):
        at += width if tfhd.flags & bit else 0
    for index, bit in enumerate((8, 0x10, 0x20)):
        if tfhd.flags & bit:
            found[index], = fields(tfhd, "I", at)
            at += 4
    if at != len(tfhd.data):
        raise Malformed(f"tfhd at {tfhd.start} does not add up")
    return found
