# SPDX-License-Identifier: Apache-2.0
"""The synthetic programme as CMAF: a header and segments with everything that a segment may have, clear or with the boxes
of common encryption (whose bytes are not encrypted: it is boxes that are judged)."""

import struct

import synthetic as programme

TRACK = 1
TIMESCALE = {"v": 90000, "a": 48000}
SYNC, DELTA = 0x02000000, 0x01010000
IV_SIZE = {"cenc": 8, "cbcs": 0, None: 0}


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind.encode()) + body


def full(kind, version, flags, *parts):
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def u32(*values):
    return struct.pack(f">{len(values)}I", *values)


def nal_units(access_unit):
    return [unit for unit in access_unit.split(b"\0\0\0\1") if unit]


def protected(entry, kind, scheme):
    original = {"avc1": "encv", "mp4a": "enca"}[kind]
    pattern = 0x19 if scheme == "cbcs" and kind == "avc1" else 0
    tenc = full("tenc", int(scheme == "cbcs"), 0, bytes([0, pattern, 1, IV_SIZE[scheme]]), bytes(range(16)),
                b"\x10" + bytes(16) if scheme == "cbcs" else b"")
    schm = full("schm", 0, 0, scheme.encode(), u32(0x10000))
    return box(original, entry, box("sinf", box("frma", kind.encode()), schm, box("schi", tenc)))


def sample_entry(kind, scheme):
    if kind == "v":
        sets = [nal_units(made())[0] for made in (programme.sequence_parameters, programme.picture_parameters)]
        config = bytes([1, *sets[0][1:4], 0xFF, 0xE1]) + struct.pack(">H", len(sets[0])) + sets[0] + b"\1" + \
            struct.pack(">H", len(sets[1])) + sets[1]
        body = bytes(6) + b"\0\1" + bytes(16) + struct.pack(">HH", 64, 48) + u32(0x480000, 0x480000, 0) + b"\0\1" + \
            bytes(32) + b"\0\x18\xff\xff" + box("avcC", config)
        return protected(body, "avc1", scheme) if scheme else box("avc1", body)
    descriptor = bytes.fromhex("03 19 0000 00 04 11 40 15 000000 00000000 00000000 05 02 1188 06 01 02")
    body = bytes(6) + b"\0\1" + bytes(8) + struct.pack(">HHHH", 1, 16, 0, 0) + u32(48000 << 16) + full("esds", 0, 0, descriptor)
    return protected(body, "mp4a", scheme) if scheme else box("mp4a", body)


def header(kind="v", scheme=None):
    handler, media = {"v": (b"vide", full("vmhd", 0, 1, bytes(8))), "a": (b"soun", full("smhd", 0, 0, bytes(4)))}[kind]
    matrix = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    size = u32(64 << 16, 48 << 16) if kind == "v" else u32(0, 0)
    tables = [full("stsd", 0, 0, u32(1), sample_entry(kind, scheme)), full("stts", 0, 0, u32(0)), full("stsc", 0, 0, u32(0)),
              full("stsz", 0, 0, u32(0, 0)), full("stco", 0, 0, u32(0))]
    minf = box("minf", media, box("dinf", full("dref", 0, 0, u32(1), full("url ", 0, 1))), box("stbl", *tables))
    mdia = box("mdia", full("mdhd", 0, 0, u32(0, 0, TIMESCALE[kind], 0), b"\x55\xc4\0\0"),
               full("hdlr", 0, 0, u32(0), handler, bytes(12), b"\0"), minf)
    tkhd = full("tkhd", 0, 7, u32(0, 0, TRACK, 0, 0, 0, 0), bytes(8), matrix, size)
    mvhd = full("mvhd", 0, 0, u32(0, 0, 1000, 0, 0x10000), b"\1\0\0\0", bytes(8), matrix, bytes(24), u32(TRACK + 1))
    moov = box("moov", mvhd, box("trak", tkhd, mdia), box("mvex", full("trex", 0, 0, u32(TRACK, 1, 0, 0, 0))))
    return box("ftyp", b"cmf2", u32(0), b"iso6cmf2cmfc") + moov


