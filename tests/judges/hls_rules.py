# SPDX-License-Identifier: Apache-2.0
"""Rules of RFC 8216bis and of semantics S6, S14 that a parser of playlists does not look at."""

import datetime
import re

from ts_packets import apart
from ts_segment import Segment

A_FRAME = 0.1  # a long one of audio; a reordering of pictures


def attribute(line, name):
    found = re.search(rf'[:,]{name}=("[^"]*"|[^,]*)', line)
    return found.group(1).strip('"') if found else None


def multivariant(text, parsed):
    wrong = []
    lines = text.splitlines()
    groups = {(attribute(line, "TYPE"), attribute(line, "GROUP-ID")) for line in lines if line.startswith("#EXT-X-MEDIA:")}
    used = set()
    for line in lines:
        if not line.startswith(("#EXT-X-STREAM-INF:", "#EXT-X-I-FRAME-STREAM-INF:")):
            continue
        bandwidth, average = attribute(line, "BANDWIDTH"), attribute(line, "AVERAGE-BANDWIDTH")
        if average is None or int(average) > int(bandwidth):
            wrong.append(("bandwidth", f"AVERAGE-BANDWIDTH {average} of BANDWIDTH {bandwidth}"))
        codecs = attribute(line, "CODECS")
        if not codecs:
            wrong.append(("codecs", f"no CODECS in {line}"))
        if codecs and re.search(r"avc|hvc|hev|av01|vp09", codecs) and attribute(line, "RESOLUTION") is None:
            # what says nothing of itself has neither FRAME-RATE nor VIDEO-RANGE (4.4.6.2: SHOULD, and SDR if absent)
            wrong.append(("resolution", f"none in {line}"))
        for kind in ("AUDIO", "SUBTITLES", "CLOSED-CAPTIONS"):
            group = attribute(line, kind)
            if group and group != "NONE":
                used.add((kind, group))
                if (kind, group) not in groups:
                    wrong.append(("group", f"{kind} group {group} does not exist"))
    wrong += [("group", f"no variant has {kind} group {group}") for kind, group in groups - used]
    if not any(not variant["isIFrameOnly"] for variant in parsed["variants"]):
        wrong.append(("variants", "there is none"))
    return wrong


def media(text, parsed):
    wrong = []
    if not parsed["targetDuration"] or parsed["targetDuration"] != int(parsed["targetDuration"]):
        wrong.append(("target-duration", str(parsed["targetDuration"])))
    names = [segment["uri"] for segment in parsed["segments"] if not segment.get("byterange")]
    if len(set(names)) != len(names):
        wrong.append(("uri", "a segment is listed twice"))
    for segment in parsed["segments"]:
        # 4.4.3.1: rounded to the nearest integer
        if int(segment["duration"] + 0.5) > parsed["targetDuration"]:
            wrong.append(("target-duration", f"{segment['uri']} lasts {segment['duration']} s of {parsed['targetDuration']}"))
        if segment["duration"] <= 0:
            wrong.append(("extinf", f"{segment['uri']} lasts {segment['duration']} s"))
        if segment["uri"].endswith(".m4s") and not segment["map"]:
            wrong.append(("map", f"{segment['uri']} has no EXT-X-MAP"))
    version = re.search(r"#EXT-X-VERSION:(\d+)", text)
    if not version or ("#EXT-X-MAP" in text and "#EXT-X-I-FRAMES-ONLY" not in text and int(version.group(1)) < 6):
        wrong.append(("version", str(version and version.group(0))))
    return wrong


def ts_durations(parts):
    """EXTINF is what the samples last: from the first one to the next segment's. `parts`: [(segment, bytes, breaks)]."""
    wrong = []
    segments = [(segment, Segment(body), breaks) for segment, body, breaks in parts]
    for (segment, now, _), (_, following, breaks) in zip(segments, segments[1:]):
        kind = "video" if now.first_times("video") else "audio"
        for pid, begin in now.first_times(kind).items():
            end = following.first_times(kind).get(pid)
            if breaks or end is None:
                continue
            lasts = apart(end, begin) / 90000
            # of audio a segment may begin up to a frame beside the bound
            if abs(lasts - segment["duration"]) > (0.001 if kind == "video" else 0.07):
                wrong.append(("extinf", f"{segment['uri']} says {segment['duration']} s, lasts {lasts:.4f} s"))
            break
    return wrong


