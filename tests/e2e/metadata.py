#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ID3, SCTE 35 and event messages from an encoder to players, through every protocol, a lost input and encryption."""

import glob
import json
import os
import re
import subprocess

import judging
import lab
import timed_metadata as tm
from lab import Tap, request, wait_until
from streams import ffmpeg, is_over, put

SECONDS = 16
BREAK = 2_700_000
ENDPOINTS = {
    "hls": {"protocol": "HLS", "manifest": {"segments": 100}, "segmentDuration": 4},
    "separate": {"protocol": "HLS", "audioSeparation": True, "manifest": {"segments": 100}},
    "cmaf": {"protocol": "HLS_CMAF", "manifest": {"segments": 100}},
    "dash": {"protocol": "DASH", "manifest": {"manifestWindow": 3600}},
}
PROTECTED = {"protocol": "HLS_CMAF", "manifest": {"segments": 100}, "drm": {"encryptionMethod": "SAMPLE_AES", "systems": ["WIDEVINE"]}}
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0"]
SOURCE = ["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=sample_rate=48000"]
MULTIVARIANT = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=500000\nlive.m3u8\n"


def tags(first):
    """[(presentation time, tag)]: one in the middle of each second."""
    return [(first + 90_000 * second + 45_000 + 7, tm.id3(f"second {second}")) for second in range(1, SECONDS - 1)]


def cues(first):
    """[(sent at, splice time or None: at once, section)]"""
    return [(first + 4 * 90_000, first + 8 * 90_000, tm.time_signal((first + 8 * 90_000) % 2**33)),
            (first + 10 * 90_000 + 3600, None, tm.splice_now(42, BREAK))]


def make_ts(folder, offset):
    """Segments with metadata; the time of the first picture. `offset` (s) moves all times."""
    os.makedirs(folder)
    ffmpeg(*SOURCE, "-t", str(SECONDS), *X264, "-c:a", "aac", "-output_ts_offset", str(offset), "-f", "hls", "-hls_time", "2",
           "-hls_list_size", "0", "-hls_segment_filename", os.path.join(folder, "s-%d.ts"), os.path.join(folder, "live.m3u8"))
    names = sorted(glob.glob(os.path.join(folder, "s-*.ts")), key=lambda name: int(re.search(r"-(\d+)\.ts", name).group(1)))
    with open(names[0], "rb") as file:
        first = first_picture(file.read())
    events = sorted([(sent, None, section) for sent, _, section in cues(first)] +
                    [(time - 7, time % 2**33, tag) for time, tag in tags(first)], key=lambda event: event[0])
    inserter = tm.TsInserter()
    for index, name in enumerate(names):
        begin, end = first + 180_000 * index, first + 180_000 * (index + 1)
        with open(name, "rb") as file:
            segment = file.read()
        mine = [(sent % 2**33, pts, data) for sent, pts, data in events if begin <= sent < end]
        with open(name, "wb") as file:
            file.write(inserter.insert(segment, mine))
    return names, first


def first_picture(segment):
    for at in range(0, len(segment), 188):
        packet = segment[at:at + 188]
        begin = 4 + (packet[4] + 1 if packet[3] & 0x20 else 0)
        if packet[1] & 0x40 and packet[begin:begin + 3] == b"\0\0\x01" and packet[begin + 3] & 0xF0 == 0xE0:
            return tm.decode_time(packet[begin:])
    raise AssertionError("no picture")


