# SPDX-License-Identifier: Apache-2.0
"""Transport stream packets, sections and PES headers, read from ISO/IEC 13818-1 alone: nothing here is shared with the
writer that is judged."""

import dataclasses

PACKET = 188
WRAP = 1 << 33
PCR_HZ = 27_000_000


@dataclasses.dataclass
class Packet:
    index: int
    pid: int
    unit_start: bool
    counter: int
    transport_error: bool
    scrambled: bool
    has_payload: bool
    payload: bytes
    random_access: bool = False
    discontinuity: bool = False
    pcr: int | None = None  # ticks of 27 MHz
    bad_adaptation: bool = False  # it does not fill what it has to, or has a clock that cannot be


def read_packet(data, index):
    """None when there is no sync byte where one has to be."""
    raw = data[index * PACKET:(index + 1) * PACKET]
    if len(raw) < PACKET or raw[0] != 0x47:
        return None
    control = raw[3] >> 4 & 3
    packet = Packet(index, (raw[1] & 0x1F) << 8 | raw[2], bool(raw[1] & 0x40), raw[3] & 15, bool(raw[1] & 0x80),
                    bool(raw[3] & 0xC0), bool(control & 1), b"")
    at = 4
    if control & 2:
        length = raw[4]
        at = 5 + length
        # 2.4.3.4: 183 without payload, 0 to 182 with it
        packet.bad_adaptation = length > 182 if control & 1 else length != 183
        if length and not packet.bad_adaptation:
            flags = raw[5]
            packet.discontinuity, packet.random_access = bool(flags & 0x80), bool(flags & 0x40)
            if flags & 0x10:
                field = int.from_bytes(raw[6:12], "big")
                packet.pcr = (field >> 15) * 300 + (field & 0x1FF)
                packet.bad_adaptation = field & 0x1FF >= 300
    if control == 0:
        packet.bad_adaptation = True
    packet.payload = raw[at:] if packet.has_payload else b""
    return packet


def crc32(data):
    """Annex A; 0 over a section with its CRC."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7) & 0xFFFFFFFF if value & 0x80000000 else value << 1
    return value


def descriptors(data):
    """[(tag, bytes)]; None when a length leads beyond the end."""
    found, at = [], 0
    while at + 2 <= len(data):
        end = at + 2 + data[at + 1]
        if end > len(data):
            return None
        found.append((data[at], data[at + 2:end]))
        at = end
    return found if at == len(data) else None


@dataclasses.dataclass
class Stream:
    pid: int
    stream_type: int
    descriptors: list


def read_pat(section):
    """{program: PID}"""
    body = section[8:-4]
    return {int.from_bytes(body[i:i + 2], "big"): int.from_bytes(body[i + 2:i + 4], "big") & 0x1FFF
            for i in range(0, len(body), 4)}


def read_pmt(section):
    """(PID of the PCR, descriptors of the program, streams); None when it does not add up."""
    info = int.from_bytes(section[10:12], "big") & 0xFFF
    program = descriptors(section[12:12 + info])
    streams, at, end = [], 12 + info, len(section) - 4
    while at + 5 <= end:
        length = int.from_bytes(section[at + 3:at + 5], "big") & 0xFFF
        found = descriptors(section[at + 5:at + 5 + length])
        if found is None or at + 5 + length > end:
            return None
        streams.append(Stream(int.from_bytes(section[at + 1:at + 3], "big") & 0x1FFF, section[at], found))
        at += 5 + length
    if program is None or at != end:
        return None
    return int.from_bytes(section[8:10], "big") & 0x1FFF, program, streams


@dataclasses.dataclass
class Pes:
    pid: int
    first: Packet
    last: Packet
    stream_id: int
    length: int  # PES_packet_length as written
    actual: int  # bytes that follow that field
    aligned: bool
    pts: int | None
    dts: int | None
    payload: bytes


def timestamp(data):
    """33 bits; None when a marker bit is missing."""
    if not (data[0] & 1 and data[2] & 1 and data[4] & 1):
        return None
    return (data[0] >> 1 & 7) << 30 | data[1] << 22 | data[2] >> 1 << 15 | data[3] << 7 | data[4] >> 1


def read_pes(packets):
    """The PES packet that these packets of one PID carry; None when it does not begin as one."""
    data = b"".join(packet.payload for packet in packets)
    if len(data) < 9 or data[:3] != b"\0\0\1" or data[6] >> 6 != 2:
        return None
    flags = data[7] >> 6
    header = 9 + data[8]
    if flags == 1 or header > len(data) or data[8] < {0: 0, 2: 5, 3: 10}[flags]:
        return None
    pts = timestamp(data[9:14]) if flags & 2 else None
    dts = timestamp(data[14:19]) if flags == 3 else pts
    if flags & 2 and (pts is None or dts is None or data[9] >> 4 != flags):
        return None
    return Pes(packets[0].pid, packets[0], packets[-1], data[3], int.from_bytes(data[4:6], "big"), len(data) - 6,
               bool(data[6] & 4), pts, dts, data[header:])


def apart(later, earlier, modulus=WRAP):
    """The signed distance of two times that wrap."""
    return (later - earlier + modulus // 2) % modulus - modulus // 2
