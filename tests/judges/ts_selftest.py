#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every rule of the judge of transport streams can fail: a good segment has no complaint, and for each rule there is a
mutation of it that this rule complains of."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

# pylint: disable=wrong-import-position
import synthetic as make  # noqa: E402
import ts_run  # noqa: E402
import ts_rules  # noqa: E402
from lab import Tap  # noqa: E402
from ts_packets import PACKET, crc32, read_packet  # noqa: E402

GOOD = make.segment(0)
START = (1 << 33) - 20 * make.FRAME  # the times wrap inside the first segment


def packets_of(data):
    return [bytearray(data[at:at + PACKET]) for at in range(0, len(data), PACKET)]


def find(packets, pid, number=0, unit_start=None, pcr=None):
    """The index of one of the packets with this PID."""
    found = []
    for index in range(len(packets)):
        packet = read_packet(b"".join(packets), index)
        if packet.pid == pid and unit_start in (None, packet.unit_start) and pcr in (None, packet.pcr is not None):
            found.append(index)
    return found[number]


def edited(pid, change, **which):
    """`change` gets the packet that `which` finds and the place where its payload begins."""
    packets = packets_of(GOOD)
    packet = packets[find(packets, pid, **which)]
    change(packet, 4 + (1 + packet[4] if packet[3] & 0x20 else 0))
    return b"".join(packets)


def setting(at, value, from_payload=False):
    def change(packet, payload):
        packet[at + (payload if from_payload else 0)] = value
    return change


def table(pid, change, number=None):
    """`change` gets a section without its CRC and gives it back; in all packets of the PID, or in one."""
    packets = packets_of(GOOD)
    indices = [index for index, packet in enumerate(packets) if (packet[1] & 0x1F) << 8 | packet[2] == pid]
    for index in indices if number is None else [indices[number]]:
        head, body = packets[index][:5], packets[index][5:]
        content = bytearray(body[:3 + (body[1] << 8 & 0xF00 | body[2]) - 4])
        content = bytes(change(content))
        packets[index] = bytearray(head + (content + crc32(content).to_bytes(4, "big")).ljust(183, b"\xff"))
    return b"".join(packets)


def poke(at, value):
    def change(content):
        content[at] = value
        return content
    return change


def stream_types(first, second):
    def change(content):
        content[12], content[17] = first, second
        return content
    return change


def with_language(content):
    """The audio has a language in capitals."""
    content[-1] = 6
    content += b"\x0a\x04ENG\0"
    content[2] += 6
    return content


def without(pid, number=0):
    packets = packets_of(GOOD)
    del packets[find(packets, pid, number)]
    return b"".join(packets)


def moved(pid, to, number=0):
    packets = packets_of(GOOD)
    packets.insert(to, packets.pop(find(packets, pid, number)))
    return b"".join(packets)


def audio_first():
    packets = packets_of(GOOD)
    audio = packets.pop(find(packets, make.AUDIO_PID))
    return b"".join([packets[0], audio, *packets[1:]])


def made(**replaced):
    """The segment, by a generator of which some functions are replaced."""
    kept = {name: getattr(make, name) for name in replaced}
    try:
        for name, function in replaced.items():
            setattr(make, name, function)
        return make.segment(0)
    finally:
        for name, function in kept.items():
            setattr(make, name, function)


def access_units(change):
    """`change` gets an access unit and its number."""
    kept = make.access_unit
    return made(access_unit=lambda index: change(kept(index), index))


def pes_packets(change):
    kept = make.pes
    return made(pes=lambda stream_id, pts, data: change(kept, stream_id, pts, data))


def odd_time(number, by):
    """One picture's time is off."""
    return pes_packets(lambda kept, sid, pts, data: kept(sid, pts + (by if sid == 0xE0 and pts == number * make.FRAME else 0),
                                                         data))


def clocks(change):
    kept = make.clock
    return made(clock=lambda time: kept(change(time)))


def null_counter(pid, number):
    return edited(pid, lambda packet, _: packet.__setitem__(3, packet[3] ^ 1), number=number)