def push(inputs, names, lost_from):
    """Both inputs; the first one has nothing more to say from segment `lost_from` on."""
    for index, name in enumerate(names):
        alive = inputs if index < lost_from else inputs[1:]
        with open(name, "rb") as file:
            put(alive, os.path.basename(name), file.read())
        listed = "".join(f"#EXTINF:2.0,\n{os.path.basename(item)}\n" for item in names[:index + 1])
        end = "#EXT-X-ENDLIST\n" if index + 1 == len(names) else ""
        put(alive, "live.m3u8", f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n{listed}{end}".encode())
        if index == 0:
            put(alive, "manifest.m3u8", MULTIVARIANT)


def segments_of(url, kind="v"):
    """(init or None, [segment bodies]) of the first video or the audio rendition."""
    base = url.rsplit("/", 1)[0] + "/"
    text = request(url).text
    if url.endswith(".mpd"):
        number = "v1" if kind == "v" else "a2"
        match = re.search(rf'<Representation id="{number}".*?</Representation>', text, re.S).group(0)
        template = re.search(r'initialization="([^"]+)" media="([^"]+)"', match)
        times, at = [], 0
        for run in re.findall(r"<S ([^/]*)/>", match):
            fields = dict(re.findall(r'(\w)="(\d+)"', run))
            at = int(fields.get("t", at))
            for _ in range(int(fields.get("r", 0)) + 1):
                times.append(at)
                at += int(fields["d"])
        names = [template.group(2).replace("$RepresentationID$", number).replace("$Time$", str(time)) for time in times]
        init = template.group(1).replace("$RepresentationID$", number)
    else:
        rendition = re.search(r'TYPE=AUDIO.*URI="([^"]+)"', text)
        media = rendition.group(1) if kind == "a" else [line for line in text.splitlines() if line and line[0] != "#"][0]
        listing = request(base + media).text
        names = [line for line in listing.splitlines() if line and line[0] != "#"]
        init = (re.findall(r'#EXT-X-MAP:URI="([^"]+)"', listing) or [None])[0]
    bodies = []
    for name in names:
        answer = request(base + name)
        assert answer.status == 200, f"{name}: {answer.status}"
        bodies.append(answer.body)
    return request(base + init).body if init else None, bodies


def in_ts(folder, bodies):
    """What ffprobe reads: {codec name: [(pts, hash of the data)]}."""
    path = os.path.join(folder, "out.ts")
    with open(path, "wb") as file:
        for body in bodies:
            file.write(body)
    run = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "d", "-show_packets", "-show_data", "-show_data_hash", "md5",
                          "-show_streams", "-of", "json", path], capture_output=True, text=True, check=True)
    report = json.loads(run.stdout)
    names = {stream["index"]: stream.get("codec_name") for stream in report["streams"]}
    found = {}
    for packet in report["packets"]:
        found.setdefault(names[packet["stream_index"]], []).append((packet.get("pts"), hex_of(packet["data"])))
    return found


def as_ffmpeg_sees(tag):
    """It takes the first five bytes for a header (of KLV, which has the same stream_type); players do not."""
    return tag[5:].hex()


def hex_of(dump):
    return "".join(re.sub(r"\s", "", line[9:50]) for line in dump.strip().splitlines())


def ts_has_all(folder, url, first):
    found = in_ts(folder, segments_of(url)[1])
    wanted = [(time % 2**33, as_ffmpeg_sees(tag)) for time, tag in tags(first)]
    got = [(pts % 2**33, data) for pts, data in found["timed_id3"]]
    assert got == wanted, f"{got[:2]} … {len(got)} instead of {wanted[:2]} … {len(wanted)}"
    sections = [data for _, data in found["scte_35"] if not data.startswith("fc3011")]
    assert sections == [section.hex() for _, _, section in cues(first)], found["scte_35"]


def events_in(bodies):
    return [tm.read_emsg(body) for segment in bodies for kind, _, body in tm.boxes(segment) if kind == "emsg"]


def expected_events(first):
    """[(scheme, time, duration, data)] in the order of time."""
    wanted = [(tm.AOM_ID3, time - first, tm.UNKNOWN, tag) for time, tag in tags(first)]
    # at once: the picture that was being sent, which is the one before
    wanted += [(tm.SCTE35, (time or sent - 3600) - first, tm.UNKNOWN if time else BREAK, section)
               for sent, time, section in cues(first)]
    return sorted(wanted, key=lambda event: event[1])


def cmaf_has_all(url, first):
    _, bodies = segments_of(url)
    began = tm.first_decode_time(bodies[0])
    found = events_in(bodies)
    assert {event[2] for event in found} == {90_000}
    got = sorted(((scheme, time - began, duration, data) for scheme, _, _, time, duration, _, data in found),
                 key=lambda event: event[1])
    assert got == expected_events(first), f"{[e[:3] for e in got]} instead of {[e[:3] for e in expected_events(first)]}"
    numbers = [event[5] for event in found]
    assert len(set(numbers)) == len(numbers), numbers
    for segment in bodies:
        kinds = [kind for kind, _, _ in tm.boxes(segment)]
        assert "emsg" not in kinds[kinds.index("moof"):], f"behind the first moof: {kinds}"