def keys_of_headers(text):
    """{URI of an EXT-X-MAP: [lines of the keys that apply to it]}, one a key format (4.4.4.4)."""
    applying, found = {}, {}
    for line in text.splitlines():
        if line.startswith("#EXT-X-KEY:"):
            method = attribute(line, "METHOD")
            # a new set of keys: those before are of other segments
            if applying and not applying["open"]:
                applying = {}
            applying["open"] = True
            if method != "NONE":
                applying[attribute(line, "KEYFORMAT") or "identity"] = line
        elif line.startswith("#EXT-X-MAP:"):
            found[attribute(line, "URI")] = [each for name, each in applying.items() if name != "open"]
        elif line and not line.startswith("#") and applying:
            applying["open"] = False
    return found


def changes_of_headers(text, parsed, headers):
    """Where nothing begins anew and no key changes, another header says the same. `headers`: {URI: header}."""
    # Between the URIs of two segments: what is said of the second one.
    keyed = {block.splitlines()[-1] for block in re.findall(r"(?:#.*\n|\n)*[^#\n].*", text) if "#EXT-X-KEY" in block}
    wrong = []
    for before, segment in zip(parsed["segments"], parsed["segments"][1:]):
        names = [each["map"] and each["map"]["uri"] for each in (before, segment)]
        if names[0] == names[1] or None in names or segment["discontinuity"] or segment["uri"] in keyed:
            continue
        # of I-frame playlists nothing was read
        if all(name in headers for name in names) and headers[names[0]].data != headers[names[1]].data:
            wrong.append(("map", f"another EXT-X-MAP at {segment['uri']} without a discontinuity"))
    return wrong


def keys(text, headers):
    """The playlist's keys are those that its headers name. `headers`: {URI: header}."""
    wrong = []
    for uri, lines in keys_of_headers(text).items():
        header = headers.get(uri)
        if header is None:
            continue
        if bool(lines) != bool(header.tenc):
            wrong.append(("keys", f"{uri} is {header.entry}, with {len(lines)} keys"))
            continue
        named = {attribute(line, "KEYID").removeprefix("0x").lower() for line in lines if attribute(line, "KEYID")}
        if lines and named != {header.tenc["kid"]}:
            wrong.append(("keys", f"{uri} has the key {header.tenc['kid']}, its playlist {sorted(named)}"))
        methods = {"cenc": {"SAMPLE-AES-CTR"}, "cbcs": {"SAMPLE-AES"}}.get(header.scheme, set())
        if lines and {attribute(line, "METHOD") for line in lines} != methods:
            wrong.append(("keys", f"{uri} is {header.scheme}, its playlist says otherwise"))
    return wrong


def cmaf_durations(header, listed, read):
    """EXTINF is what the samples last, to the millisecond that is written."""
    wrong = []
    for segment, samples in zip(listed, read):
        lasts = (samples.end - samples.begin) / (header.timescale or 1)
        if abs(lasts - segment["duration"]) > 0.001:
            wrong.append(("extinf", f"{segment['uri']} says {segment['duration']} s, lasts {lasts:.4f} s"))
    return wrong


def producer_times(header, listed, read):
    """prft says the date that the playlist has where the segment begins, but for the part of a frame by which a track begins
    after another."""
    wrong = []
    for segment, samples in zip(listed, read):
        if samples.producer is None or segment.get("programDateTime") is None or not header.timescale:
            continue
        date, time = samples.producer
        said = datetime.datetime.fromisoformat(segment["programDateTime"].replace("Z", "+00:00")).timestamp()
        apart = float(date) + (samples.begin - time) / header.timescale - said
        if abs(apart) > A_FRAME:
            wrong.append(("prft", f"{segment['uri']} begins {apart:.3f} s from {segment['programDateTime']}"))
    return wrong
