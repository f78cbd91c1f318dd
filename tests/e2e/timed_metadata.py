# SPDX-License-Identifier: Apache-2.0
"""Timed metadata as encoders send it: ID3 tags and SCTE 35 sections put into transport streams, emsg boxes put into
fragmented MP4, and read back; nothing of the product's own."""

import struct

ID3_PID, CUE_PID = 0x1A0, 0x1A1
ID3_DESCRIPTOR = bytes.fromhex("260dffff49443320ff49443320000f")
AOM_ID3 = "https://aomedia.org/emsg/ID3"
SCTE35 = "urn:scte:scte35:2013:bin"
UNKNOWN = 0xFFFFFFFF


def crc32(data):
    crc = 0xFFFFFFFF
    for byte in data:
        for bit in range(7, -1, -1):
            one = (crc >> 31) ^ (byte >> bit & 1)
            crc = (crc << 1 & 0xFFFFFFFF) ^ (0x04C11DB7 if one else 0)
    return struct.pack(">I", crc)


def synchsafe(value):
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3(text):
    body = b"\x03tarn\0" + text.encode() + b"\0"
    frame = b"TXXX" + synchsafe(len(body)) + b"\0\0" + body
    return b"ID3\x04\0\0" + synchsafe(len(frame)) + frame


def time_signal(pts):
    section = bytes.fromhex("fc3016000000000000" "00fff00506fe") + struct.pack(">I", pts & 0xFFFFFFFF) + b"\0\0"
    section = bytearray(section)
    section[14] = 0xFE | pts >> 32 & 1
    return bytes(section) + crc32(section)


def splice_now(event, duration):
    """Out of network at once, with a break of `duration` ticks."""
    section = (bytes.fromhex("fc3020000000000000" "00fff00f05") + struct.pack(">I", event) + b"\x7f\xff" +
               bytes([0xFE | duration >> 32 & 1]) + struct.pack(">I", duration & 0xFFFFFFFF) + b"\0\x01\0\xff\0\0")
    return section + crc32(section)


def timestamp(prefix, value):
    return bytes([prefix << 4 | (value >> 30 & 7) << 1 | 1, value >> 22 & 0xFF, (value >> 15 & 0x7F) << 1 | 1,
                  value >> 7 & 0xFF, (value & 0x7F) << 1 | 1])


def pes(payload, pts):
    optional = timestamp(2, pts)
    return (b"\0\0\x01\xbd" + struct.pack(">H", 3 + len(optional) + len(payload)) + b"\x84\x80" + bytes([len(optional)]) +
            optional + payload)


class TsInserter:
    """Puts events into the segments of one stream, one after another: counters go on."""

    def __init__(self):
        self.counters = {ID3_PID: 0, CUE_PID: 0}

    def packets(self, pid, data, stuffing_in_field):
        out = b""
        for at in range(0, len(data), 184):
            piece = data[at:at + 184]
            missing = 184 - len(piece)
            field = b""
            if missing and stuffing_in_field:
                field = bytes([missing - 1]) + (b"\0" + b"\xff" * (missing - 2) if missing > 1 else b"")
            elif missing:
                piece += b"\xff" * missing
            counter = self.counters[pid]
            self.counters[pid] = (counter + 1) % 16
            out += bytes([0x47, (0x40 if at == 0 else 0) | pid >> 8, pid & 0xFF, (0x30 if field else 0x10) | counter])
            out += field + piece
        return out

    def insert(self, segment, events):
        """`events`: [(decode time of the picture it is sent in front of, PTS or None: a section, bytes)], by time."""
        out, left, video = b"", list(events), None
        pmt = None
        for at in range(0, len(segment), 188):
            packet = segment[at:at + 188]
            pid = (packet[1] & 0x1F) << 8 | packet[2]
            begin = 4 + (packet[4] + 1 if packet[3] & 0x20 else 0)
            if pid == 0 and packet[1] & 0x40:
                pmt = (packet[begin + 1 + 10] & 0x1F) << 8 | packet[begin + 1 + 11]
            elif pid == pmt and packet[1] & 0x40:
                packet = self.extended(packet, begin)
            elif packet[1] & 0x40 and packet[begin:begin + 3] == b"\0\0\x01" and packet[begin + 3] & 0xF0 == 0xE0:
                video = pid
            if pid == video and packet[1] & 0x40:
                dts = decode_time(packet[begin:])
                while left and (left[0][0] - dts) % 2**33 >= 2**32 or left and left[0][0] == dts:
                    _, pts, data = left.pop(0)
                    out += (self.packets(ID3_PID, pes(data, pts), True) if pts is not None
                            else self.packets(CUE_PID, b"\0" + data, False))
            out += packet
        assert not left, left
        return out

    @staticmethod
    def extended(packet, begin):
        """The packet of a PMT with the two PIDs listed."""
        section = packet[begin + 1:]
        size = 3 + ((section[1] & 0x0F) << 8 | section[2])
        entries = (bytes([0x15, 0xE0 | ID3_PID >> 8, ID3_PID & 0xFF, 0xF0, len(ID3_DESCRIPTOR)]) + ID3_DESCRIPTOR +
                   bytes([0x86, 0xE0 | CUE_PID >> 8, CUE_PID & 0xFF, 0xF0, 0]))
        made = bytearray(section[:size - 4] + entries)
        made[1:3] = struct.pack(">H", 0xB000 | len(made) + 1)
        made += crc32(made)
        head = packet[:begin + 1]
        return head + bytes(made) + b"\xff" * (188 - len(head) - len(made))


def decode_time(data):
    def read(raw):
        return (raw[0] >> 1 & 7) << 30 | raw[1] << 22 | raw[2] >> 1 << 15 | raw[3] << 7 | raw[4] >> 1
    return read(data[14:19]) if data[7] & 0x40 else read(data[9:14])


def boxes(data):
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        yield kind.decode(), at, data[at + 8:at + size]
        at += size


def emsg(scheme, value, timescale, time, duration, number, data, version=1):
    strings = scheme.encode() + b"\0" + value.encode() + b"\0"
    if version == 1:
        body = struct.pack(">IIQII", 1 << 24, timescale, time, duration, number) + strings + data
    else:
        body = struct.pack(">I", 0) + strings + struct.pack(">IIII", timescale, time, duration, number) + data
    return struct.pack(">I4s", 8 + len(body), b"emsg") + body


def read_emsg(body):
    """(scheme, value, timescale, time, duration, id, data) of version 1."""
    version, timescale, time, duration, number = struct.unpack(">IIQII", body[:24])
    assert version == 1 << 24, version
    scheme, value, data = body[24:].split(b"\0", 2)
    return scheme.decode(), value.decode(), timescale, time, duration, number, data


def first_decode_time(segment):
    for kind, _, body in boxes(segment):
        if kind == "moof":
            at = body.index(b"tfdt")
            version = body[at + 4]
            return struct.unpack(">Q" if version else ">I", body[at + 8:at + (16 if version else 12)])[0]
    raise AssertionError("no moof")