def splices_are_said_early(url, first):
    """The section of a splice that is 4 s ahead is in the segment of the picture it came with, or before."""
    began = None
    for segment in segments_of(url)[1]:
        start = tm.first_decode_time(segment)
        began = start if began is None else began
        for kind, _, body in tm.boxes(segment):
            if kind != "emsg" or tm.read_emsg(body)[0] != tm.SCTE35:
                continue
            sent = min(sent for sent, _, section in cues(first) if section == tm.read_emsg(body)[6]) - first
            assert start - began <= sent, (start - began, sent)


def same_bytes(urls):
    cmaf, dash = segments_of(urls["cmaf"])[1], segments_of(urls["dash"])[1]
    assert cmaf == dash and len(cmaf) >= 8, (len(cmaf), len(dash))
    assert not events_in(segments_of(urls["dash"], "a")[1]), "once is enough"


def mpd_announces(url):
    text = request(url).text
    video = text[text.index('contentType="video"'):text.index('contentType="audio"')]
    assert f'<InbandEventStream schemeIdUri="{tm.SCTE35}"/>' in video and f'<InbandEventStream schemeIdUri="{tm.AOM_ID3}"/>' in video
    assert "InbandEventStream" not in text[text.index('contentType="audio"'):]
    schema = os.path.join(lab.SHARED, "schemas", "dash", "DASH-MPD.xsd")
    found = glob.glob(os.path.join(lab.SHARED, "schemas", "**", "DASH-MPD.xsd"), recursive=True)
    if not found:
        raise Tap.Skip(f"{schema} is not here")
    run = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", found[0], "-"], input=text, text=True,
                         capture_output=True, check=False)
    assert run.returncode == 0, run.stderr[-1500:]


def players_hear(urls, first):
    cases = [{"name": f"{player}-{name}", "player": player, "url": urls[name], "metadata": True, "from_start": True}
             for player, name in (("hls.js", "hls"), ("hls.js", "cmaf"), ("shaka", "cmaf"), ("shaka", "dash"), ("dash.js", "dash"))]
    results = lab.play(cases, 14)
    wanted = [(time - first) / 90_000 for time, _ in tags(first)]
    for name, result in results.items():
        assert result["errors"] == [], f"{name}: {result['errors']}"
        heard = result["metadata"]
        tag_times = sorted({round(time - result["began"], 2) for kind, time in heard if kind == "id3"})
        near = [min(abs(time - one) for one in wanted) for time in tag_times]
        assert len(tag_times) >= 5 and max(near) < 0.05, f"{name}: {tag_times}, {result['began']}"
        if not name.startswith("hls.js"):  # it leaves SCTE 35 to others
            assert any(kind == "scte35" for kind, _ in heard), f"{name}: {heard}"


def make_fragments(folder):
    """Fragmented MP4 with emsg boxes of both versions; {time in ms: data}."""
    os.makedirs(folder)
    ffmpeg(*SOURCE[:4], "-t", str(SECONDS), *X264, "-f", "hls", "-hls_segment_type", "fmp4", "-hls_time", "2",
           "-hls_list_size", "0", "-hls_segment_filename", os.path.join(folder, "s-%d.m4s"), os.path.join(folder, "live.m3u8"))
    names = sorted(glob.glob(os.path.join(folder, "s-*.m4s")), key=lambda name: int(re.search(r"-(\d+)\.m4s", name).group(1)))
    sent = {}
    for index, name in enumerate(names):
        with open(name, "rb") as file:
            body = file.read()
        moof = next(at for kind, at, _ in tm.boxes(body) if kind == "moof")
        absolute, relative = 2000 * index + 500, 2000 * index + 1500
        sent[absolute], sent[relative] = tm.id3(f"at {absolute}"), tm.id3(f"at {relative}")
        added = (tm.emsg(tm.AOM_ID3, "", 1000, absolute, tm.UNKNOWN, 2 * index, sent[absolute]) +
                 tm.emsg("https://developer.apple.com/streaming/emsg-id3", "", 1000, 1500, 0, 2 * index + 1, sent[relative], 0) +
                 tm.emsg("urn:mpeg:dash:event:2012", "1", 1000, absolute, 0, 5, b"2026-01-01T00:00:00Z"))
        with open(name, "wb") as file:
            file.write(body[:moof] + added + body[moof:])
    return names, sent