V, A, M = make.VIDEO_PID, make.AUDIO_PID, make.PMT_PID
DELIMITER = 6  # bytes of it, with its start code
MUTATIONS = {
    "packets": lambda: GOOD[:-1],
    "sync-byte": lambda: edited(V, setting(0, 0x48), number=3),
    "transport-error": lambda: edited(V, lambda packet, _: packet.__setitem__(1, packet[1] | 0x80), number=3),
    "scrambled": lambda: edited(V, lambda packet, _: packet.__setitem__(3, packet[3] | 0x80), number=3),
    "adaptation": lambda: edited(A, setting(4, 183), unit_start=True),
    "pat": lambda: table(0, poke(0, 1)),
    "pat-crc": lambda: edited(0, setting(10, 7, True)),
    "pat-version": lambda: table(0, poke(5, 0xC3), number=3),
    "pat-interval": lambda: clocks(lambda time: time * 20),
    "pmt": lambda: table(M, poke(4, 9)),
    "pmt-crc": lambda: edited(M, setting(12, 7, True), number=2),
    "pmt-version": lambda: table(M, poke(5, 0xC3), number=3),
    "pmt-interval": lambda: clocks(lambda time: time * 20),
    "pid": lambda: edited(A, setting(2, 0x77), number=5),
    "descriptor": lambda: table(M, with_language),
    "stream-type": lambda: table(M, stream_types(0x1B, 0x11)),
    "continuity": lambda: null_counter(V, 9),
    "continuity-end": lambda: without(A, -1),
    "pcr": lambda: clocks(lambda time: 0),
    "pcr-pid": lambda: table(M, poke(9, A & 255)),
    "pcr-interval": lambda: clocks(lambda time: time + time // 30),
    "pcr-early": lambda: clocks(lambda time: time - 11 * 90000),
    "pcr-late": lambda: clocks(lambda time: time + make.DELAY + 10),
    "pes": lambda: edited(V, setting(2, 2, True), unit_start=True, number=4),
    "pes-length": lambda: edited(A, setting(5, 9, True), unit_start=True, number=4),
    "stream-id": lambda: edited(A, setting(3, 0xE0, True), unit_start=True, number=4),
    "pts": lambda: pes_packets(lambda kept, sid, pts, data: kept(sid, pts, data, pts + 1) if sid == 0xE0 else kept(sid, pts, data)),
    "dts": lambda: odd_time(7, -make.FRAME),
    "start-code": lambda: access_units(lambda unit, index: b"\7" + unit if index == 3 else unit),
    "aud": lambda: access_units(lambda unit, index: unit[DELIMITER:] if index == 3 else unit),
    "one-unit": lambda: access_units(lambda unit, index: unit + unit if index == 3 else unit),
    "slice": lambda: access_units(lambda unit, index: unit[:DELIMITER] if index == 3 else unit),
    "parameter-sets": lambda: access_units(lambda unit, index: unit.replace(make.picture_parameters(), b"")),
    "random-access": lambda: edited(V, setting(5, 0x10), unit_start=True),
    "begins-with-sync": lambda: access_units(lambda unit, index: unit[:DELIMITER] + make.skipped_picture(1)),
    "begins-with-pat": lambda: moved(0, 1),
    "begins-with-pmt": audio_first,
    "audio-frames": lambda: made(audio_frame=lambda index, kept=make.audio_frame: kept(index)[:-1]),
    "audio-overlap": lambda: made(audio_frame=lambda index, kept=make.audio_frame: kept(index) * 2,
                                  AUDIO_FRAME=make.AUDIO_FRAME * 3 // 2),
}
RUNS = {
    "dts-run": lambda: [GOOD, make.segment(0)],
    "pcr-run": lambda: [GOOD, make.segment(2)],
}


def complains(rule):
    if rule in RUNS:
        found = ts_run.check_run([(str(number), data, False) for number, data in enumerate(RUNS[rule]())])
    else:
        found = ts_run.check(MUTATIONS[rule]())
    assert rule in {each[0] for each in found}, f"found only {found[:5]}"


def good():
    parts = [(str(number), make.segment(number, 1 + number % 2, START), False) for number in (0, 1, 3)]
    assert ts_run.check_run(parts) == [], ts_run.check_run(parts)[:5]


def changed_tables():
    """A PMT that changes from segment to segment needs a new version."""
    with_other = table(M, lambda content: poke(8, 0xE1)(with_language(content)))
    found = ts_run.check_run([("0", GOOD, False), ("1", with_other, True), ("2", GOOD, False)])
    assert [rule for rule, text in found if text.startswith("2") and rule == "pmt-version"], found[:5]


def main():
    tap = Tap()
    tap.run("segments that are right have no complaint, over the wrap of the times too", good)
    for rule, clause in ts_rules.RULES.items():
        tap.run(f"{rule} ({clause}) can fail", complains, rule)
    tap.run("a PMT that changes between segments under one version is found", changed_tables)
    tap.done()


if __name__ == "__main__":
    main()
