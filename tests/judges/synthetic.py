# SPDX-License-Identifier: Apache-2.0
"""A small programme made by code: H.264 (an I_PCM picture, then skipped ones) and AAC (silence, with the frame's number in a
fill element), in transport stream segments. Every decoder plays it, and it is the same bytes on every machine for ever."""

from ts_packets import PACKET, crc32

FRAME = 3600  # 25 pictures a second
GOP = 25
WIDTH, HEIGHT = 4, 3  # in macroblocks
AUDIO_FRAME = 1920  # 1024 samples of 48 kHz
PMT_PID, VIDEO_PID, AUDIO_PID = 0x100, 0x101, 0x102
DELAY = 9000  # the clock is that much before what it stands in front of


class Bits:
    def __init__(self):
        self.bits = []

    def u(self, count, value):
        self.bits += [value >> (count - 1 - i) & 1 for i in range(count)]
        return self

    def ue(self, *values):
        for value in values:
            length = (value + 1).bit_length()
            self.u(length - 1, 0).u(length, value + 1)
        return self

    def align(self):
        return self.u(-len(self.bits) % 8, 0)

    def raw(self):
        self.align()
        return bytes(int("".join(map(str, self.bits[i:i + 8])), 2) for i in range(0, len(self.bits), 8))


def nal(header, bits):
    """With rbsp_trailing_bits and emulation prevention, behind a start code."""
    out, zeros = bytearray(), 0
    for byte in bits.u(1, 1).raw():
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return b"\0\0\0\1" + bytes([header]) + bytes(out)


def sequence_parameters():
    bits = Bits().u(8, 66).u(8, 0xC0).u(8, 10).ue(0, 0, 2, 1).u(1, 0).ue(WIDTH - 1, HEIGHT - 1).u(4, 0b1101)
    # VUI: 25 pictures a second, nothing else
    return nal(0x67, bits.u(4, 0).u(1, 1).u(32, 1).u(32, 50).u(1, 1).u(4, 0))


def picture_parameters():
    return nal(0x68, Bits().ue(0, 0).u(2, 0).ue(0, 0, 0).u(3, 0).ue(0, 0, 0).u(3, 0b100))


def key_picture(number):
    bits = Bits().ue(0, 7, 0).u(4, 0).ue(number % 2).u(2, 0).ue(0, 1)
    for block in range(WIDTH * HEIGHT):
        bits.ue(25).align()
        for sample in range(384):
            bits.u(8, 16 + (number * 7 + block * 13 + sample) % 200)
    return nal(0x65, bits)


def skipped_picture(frame_number):
    return nal(0x41, Bits().ue(0, 5, 0).u(4, frame_number % 16).u(3, 0).ue(0, 1, WIDTH * HEIGHT))