def fragments_keep_theirs(server, folder):
    names, sent = make_fragments(os.path.join(folder, "fragments"))
    inputs, urls = server.create_channel("f", "c", {key: ENDPOINTS[key] for key in ("hls", "cmaf")}, protocol="HLS_CMAF")
    with open(os.path.join(folder, "fragments", "init.mp4"), "rb") as file:
        put(inputs, "init.mp4", file.read())
    listed = "".join(f"#EXTINF:2.0,\n{os.path.basename(name)}\n" for name in names)
    for name in names:
        with open(name, "rb") as file:
            put(inputs, os.path.basename(name), file.read())
    put(inputs, "manifest.m3u8", MULTIVARIANT)
    for end in ("", "#EXT-X-ENDLIST\n"):  # no input ends before both have begun
        put(inputs, "live.m3u8", f'#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI="init.mp4"\n{listed}{end}'.encode())
    wait_until(lambda: is_over(urls["cmaf"]), 20, "the fragments are in the output")
    _, bodies = segments_of(urls["cmaf"])
    found = events_in(bodies)
    began = tm.first_decode_time(bodies[0])
    scale = found[0][2]
    got = {round((event[3] - began) * 1000 / scale): event[6] for event in found}
    assert got == sent and len(found) == len(sent), (sorted(got), sorted(sent))
    assert {event[0] for event in found} == {tm.AOM_ID3, "https://developer.apple.com/streaming/emsg-id3"}
    packets = in_ts(folder, segments_of(urls["hls"])[1])["timed_id3"]
    first = packets[0][0]
    got = [(round((pts - first) / 90) + 500, data) for pts, data in packets]
    wanted = [(time, as_ffmpeg_sees(data)) for time, data in sent.items()]
    assert got == wanted, (got, wanted)


def encrypted_has_them_in_clear(server, url, first):
    status = server.api("GET", "/channel-groups/g/channels/c/endpoints/protected/status")["drm"]
    assert status["keyIds"], status
    header, bodies = segments_of(url)
    assert b"encv" in header and all(b"senc" in body for body in bodies)
    cmaf_has_all(url, first)


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        server = lab.Server(folder, "--key-provider", "builtin")
        try:
            # the times wrap in the middle: 2^33 ticks less 8 s
            names, first = make_ts(os.path.join(folder, "stream"), 2**33 / 90_000 - 8 - 1.4)
            inputs, urls = server.create_channel("g", "c", {**ENDPOINTS, "protected": protected(server)})
            push(inputs, names, lost_from=4)
            wait_until(lambda: is_over(urls["cmaf"]), 20, "the stream is over in the output")
            for name in ("hls", "separate"):
                tap.run(f"{name}: tags and sections are where they were, over a wrap and a lost input", ts_has_all, folder,
                        urls[name], first)
            for name in ("cmaf", "dash"):
                tap.run(f"{name}: emsg boxes say when, once each", cmaf_has_all, urls[name], first)
            tap.run("splices are said ahead of their time", splices_are_said_early, urls["cmaf"], first)
            tap.run("HLS_CMAF and DASH have the same segments, the sound none of it", same_bytes, urls)
            tap.run("the MPD announces the schemes and is valid", mpd_announces, urls["dash"])
            tap.run("encrypted segments have them in the clear", encrypted_has_them_in_clear, server, urls["protected"], first)
            tap.run("emsg boxes of fragmented MP4 come out of every protocol", fragments_keep_theirs, server, folder)
            judging.judge_server(server, tap)
            tap.run("players hear them", players_hear, urls, first)
        finally:
            tap.run("SIGTERM ends the server with 0", lambda: exits_with_zero(server))
    tap.done()


def protected(server):
    return {**PROTECTED, "drm": {**PROTECTED["drm"], "providerUrl": f"{server.control}/speke"}}


def exits_with_zero(server):
    assert server.stop() == 0


if __name__ == "__main__":
    main()
