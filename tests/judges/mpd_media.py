# SPDX-License-Identifier: Apache-2.0
"""What an MPD says of its media, against the headers and segments themselves."""

import base64
import re

import cmaf_run
from cmaf_header import Header
from mpd_model import NAMESPACE, moment

CENC = "{urn:mpeg:cenc:2013}"
PROTECTION = "urn:mpeg:dash:mp4protection:2011"
CODECS = {"avc1": ("avc1",), "avc3": ("avc3",), "hvc1": ("hvc1",), "hev1": ("hev1",), "mp4a": ("mp4a",), "ac-3": ("ac-3",),
          "ec-3": ("ec-3",), "Opus": ("Opus", "opus"), "av01": ("av01",), "vp09": ("vp09",), "wvtt": ("wvtt",)}
FRAME = 0.05  # a frame of audio may lie over the bound


def check(judge):
    for index, period in enumerate(judge.periods):
        following = judge.periods[index + 1].start if index + 1 < len(judge.periods) else None
        for representation in period.representations:
            if representation.template is None or not representation.entries:
                continue
            check_place(judge, period, following, representation)
            header = fetch_header(judge, representation)
            check_segments(judge, period, representation, header)


def check_place(judge, period, following, representation):
    where = f"{period.id}/{representation.id}"
    first = representation.entries[0]
    if period.at(representation, first[1] + first[2]) <= (period.start or 0) - FRAME:
        judge.say("period-bounds", f"{where}: the first segment ends before the Period begins")
    if following is not None and period.at(representation, representation.entries[-1][1]) >= following:
        judge.say("period-bounds", f"{where}: the last segment begins behind the Period")
    began = moment(judge.root.get("availabilityStartTime"))
    if judge.dynamic and began is not None:
        ends = began + period.at(representation, representation.end)
        if ends > judge.now + 2:
            judge.say("future", f"{where}: the last segment ends {float(ends - judge.now):.1f} s from now")


def fetch_header(judge, representation):
    data = judge.fetch(judge.resolved(representation.url("initialization")))
    if data is None:
        judge.say("status", f"{representation.url('initialization')} is not there")
        return None
    header = Header(data)
    judge.complaints += [(rule, f"{representation.id}: {text}") for rule, text in header.complaints]
    if representation.timescale != header.timescale:
        judge.say("timescale", f"{representation.id}: {representation.timescale}, in the header {header.timescale}")
    codecs = representation.attribute("codecs") or ""
    if "," in codecs or not codecs.startswith(CODECS.get(header.format, ("?",))):
        judge.say("codecs", f"{representation.id}: {codecs}, in the header {header.format}")
    kind = representation.adaptation_set.get("contentType")
    if kind == "video":
        check_video(judge, representation, header)
    elif kind == "audio":
        channels = representation.descriptors("AudioChannelConfiguration")
        if not representation.attribute("audioSamplingRate") or not channels:
            judge.say("audio", f"{representation.id}: {representation.attribute('audioSamplingRate')}, {len(channels)} channels")
    check_protection(judge, representation, header)
    return header


def check_video(judge, representation, header):
    size = tuple(int(representation.attribute(name) or 0) for name in ("width", "height"))
    shape = re.fullmatch(r"(\d+):(\d+)", representation.attribute("sar") or "1:1")
    # the track's size is that of square pixels
    expected = {size, (round(size[0] * int(shape.group(1)) / int(shape.group(2))), size[1])} if shape else {size}
    if header.size not in expected:
        judge.say("video", f"{representation.id}: {size}, in the header {header.size}")
    rate = representation.attribute("frameRate")
    if rate is not None and not re.fullmatch(r"[1-9]\d*(/[1-9]\d*)?", rate):
        judge.say("video", f"{representation.id}: frameRate {rate}")
    if not 0 < len(representation.attribute("codecs") or "") < 64:
        judge.say("video", f"{representation.id}: no codecs")


def check_protection(judge, representation, header):
    listed = representation.descriptors("ContentProtection")
    general = [each for each in listed if each.get("schemeIdUri") == PROTECTION]
    if bool(general) != bool(header.tenc) or listed and not general:
        judge.say("protection", f"{representation.id}: {len(listed)} ContentProtection, header {header.entry}")
        return
    for each in general:
        if each.get("value") != header.scheme:
            judge.say("protection", f"{representation.id}: {each.get('value')}, in the header {header.scheme}")
        if (each.get(CENC + "default_KID") or "").replace("-", "").lower() != header.tenc["kid"]:
            judge.say("default-kid", f"{representation.id}: {each.get(CENC + 'default_KID')}, in the header {header.tenc['kid']}")
    for each in listed:
        system = (each.get("schemeIdUri") or "").removeprefix("urn:uuid:").replace("-", "").lower()
        for pssh in each.findall(CENC + "pssh"):
            data = base64.b64decode(pssh.text.strip())
            if data[4:8] != b"pssh" or data[12:28].hex() != system or int.from_bytes(data[:4], "big") != len(data):
                judge.say("pssh", f"{representation.id}: of system {data[12:28].hex()} at {system}")


def check_segments(judge, period, representation, header):
    if header is None or not header.timescale:
        return
    parts, times, lost = [], [], True
    for (_, before, length), (_, time, lasts) in zip([(None, -1, 0), *representation.entries], representation.entries):
        data = judge.fetch(judge.resolved(representation.url("media", time)))
        if data is None:
            judge.say("status", f"{representation.url('media', time)} is not there")
            lost = True
            continue
        parts.append((representation.url("media", time), data, lost or before + length != time))
        times.append((time, lasts))
        lost = False
    wrong, segments = cmaf_run.check_run(header, parts)
    judge.complaints += wrong
    announced = {each.get("schemeIdUri") for each in representation.descriptors("InbandEventStream")}
    # @t is the decode time, the first picture of a stream with B-frames shows later; in all of the Period by the same
    later = {segment.presentation()[0][0] - time for (time, _), segment in zip(times, segments) if segment.presentation()}
    if len(later) > 1 or any(not 0 <= each < header.timescale / 2 for each in later):
        judge.say("segment-time", f"{representation.id}: the first sample shows {sorted(later)} ticks behind @t")
    began = moment(judge.root.get("availabilityStartTime"))
    # a live edge of some time ago is shown as if it were now
    offset = int((re.search(r"[?&]offset=(\d+)", judge.url) or [0, 0])[1])
    for (time, lasts), segment in zip(times, segments):
        if segment.producer is not None and judge.dynamic and began is not None:
            apart = segment.producer[0] + offset - began - period.at(representation, segment.producer[1])
            if abs(apart) > 0.002:
                judge.say("producer-time", f"{representation.id}: prft of {time} is {float(apart):.3f} s from the MPD's clock")
        if segment.begin != time:
            judge.say("segment-time", f"{representation.id}: {time} has tfdt {segment.begin}")
        if segment.end - segment.begin != lasts:
            judge.say("segment-duration", f"{representation.id}: {time} says {lasts}, lasts {segment.end - segment.begin}")
        for event in segment.events:
            if event and event[0].decode("utf-8", "replace") not in announced:
                judge.say("events", f"{representation.id}: {event[0]} is not announced")