def access_unit(index):
    delimiter = nal(9, Bits().u(3, 7))
    if index % GOP:
        return delimiter + skipped_picture(index % GOP)
    return delimiter + sequence_parameters() + picture_parameters() + key_picture(index // GOP)


def audio_frame(index):
    """ADTS: a channel without spectrum, then the number as what a decoder passes over."""
    bits = Bits().u(7, 0).u(8, 100).u(1 + 2 + 1 + 6, 0).u(1, 0).u(3, 0)
    body = bits.u(3, 6).u(4, 5).u(8, 0).u(32, index).u(3, 7).raw()
    return Bits().u(12, 0xFFF).u(4, 1).u(2, 1).u(4, 3).u(1, 0).u(3, 1).u(4, 0).u(13, 7 + len(body)).u(11, 0x7FF) \
        .u(2, 0).raw() + body


def stamp(prefix, time):
    time %= 1 << 33
    return bytes([prefix << 4 | time >> 29 & 14 | 1, time >> 22 & 255, time >> 14 & 254 | 1, time >> 7 & 255,
                  time << 1 & 254 | 1])


def pes(stream_id, pts, data, dts=None):
    stamps = stamp(2, pts) if dts is None else stamp(3, pts) + stamp(1, dts)
    length = 3 + len(stamps) + len(data)
    return b"\0\0\1" + bytes([stream_id]) + length.to_bytes(2, "big") + \
        bytes([0x84, 0x80 if dts is None else 0xC0, len(stamps)]) + stamps + data


def section(table_id, number, body):
    head = bytes([table_id]) + (0xB000 | len(body) + 9).to_bytes(2, "big") + number.to_bytes(2, "big") + b"\xc1\0\0"
    return head + body + crc32(head + body).to_bytes(4, "big")


def pmt(version=0):
    streams = bytes([0x1B, 0xE0 | VIDEO_PID >> 8, VIDEO_PID & 255, 0xF0, 0, 0x0F, 0xE0 | AUDIO_PID >> 8, AUDIO_PID & 255,
                     0xF0, 0])
    made = section(2, 1, bytes([0xE0 | VIDEO_PID >> 8, VIDEO_PID & 255, 0xF0, 0]) + streams)
    made = made[:5] + bytes([0xC1 | version << 1]) + made[6:-4]
    return made + crc32(made).to_bytes(4, "big")


class Writer:
    """Packets, whose number of each PID is a multiple of 16 in the end."""

    def __init__(self):
        self.out, self.counters = bytearray(), {}

    def packet(self, pid, unit_start, payload, field=b""):
        """`field`: flags and what follows them in the adaptation field; filled up to the packet's size."""
        counter = self.counters.get(pid, 0)
        self.counters[pid] = (counter + 1) % 16
        room = PACKET - 4 - len(payload)
        adaptation = b""
        if room == 1:
            adaptation = b"\0"
        elif room:
            adaptation = bytes([room - 1]) + (field or b"\0")
            adaptation += b"\xff" * (room - len(adaptation))
        self.out += bytes([0x47, unit_start << 6 | pid >> 8, pid & 255, (0x30 if room else 0x10) | counter])
        self.out += adaptation + payload

    def section(self, pid, content):
        self.packet(pid, True, (b"\0" + content).ljust(184, b"\xff"))

    def unit(self, pid, content, field=b"", last=False):
        """`last`: in so many more packets that their number becomes a multiple of 16."""
        head = 184 - (len(field) + 1 if field else 0)
        count = 1 + max(0, len(content) - head + 183) // 184
        if last:
            count += -(self.counters.get(pid, 0) + count) % 16
        at = 0
        for left in range(count - 1, -1, -1):
            size = min(184 if at else head, len(content) - at - left)
            self.packet(pid, at == 0, content[at:at + size], b"" if at else field)
            at += size


def clock(time):
    base = time % (1 << 33)
    return (base << 15 | 0x7E00).to_bytes(6, "big")


def segment(first_gop, gops=1, start=0):
    """Whole GOPs with the audio that begins while they last; `start`: time of the first picture of the programme."""
    writer = Writer()
    begin, end = first_gop * GOP * FRAME, (first_gop + gops) * GOP * FRAME
    units = [(index * FRAME, "v", index) for index in range(begin // FRAME, end // FRAME)]
    frames = range(-(-begin // AUDIO_FRAME), -(-end // AUDIO_FRAME))
    units += [(index * AUDIO_FRAME, "a", index) for index in frames]
    last = {kind: max(index for _, of, index in units if of == kind) for kind in "va"}
    tables = 0
    for time, kind, index in sorted(units, key=lambda unit: (unit[0], unit[1] == "a")):
        at = start + time
        if kind == "a":
            writer.unit(AUDIO_PID, pes(0xC0, at, audio_frame(index)), last=index == last["a"])
            continue
        if tables < 16 * gops and time >= begin + tables * FRAME:
            writer.section(0, section(0, 1, bytes([0, 1, 0xE0 | PMT_PID >> 8, PMT_PID & 255])))
            writer.section(PMT_PID, pmt())
            tables += 1
        field = bytes([0x50 if index % GOP == 0 else 0x10]) + clock(at - DELAY)
        writer.unit(VIDEO_PID, pes(0xE0, at, access_unit(index)), field, index == last["v"])
    return bytes(writer.out)
