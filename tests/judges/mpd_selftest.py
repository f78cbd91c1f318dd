#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every rule of the judge of MPDs can fail: presentations that are right have no complaint, and for each rule there is a
mutation that this rule complains of."""

import base64
import functools
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

# pylint: disable=wrong-import-position
import mpd  # noqa: E402
import mpd_rules  # noqa: E402
import synthetic_cmaf as make  # noqa: E402
from lab import Tap  # noqa: E402

NOW = 1_767_225_700  # 2026-01-01T00:01:40Z
KID = "00010203-0405-0607-0809-0a0b0c0d0e0f"
WIDEVINE = bytes.fromhex("edef8ba979d64acea3c827dcd51d21ed")
PSSH = base64.b64encode(make.full("pssh", 0, 0, WIDEVINE, make.u32(0))).decode()
PROTECTION = f"""<ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cenc" cenc:default_KID="{KID}"/>
  <ContentProtection schemeIdUri="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed">
   <cenc:pssh>{PSSH}</cenc:pssh></ContentProtection>"""
# where a Period begins in media time: a GOP is a second of video, 47 frames of audio
SPANS = [("p1", "PT0S", 0, 3), ("p2", "PT6.016S", 6, 2)]


def period(name, start, gop, count, protection=""):
    video, audio = gop * 90000, gop * 47 * 1024
    return f"""<Period id="{name}" start="{start}">
 <AdaptationSet id="1" contentType="video" mimeType="video/mp4" segmentAlignment="true" lang="en">{protection}
  <InbandEventStream schemeIdUri="urn:example:x"/><Role schemeIdUri="urn:mpeg:dash:role:2011" value="main"/>
  <Representation id="v1" bandwidth="100000" codecs="avc1.42C00A" width="64" height="48" frameRate="25">
   <SegmentTemplate timescale="90000" presentationTimeOffset="{video}"
    initialization="i-$RepresentationID$" media="$RepresentationID$-$Time$"><SegmentTimeline><S t="{video}" d="180000" r="{count - 1}"/></SegmentTimeline></SegmentTemplate></Representation>
  <Representation id="v2" bandwidth="50000" codecs="avc1.42C00A" width="64" height="48" frameRate="25">
   <SegmentTemplate timescale="90000" presentationTimeOffset="{video}"
    initialization="i-$RepresentationID$" media="$RepresentationID$-$Time$"><SegmentTimeline><S t="{video}" d="180000" r="{count - 1}"/></SegmentTimeline></SegmentTemplate></Representation>
 </AdaptationSet>
 <AdaptationSet id="2" contentType="audio" mimeType="audio/mp4">{protection}
  <InbandEventStream schemeIdUri="urn:example:x"/>
  <Representation id="a1" bandwidth="9000" codecs="mp4a.40.2" audioSamplingRate="48000">
   <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="1"/>
   <SegmentTemplate timescale="48000" presentationTimeOffset="{audio}"
    initialization="i-$RepresentationID$" media="$RepresentationID$-$Time$"><SegmentTimeline><S t="{audio}" d="96256"/><S d="96256" r="{count - 2}"/></SegmentTimeline></SegmentTemplate></Representation>
 </AdaptationSet></Period>
