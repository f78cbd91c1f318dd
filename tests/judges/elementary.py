# SPDX-License-Identifier: Apache-2.0
"""What access units have to look like inside PES packets: delimiters and parameter sets of video, whole frames of audio."""

AVC = {"aud": {9}, "sets": [{7}, {8}], "sync": {5}, "slices": {1, 2, 3, 4, 5}}
HEVC = {"aud": {35}, "sets": [{32}, {33}, {34}], "sync": set(range(16, 24)), "slices": set(range(0, 32))}


def nal_units(data):
    """NAL units of a byte stream (Annex B), without start codes; None when it does not begin with a start code."""
    starts, at = [], data.find(b"\0\0\1")
    if at < 0 or data[:at].strip(b"\0"):
        return None
    while at >= 0:
        starts.append(at + 3)
        at = data.find(b"\0\0\1", at + 3)
    ends = [start - 3 for start in starts[1:]] + [len(data)]
    return [data[start:end].rstrip(b"\0") for start, end in zip(starts, ends)]


def types(kind, units):
    return [unit[0] & 31 if kind is AVC else unit[0] >> 1 & 63 for unit in units if unit]


def video_complaints(kind, payload):
    """(is a sync sample, [(rule, text)]) of what has to be exactly one access unit."""
    units = nal_units(payload)
    if units is None:
        return False, [("start-code", "an access unit does not begin with a start code")]
    found = types(kind, units)
    wrong = []
    if not found or found[0] not in kind["aud"]:
        wrong.append(("aud", f"an access unit begins with NAL unit type {found[:1]}, not with a delimiter"))
    if sum(each in kind["aud"] for each in found) > 1:
        wrong.append(("one-unit", "a PES packet has more than one access unit"))
    slices = [index for index, each in enumerate(found) if each in kind["slices"]]
    if not slices:
        wrong.append(("slice", "an access unit without a slice"))
    is_sync = any(found[index] in kind["sync"] for index in slices)
    if is_sync:
        before = set(found[:slices[0]])
        for wanted in kind["sets"]:
            if not before & wanted:
                wrong.append(("parameter-sets", f"no NAL unit of type {min(wanted)} before the slices of a sync sample"))
    return is_sync, wrong


def adts_frames(data):
    """(frames, samples a second of the first, complaint or None)"""
    count, at, rate = 0, 0, 0
    rates = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350]
    while at < len(data):
        header = data[at:at + 7]
        if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
            return count, rate, f"no ADTS header at byte {at} of {len(data)}"
        length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        if length < 7 or at + length > len(data):
            return count, rate, f"the ADTS frame at byte {at} has {length} bytes, there are {len(data) - at}"
        if header[6] & 3:
            return count, rate, "an ADTS frame of more than one raw data block"
        if header[2] >> 2 & 15 >= len(rates):
            return count, rate, "a reserved sampling frequency"
        rate = rate or rates[header[2] >> 2 & 15]
        count, at = count + 1, at + length
    return count, rate, None


def ac3_length(data):
    """(bytes, samples a second, samples) of the AC-3 or E-AC-3 frame that begins here; None when none does."""
    if len(data) < 6 or data[:2] != b"\x0b\x77":
        return None
    code = data[4] >> 6
    rates = [48000, 44100, 32000]
    if data[5] >> 3 <= 10:
        kilobits = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640]
        index = data[4] & 63
        if code == 3 or index >= 38:
            return None
        # words of 16 bits in 1536 samples; at 44.1 kHz an odd index has one word more
        words = kilobits[index >> 1] * 1000 * 1536 // (rates[code] * 16) + (index & 1 if code == 1 else 0)
        return words * 2, rates[code], 1536
    size = ((data[2] & 7) << 8 | data[3]) * 2 + 2
    if code == 3:
        return size, rates[data[4] >> 4 & 3] // 2 if data[4] >> 4 & 3 < 3 else 0, 1536
    return size, rates[code], [256, 512, 768, 1536][data[4] >> 4 & 3]


def ac3_frames(data):
    count, at, rate = 0, 0, 0
    while at < len(data):
        frame = ac3_length(data[at:at + 6])
        if frame is None or at + frame[0] > len(data):
            return count, rate, f"no whole AC-3 frame at byte {at} of {len(data)}"
        rate = rate or frame[1]
        count, at = count + 1, at + frame[0]
    return count, rate, None


def mpeg_audio_frames(data):
    """MPEG-1 and MPEG-2 layer III."""
    count, at, rate = 0, 0, 0
    while at < len(data):
        head = data[at:at + 4]
        if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2 or head[2] >> 4 in (0, 15) or head[2] >> 2 & 3 == 3:
            return count, rate, f"no layer III header at byte {at} of {len(data)}"
        version = head[1] >> 3 & 3  # 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
        bitrate = ([0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320] if version == 3 else
                   [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160])[head[2] >> 4] * 1000
        hertz = [44100, 48000, 32000][head[2] >> 2 & 3] >> {3: 0, 2: 1, 0: 2}.get(version, 0)
        length = (144 if version == 3 else 72) * bitrate // hertz + (head[2] >> 1 & 1)
        if at + length > len(data):
            return count, rate, f"the layer III frame at byte {at} is cut"
        rate = rate or hertz
        count, at = count + 1, at + length
    return count, rate, None
