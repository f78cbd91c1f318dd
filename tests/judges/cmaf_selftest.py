#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every rule of the judge of CMAF can fail: a good track has no complaint, and for each rule there is a mutation of it that
this rule complains of."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

# pylint: disable=wrong-import-position
import cmaf_rules  # noqa: E402
import cmaf_run  # noqa: E402
import synthetic_cmaf as make  # noqa: E402
from boxes import CONTAINERS, read_boxes  # noqa: E402
from lab import Tap  # noqa: E402


def serialised(box):
    body = b"".join(map(serialised, box.children)) if box.type in CONTAINERS else box.data
    return make.box(box.type, body)


def edited(data, path, change):
    """`change` gets the body of the first box at the path and gives another one, or None to take the box out. Offsets
    stay as they were."""
    top = read_boxes(data)
    *outer, kind = path.split("/")
    boxes = top
    for name in outer:
        boxes = next(box for box in boxes if box.type == name).children
    index = next(index for index, box in enumerate(boxes) if box.type == kind)
    body = change(bytearray(boxes[index].data))
    if body is None:
        del boxes[index]
    else:
        boxes[index].data = bytes(body)
    return b"".join(map(serialised, top))


def poke(at, *values):
    def change(body):
        body[at:at + len(values)] = bytes(values)
        return body
    return change


def drop(_):
    return None


def in_header(path, change, **of):
    return lambda: (edited(make.header(**of), path, change), make.segment(**of))


def in_segment(path, change, **of):
    return lambda: (make.header(**of), edited(make.segment(**of), path, change))


def doubled_traf():
    def change(top):
        moof = next(box for box in top if box.type == "moof")
        moof.children.append(moof.children[-1])
    top = read_boxes(make.segment())
    change(top)
    return make.header(), b"".join(map(serialised, top))


def mdat_twice():
    top = read_boxes(make.segment())
    top.append(top[-1])
    return make.header(), b"".join(map(serialised, top))


def doubled_track():
    top = read_boxes(make.header())
    top[1].children.insert(1, top[1].children[1])
    return b"".join(map(serialised, top)), make.segment()


def later_fragments(change):
    """The segment with its samples changed by `change`, as lists of (bytes, duration, flags)."""
    def made():
        kept = make.samples_of
        try:
            make.samples_of = lambda kind, gop: (change(kept(kind, gop)[0]), kept(kind, gop)[1])
            return make.header(), make.segment()
        finally:
            make.samples_of = kept
    return made


def with_sets(samples):
    return [(make.u32(4) + b"\x67\x42\xc0\x0a" + samples[0][0], *samples[0][1:]), *samples[1:]]


CENC = {"scheme": "cenc"}
HEAD = 8 + 4  # of trun: version and flags, count, data offset
MUTATIONS = {
    "boxes": lambda: (make.header(), make.segment()[:-1]),
    "header-brands": in_header("ftyp", lambda body: b"iso6\0\0\0\0iso6"),
    "header-boxes": in_header("moov/mvhd", drop),
    "one-track": doubled_track,
    "trex": in_header("moov/mvex/trex", poke(7, 9)),
    "no-samples": in_header("moov/trak/mdia/minf/stbl/stts", lambda body: body[:4] + make.u32(1, 1, 1)),
    "timescale": in_header("moov/trak/mdia/mdhd", poke(12, 0, 0, 0, 0)),
    "handler": in_header("moov/trak/mdia/hdlr", poke(8, *b"soun")),
    "dimensions": in_header("moov/trak/tkhd", poke(76, 0, 0, 0, 0)),
    "tenc": in_header("moov/trak/mdia/minf/stbl/stsd", lambda body: body.replace(b"schm", b"free"), **CENC),
    "segment-brands": in_segment("styp", lambda body: b"iso6\0\0\0\0iso6"),
    "order": mdat_twice,
    "one-traf": doubled_traf,
    "track-id": in_segment("moof/traf/tfhd", poke(7, 9)),
    "base-is-moof": in_segment("moof/traf/tfhd", poke(1, 0)),
    "tfdt": in_segment("moof/traf/tfdt", poke(11, 9)),
    "sequence": in_segment("moof/mfhd", poke(7, 9)),
    "durations": in_segment("moof/traf/trun", poke(HEAD, 0, 0, 0, 0)),
    "sample-sizes": later_fragments(lambda samples: [samples[0], (b"", *samples[1][1:]), *samples[2:]]),
    "data-offset": in_segment("moof/traf/trun", poke(11, 1)),
    "mdat-whole": in_segment("mdat", lambda body: body + b"x"),
    "presentation": later_fragments(lambda samples: [(samples[0][0], 0, samples[0][2]), *samples[1:]]),
    "composition": in_segment("moof/traf/trun", poke(0, 0)),
    "begins-with-sync": in_segment("moof/traf/trun", poke(HEAD + 8, 1, 1, 0, 0)),
    "sync-flags": in_segment("moof/traf/trun", poke(HEAD + 16 + 8, 2, 0, 0, 0)),
    "nal-lengths": in_segment("mdat", poke(2, 0)),
    "in-band-sets": later_fragments(with_sets),
    "sidx": in_segment("sidx", poke(34, 1)),
    "emsg": in_segment("emsg", poke(7, 1)),
    "prft": in_segment("prft", poke(7, 9)),
    "senc": in_segment("moof/traf/senc", poke(7, 9), **CENC),
    "saiz": in_segment("moof/traf/saiz", poke(4, 9), **CENC),
    "saio": in_segment("moof/traf/saio", poke(11, 9), **CENC),
    "subsamples": in_segment("moof/traf/senc", poke(8 + 8 + 3, 9), **CENC),
    "seig": in_segment("moof/traf/sgpd", poke(4 + 4 + 4 + 4 + 4, 9), **CENC),
    "clear": lambda: (make.header(), make.segment(scheme="cenc")),
}


def complains(rule):
    header, segment = MUTATIONS[rule]()
    found = cmaf_run.check(header, [("0", segment, False)])
    assert rule in {each[0] for each in found}, f"found only {found[:5]}"


def good(kind, scheme):
    parts = [(str(gop), make.segment(kind, gop, 2, scheme), False) for gop in (0, 2, 4)]
    found = cmaf_run.check(make.header(kind, scheme), parts)
    assert found == [], found[:5]


def hole_is_found():
    parts = [("0", make.segment(first_gop=0), False), ("4", make.segment(first_gop=4), False)]
    assert {rule for rule, _ in cmaf_run.check(make.header(), parts)} == {"tfdt"}
    assert cmaf_run.check(make.header(), [parts[0], (*parts[1][:2], True)]) == [], "a gap is none"
    back = cmaf_run.check(make.header(), [parts[1], (*parts[0][:2], True)])
    assert {rule for rule, _ in back} == {"tfdt", "sequence"}, back


def main():
    tap = Tap()
    for kind in "va":
        for scheme in (None, "cenc", "cbcs"):
            tap.run(f"a {scheme or 'clear'} track of kind {kind} that is right has no complaint", good, kind, scheme)
    for rule, clause in cmaf_rules.RULES.items():
        tap.run(f"{rule} ({clause}) can fail", complains, rule)
    tap.run("a hole between segments is one unless it is announced", hole_is_found)
    tap.done()


if __name__ == "__main__":
    main()