"""


LIVE = ('type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z" publishTime="2026-01-01T00:01:30Z" '
        'minimumUpdatePeriod="PT2S" timeShiftBufferDepth="PT60S" suggestedPresentationDelay="PT6S"')
STATIC = 'type="static" mediaPresentationDuration="PT10.027S"'
CLOCK = '<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="/time"/>'


def presentation(of=LIVE, clock=CLOCK, protection=""):
    periods = "".join(period(*span, protection) for span in SPANS)
    return (f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013" '
            f'profiles="urn:mpeg:dash:profile:isoff-live:2011" {of} minBufferTime="PT4S">\n{periods}{clock}</MPD>')


@functools.cache
def segment_at(kind, gop, scheme):
    return make.segment(kind, gop, 2, scheme, 0.016 if kind == "v" and gop >= SPANS[1][2] else 0)


def served(scheme=None, **replaced):
    """What `fetch` gives for a URL."""
    def fetch(url):
        name = url.rsplit("/", 1)[1]
        if name in replaced or name.replace("-", "_") in replaced:
            return replaced[name.replace("-", "_")]
        if name == "time":
            return b"2026-01-01T00:01:40Z"
        kind = name.split("-")[-1 if name.startswith("i-") else 0][0]
        if name.startswith("i-"):
            return make.header(kind, scheme)
        if not name.split("-")[1].isdigit():
            return None
        time = int(name.split("-")[1])
        return segment_at(kind, time // (90000 if kind == "v" else 47 * 1024), scheme)
    return fetch


def sub(pattern, replacement, count=1, base=presentation, **of):
    def mutated():
        text, done = re.subn(pattern, replacement, base(**of), count=count)
        assert done, pattern
        return text, served()
    return mutated


def protected(pattern, replacement):
    def mutated():
        text, done = re.subn(pattern, replacement, presentation(protection=PROTECTION), count=1)
        assert done, pattern
        return text, served("cenc")
    return mutated


def serving(**replaced):
    return lambda: (presentation(), served(**replaced))


MUTATIONS = {
    "root": sub("isoff-live", "isoff-main"),
    "availability": sub('availabilityStartTime="2026', 'availabilityStartTime="2027'),
    "publish-time": sub('publishTime="2026-01-01T00:01', 'publishTime="2026-01-01T00:02'),
    "update-period": sub('minimumUpdatePeriod="PT2S"', ""),
    "min-buffer": sub('minBufferTime="PT4S"', 'minBufferTime="PT8S"'),
    "delay": sub('suggestedPresentationDelay="PT6S"', 'suggestedPresentationDelay="PT61S"'),
    "window": sub('type="static"', 'type="static" timeShiftBufferDepth="PT60S"', of=STATIC),
    "duration": sub("PT10.027S", "PT11S", of=STATIC),
    "utc-timing": sub("<UTCTiming[^>]*>", ""),
    "period-id": sub('<Period id="p2"', '<Period id="p1"'),
    "period-start": sub("PT6.016S", "PT5S"),
    "period-continuity": sub('PT6.016S">', 'PT8S"><SupplementalProperty schemeIdUri="urn:mpeg:dash:period-continuity:2015" '
                             'value="p1"/>'),
    "set-id": sub('<AdaptationSet id="2"', '<AdaptationSet id="1"'),
    "set-type": sub('mimeType="audio/mp4"', 'mimeType="video/mp4"'),
    "representation-id": sub('id="v2"', 'id="v1"'),
    "bandwidth": sub('bandwidth="9000"', 'bandwidth="0"'),
    "codecs": sub("avc1", "hvc1"),
    "video": sub('width="64"', 'width="60"'),
    "audio": sub('audioSamplingRate="48000"', ""),
    "role": sub('value="main"', 'value="first"'),
    "language": sub('lang="en"', 'lang="ENGLISH!"'),
    "template": sub(r"\$Time\$", "$Number$"),
    "timescale": sub('timescale="48000"', 'timescale="44100"'),
    "timeline": sub('S t="0"', "S"),
    "overlap": sub('<S d="96256" r="1"/>', '<S t="90000" d="96256" r="1"/>'),
    "alignment": sub('(?s)(id="v2".*?) r="2"', r'\1 r="1"'),
    "period-bounds": sub('presentationTimeOffset="540000"', 'presentationTimeOffset="900000"'),
    "future": sub('availabilityStartTime="2026-01-01T00:00', 'availabilityStartTime="2026-01-01T00:01:39Z" x="'),
    "segment-time": serving(v1_180000=make.segment("v", 3)),
    "producer-time": serving(v1_180000=make.segment("v", 2, later=0.01)),
    "segment-duration": sub('<S d="96256" r="1"/>', '<S d="96000"/><S t="192512" d="96256"/>'),
    "protection": protected('value="cenc"', 'value="cbcs"'),
    "default-kid": protected('default_KID="00', 'default_KID="ff'),
    "pssh": protected("edef8ba9-79d6", "9a04f079-9840"),
    "events": sub('<InbandEventStream schemeIdUri="urn:example:x"/>', ""),
    "status": serving(v1_180000=None),
}
UPDATES = {
    "availabilityStartTime": ("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"), "publishTime": ("00:01:30", "00:01:20"),
    "the start of a Period": ("PT6.016S", "PT6.02S"), "an offset": ('presentationTimeOffset="0"', 'presentationTimeOffset="5"'),
    "a set's id": ('<AdaptationSet id="2"', '<AdaptationSet id="3"'), "a segment": ('d="96256"/>', 'd="96255"/>'),
    "the list": ('r="1"/>', 'r="0"/>'),
}


def complains(rule):
    text, fetch = MUTATIONS[rule]()
    found = mpd.check(text, "http://x/m.mpd", fetch, NOW)
    assert rule in {each[0] for each in found}, f"found only {found[:5]}"


def good(of, protection, scheme):
    text = presentation(of, CLOCK if of == LIVE else "", protection)
    found = mpd.check(text, "http://x/m.mpd", served(scheme), NOW)
    assert found == [], found[:5]


def update(old, new):
    first = presentation()
    assert mpd.check_update(first, first) == []
    assert mpd.check_update(first, first.replace('r="1"/>', 'r="2"/>')) == [], "a longer list is what updates are for"
    assert {rule for rule, _ in mpd.check_update(first, first.replace(old, new, 1))} == {"update"}


def main():
    tap = Tap()
    tap.run("a live presentation of two Periods that is right has no complaint", good, LIVE, "", None)
    tap.run("a static one neither", good, STATIC, "", None)
    tap.run("an encrypted one neither", good, LIVE, PROTECTION, "cenc")
    for rule, clause in mpd_rules.RULES.items():
        if rule != "update":
            tap.run(f"{rule} ({clause}) can fail", complains, rule)
    for what, (old, new) in UPDATES.items():
        tap.run(f"update ({mpd_rules.RULES['update']}) can fail: {what}", update, old, new)
    tap.done()


if __name__ == "__main__":
    main()