def samples_of(kind, gop):
    """[(bytes, duration, flags)] of a fragment, and where it begins."""
    if kind == "v":
        units = [nal_units(programme.access_unit(index)) for index in range(gop * programme.GOP, (gop + 1) * programme.GOP)]
        kept = [[unit for unit in each if unit[0] & 31 not in (7, 8, 9)] for each in units]
        data = [b"".join(u32(len(unit)) + unit for unit in each) for each in kept]
        return [(each, 3600, DELTA if index else SYNC) for index, each in enumerate(data)], gop * programme.GOP * 3600
    return [(programme.audio_frame(index)[7:], 1024, SYNC) for index in range(gop * 47, (gop + 1) * 47)], gop * 47 * 1024


def protection(kind, scheme, samples, place):
    """senc, saiz and saio, and the key in a sample group; `place`: where senc begins in the moof."""
    entries = []
    for number, (data, _, _) in enumerate(samples):
        entry = struct.pack(">Q", 1000 + number)[:IV_SIZE[scheme]]
        if kind == "v":
            clear = 5 + (len(data) - 5) % 16
            entry += struct.pack(">HHI", 1, clear, len(data) - clear)
        entries.append(entry)
    senc = full("senc", 0, 2 if kind == "v" else 0, u32(len(entries)), *entries)
    saiz = full("saiz", 0, 0, bytes([len(entries[0])]), u32(len(entries)))
    seig = bytes([0, 0x19 if scheme == "cbcs" else 0, 1, IV_SIZE[scheme]]) + bytes(range(16))
    seig += b"" if IV_SIZE[scheme] else bytes([16]) + bytes(16)
    groups = full("sgpd", 1, 0, b"seig", u32(len(seig), 1), seig)
    groups += full("sbgp", 0, 0, b"seig", u32(1, len(samples), 0x10001))
    return senc + saiz + full("saio", 0, 0, u32(1, place + 16)) + groups


def fragment(kind, gop, scheme):
    samples, begin = samples_of(kind, gop)

    def moof(offset, place):
        run = b"".join(u32(duration, len(data), flags) + struct.pack(">i", 0) for data, duration, flags in samples)
        times = full("tfhd", 0, 0x20000, u32(TRACK)) + full("tfdt", 1, 0, struct.pack(">Q", begin))
        trun = full("trun", 1, 0xF01, u32(len(samples)), struct.pack(">i", offset), run)
        extra = protection(kind, scheme, samples, place) if scheme and (kind == "v" or scheme == "cenc") else b""
        return box("moof", full("mfhd", 0, 0, u32(gop + 1)), box("traf", times, trun, extra))

    size = len(moof(0, 0))
    senc = moof(0, 0).find(b"senc") - 4
    return moof(size + 8, senc) + box("mdat", *(data for data, _, _ in samples)), sum(each[1] for each in samples), begin


BEGAN = 1_767_225_600  # 2026-01-01, the date of time 0


def segment(kind="v", first_gop=0, gops=2, scheme=None, later=0):
    """`later`: seconds by which its date is behind that."""
    made = [fragment(kind, gop, scheme) for gop in range(first_gop, first_gop + gops)]
    begin, media = made[0][2], b"".join(data for data, _, _ in made)
    emsg = full("emsg", 1, 0, u32(TIMESCALE[kind]), struct.pack(">Q", begin), u32(0, 7), b"urn:example:x\0\0", b"said")
    sidx = full("sidx", 1, 0, u32(TRACK, TIMESCALE[kind]), struct.pack(">QQ", begin, 0), struct.pack(">HH", 0, 1),
                u32(len(media), sum(duration for _, duration, _ in made), 0x90000000))
    date = int((BEGAN + 2_208_988_800 + begin / TIMESCALE[kind] + later) * 2**32)
    prft = full("prft", 1, 8, u32(TRACK), struct.pack(">QQ", date, begin))
    # the index is of what follows it
    return box("styp", b"msdh", u32(0), b"msdhcmfs") + prft + emsg + sidx + media
