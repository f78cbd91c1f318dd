#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keys that change each minute: a programme over a bound, pushed faster than it lasts. Another packager decrypts what
is on either side with its own keys and with no others; time shift and clips over the bound are whole; keys outlive a
restart; a key server that is away at the bound leaves the last keys (D2)."""

import base64
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import drm
import judging
import lab
from collect import create, finished, folder_of
from drm import MPD, PACKAGER, fetch, hashes, mpds_are_valid
from lab import Tap, request, wait_until
from timeshift import available, seconds, text_of

PERIOD = 60
LENGTH = 70  # seconds of programme: a bound is in it wherever in a minute it begins
PART = 2  # seconds of an input segment
FRAMES = {"v1": 25 * LENGTH, "a2": 46 * LENGTH}  # at least


def only_once(reply, handler):
    """Spoils every answer but the first one."""
    if handler.server.asked > 1:
        reply.update(status=503, body=b"")


def endpoints(speke, away=""):
    hls = {"protocol": "HLS_CMAF", "timeShiftDays": 1, "manifest": {"segments": 100}}
    dash = {"protocol": "DASH", "timeShiftDays": 1, "manifest": {"manifestWindow": 3600}}
    keys = {"providerUrl": speke, "systems": ["WIDEVINE", "PLAYREADY"], "rotationPeriod": PERIOD}
    return {
        "clear": hls,
        "hls-cbcs": {**hls, "drm": {**keys, "systems": ["FAIRPLAY", "WIDEVINE", "PLAYREADY"], "contentId": "one"}},
        "hls-cenc": {**hls, "drm": {**keys, "encryptionMethod": "CENC", "keyPreset": "VIDEO_AUDIO"}},
        "dash-cbcs": {**dash, "drm": {**keys, "contentId": "one"}},
        "dash-cenc": {**dash, "drm": {**keys, "encryptionMethod": "CENC", "spekeVersion": "1.0"}},
        "away": {**hls, "drm": {**keys, "providerUrl": away}},
    }


ENCRYPTED = [name for name in endpoints("") if name not in ("clear", "away")]


class Programme:
    """Made at once, pushed by parts."""

    def __init__(self, folder, entry):
        self.folder, self.entry, self.pushed = os.path.join(folder, "programme"), entry, 0
        os.makedirs(self.folder)
        picture, sound = "testsrc2=size=320x180:rate=25", "sine=frequency=440:beep_factor=4:sample_rate=48000"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound,
                        "-t", str(LENGTH), "-c:v", "libx264", "-preset", "ultrafast", "-b:v", "200k", "-g", "50",
                        "-keyint_min", "50", "-sc_threshold", "0", "-c:a", "aac", "-f", "hls", "-hls_time", str(PART),
                        "-hls_list_size", "0", os.path.join(self.folder, "v.m3u8")], check=True)
        with open(os.path.join(self.folder, "v.m3u8"), encoding="utf-8") as file:
            self.lines = file.read().splitlines()
        self.names = [line for line in self.lines if line.endswith(".ts")]
        assert len(self.names) == LENGTH // PART, self.names

    def put(self, name, body):
        answer = request(self.entry["url"] + name, "PUT", body, lab.basic(self.entry))
        assert answer.status in (200, 201), (name, answer.status, answer.text)

    def push(self, count):
        """So many segments more; with the last one the stream ends."""
        if not self.pushed:
            self.put(".m3u8", b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=400000\nmanifest-v.m3u8\n")
        for name in self.names[self.pushed:self.pushed + count]:
            with open(os.path.join(self.folder, name), "rb") as file:
                self.put("-" + name, file.read())
        self.pushed = min(self.pushed + count, len(self.names))
        head = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{PART}", "#EXT-X-MEDIA-SEQUENCE:0"]
        durations = [line for line in self.lines if line.startswith("#EXTINF")]
        for duration, name in list(zip(durations, self.names))[:self.pushed]:
            head += [duration, "manifest-" + name]
        if self.pushed == len(self.names):
            head.append("#EXT-X-ENDLIST")
        self.put("-v.m3u8", ("\n".join(head) + "\n").encode())


def minute_of(moment):
    return int(moment // PERIOD)


def status_of(server, name):
    return server.api("GET", f"/channel-groups/g/channels/c/endpoints/{name}/status")["drm"]


def has_next_keys(server, names):
    return all(status_of(server, name)["nextKeyIds"] for name in names)


def push_over_a_bound(server, programme, url):
    """All of it; the keys of the minute after the first part's are there before anything of that minute is."""
    programme.push(3)
    wait_until(lambda: request(url).status == 200, 20, "a first segment")
    edge = available(url)[1].timestamp()
    # Keys that are of the next minute by the clock are so by the content too, once the clock is there.
    wait_until(lambda: minute_of(time.time()) >= minute_of(edge), 2 * PERIOD, "the clock is where the content is")
    wait_until(lambda: has_next_keys(server, ENCRYPTED), 20, "keys of the next period")
    programme.push(len(programme.names))


def hls_parts(text, base):
    """[(EXT-X-KEY lines, URL of the header, [URLs of segments])], a part for each header."""
    parts, keys, fresh = [], [], True
    for line in text.splitlines():
        if line.startswith("#EXT-X-KEY"):
            keys = [] if fresh else keys
            fresh = False
            keys.append(line)
        elif line.startswith("#EXT-X-MAP"):
            parts.append((list(keys), base + re.search(r'URI="([^"]+)"', line).group(1), []))
        elif line and not line.startswith("#"):
            fresh = True
            parts[-1][2].append(base + line)
    return parts


def dash_parts(mpd, base):
    """{representation: [(KID of the manifest, URL of the header, [URLs of segments])]}, a part for each Period."""
    parts = {}
    for period in ElementTree.fromstring(mpd).iter(MPD + "Period"):
        for adaptation_set in period.iter(MPD + "AdaptationSet"):
            protections = adaptation_set.iter(MPD + "ContentProtection")
            kids = [each.get("{urn:mpeg:cenc:2013}default_KID") for each in protections] or [None]
            for representation in adaptation_set.iter(MPD + "Representation"):
                name, template = representation.get("id"), representation.find(MPD + "SegmentTemplate")
                urls, at = [], 0
                for run in template.iter(MPD + "S"):
                    at = int(run.get("t", at))
                    for _ in range(int(run.get("r", 0)) + 1):
                        urls.append(base + template.get("media").replace("$Time$", str(at)))
                        at += int(run.get("d"))
                urls = [each.replace("$RepresentationID$", name) for each in urls]
                header = base + template.get("initialization").replace("$RepresentationID$", name)
                parts.setdefault(name, []).append((kids[0], header, urls))
    return parts


def parts_of(url, query="", get=fetch):
    """{rendition: [(what the manifest says of the keys, header, segments)]}"""
    base = url.rsplit("/", 1)[0] + "/"
    if url.endswith(".mpd"):
        return dash_parts(get(url + query), base)
    names = set(re.findall(r"manifest-(\w+)\.m3u8", get(url + query).decode()))
    return {name: hls_parts(get(f"{base}manifest-{name}.m3u8{query}").decode(), base) for name in names}


def kid_in(header):
    """default_KID of tenc, in hexadecimal."""
    at = header.index(b"tenc") + 4 + 8
    return header[at:at + 16].hex()


def keys_for(server, kids):
    body = json.dumps({"kids": [base64.urlsafe_b64encode(bytes.fromhex(kid)).rstrip(b"=").decode() for kid in kids],
                       "type": "temporary"})
    decode = lambda text: base64.urlsafe_b64decode(text + "==").hex()  # noqa: E731
    answer = json.loads(request(server.control + "/clearkey", "POST", body).body)
    return {decode(key["kid"]): decode(key["k"]) for key in answer["keys"]}


def decrypt(files, kind, keys, folder):
    """Hashes of the frames as shaka-packager decrypts them; none when it will not."""
    if not os.path.exists(PACKAGER):
        raise Tap.Skip("shaka-packager is not installed")
    source, result = os.path.join(folder, "part.mp4"), os.path.join(folder, "decrypted.mp4")
    with open(source, "wb") as file:
        file.write(b"".join(files))
    if os.path.exists(result):
        os.remove(result)
    arguments = ",".join(f"label={i}:key_id={kid}:key={key}" for i, (kid, key) in enumerate(keys.items()))
    run = subprocess.run([PACKAGER, f"in={source},stream={kind},output={result}", "--enable_raw_key_decryption",
                          "--keys", arguments], capture_output=True, text=True, check=False)
    return hashes(result) if run.returncode == 0 else []


def clear_frames(url, query, folder, get=fetch):
    frames = {}
    for rendition, parts in parts_of(url, query, get).items():
        path = os.path.join(folder, "clear.mp4")
        with open(path, "wb") as file:
            file.write(b"".join(get(name) for _, header, segments in parts for name in [header, *segments]))
        frames[rendition] = hashes(path)
    return frames


def check_parts(server, parts, expected, folder, get=fetch, periods=2):
    """Each part with its own keys, and all together nothing but what the clear endpoint has."""
    for rendition, mine in parts.items():
        kind = "audio" if rendition.startswith("a") else "video"
        headers = [get(header) for _, header, _ in mine]
        kids = [kid_in(header) for header in headers]
        assert len(set(kids)) == periods, f"{rendition}: {kids} are not {periods} keys"
        keys = keys_for(server, set(kids))
        decrypted = []
        for (said, _, segments), header, kid in zip(mine, headers, kids):
            if isinstance(said, str):
                assert said.replace("-", "") == kid, (said, kid)
            frames = decrypt([header, *map(get, segments)], kind, {kid: keys[kid]}, folder)
            assert frames, f"{rendition}: nothing was decrypted with {kid}"
            decrypted += frames
        assert decrypted == expected[rendition], f"{rendition}: {len(decrypted)} frames, not {len(expected[rendition])}"


def other_keys_fail(server, urls, name, folder):
    """Of a segment on either side of the bound."""
    parts = parts_of(urls[name])["v1"]
    headers = [fetch(header) for _, header, _ in parts]
    kids = [kid_in(header) for header in headers]
    keys = keys_for(server, set(kids))
    changed = next(i for i in range(1, len(kids)) if kids[i] != kids[i - 1])
    for mine, other, number in ((changed - 1, changed, -1), (changed, changed - 1, 0)):
        files = [headers[mine], fetch(parts[mine][2][number])]
        frames = decrypt(files, "video", {kids[mine]: keys[kids[mine]]}, folder)
        assert frames, "its own key"
        wrong = decrypt(files, "video", {kids[mine]: keys[kids[other]]}, folder)
        assert wrong != frames, "another period's key decrypts it"


def chunks_name_their_keys(urls, folder):
    """A player that goes on with the header it has learns of another key from the chunks (seig)."""
    if not os.path.isdir(os.path.join(lab.HERE, "node_modules", "mp4box")):
        raise Tap.Skip("mp4box is not installed")
    wanted = {}
    for name in ENCRYPTED:
        for parts in parts_of(urls[name]).values():
            for _, header, segments in parts:
                path, head = os.path.join(folder, f"seig-{len(wanted)}.mp4"), fetch(header)
                with open(path, "wb") as file:
                    file.write(head + fetch(segments[0]))
                wanted[path] = [kid_in(head), "1", "8" if "cenc" in name else "0", "65537"]
    run = subprocess.run(["node", os.path.join(lab.HERE, "read_seig.mjs"), *wanted], capture_output=True, text=True,
                         check=False)
    assert run.returncode == 0, run.stderr
    seen = [line.split() for line in run.stdout.splitlines()]
    assert {path for path, *_ in seen} == set(wanted), seen
    for path, *said in seen:
        assert said == wanted[path], (path, said, wanted[path])


def decrypts(server, urls, name, expected, folder):
    for rendition, frames in expected.items():
        assert len(frames) >= FRAMES[rendition], (rendition, len(frames))
    check_parts(server, parts_of(urls[name]), expected, folder)


def bound_of(urls):
    """A minute that begins with new keys at every endpoint."""
    begin, _ = available(urls["clear"])
    kids = [[kid_in(fetch(header)) for _, header, _ in parts_of(urls[name])["v1"]] for name in ENCRYPTED]
    assert len({len(each) for each in kids}) == 1, kids
    changed = [i for i in range(1, len(kids[0])) if all(each[i] != each[i - 1] for each in kids)]
    assert changed, kids
    return begin + seconds(changed[-1] * PERIOD - begin.timestamp() % PERIOD)


def signals(urls):
    # those that are asked for, and ClearKey
    for name, systems in (("hls-cbcs", 4), ("hls-cenc", 3)):
        multivariant, parts = fetch(urls[name]).decode(), parts_of(urls[name])
        listed = {line for rendition in parts.values() for keys, _, _ in rendition for line in keys}
        session = {line.replace("-SESSION", "") for line in multivariant.splitlines() if "-SESSION-KEY:" in line}
        assert session == listed, (session, listed)
        for keys, header, _ in parts["v1"]:
            assert len(keys) == systems, keys
            boxes = re.findall(r"data:text/plain;base64,([^\"]+)", "\n".join(keys))
            assert boxes and all(base64.b64decode(box) in fetch(header) for box in boxes), "not the header's PSSH"
        kids = [kid_in(fetch(header)) for _, header, _ in parts["v1"]]
        for i in range(1, len(kids)):
            old, new = set(parts["v1"][i - 1][0]), set(parts["v1"][i][0])
            assert old == new if kids[i] == kids[i - 1] else not old & new, (old, new)
    # One content id: the same keys and segments in both protocols (product.md, section 3).
    hls, dash = parts_of(urls["hls-cbcs"]), parts_of(urls["dash-cbcs"])
    for rendition, parts in hls.items():
        theirs = [url for _, _, segments in dash[rendition] for url in segments]
        mine = [url for _, _, segments in parts for url in segments]
        assert len(mine) == len(theirs)
        for number in (0, len(parts[0][2]) - 1, len(parts[0][2]), len(mine) - 1):
            assert fetch(mine[number]) == fetch(theirs[number]), (rendition, number)


def window_over(urls):
    bound = bound_of(urls)
    return text_of(bound - seconds(6)), text_of(bound + seconds(6))


def time_shift_decrypts(server, urls, folder):
    start, end = window_over(urls)
    query = f"?start={start}&vodend={end}"
    expected = clear_frames(urls["clear"], query, folder)
    for name in ("hls-cbcs", "dash-cenc"):
        check_parts(server, parts_of(urls[name], query), expected, folder)


def clips_decrypt(server, urls, folder):
    start, end = window_over(urls)
    names = ("clear", "hls-cenc", "dash-cbcs")
    tasks = {name: create(server, name, start, end, {"url": f"file:{name}"}) for name in names}
    where = {}
    for name, task in tasks.items():
        finished(server, task)
        root = os.path.join(server.data, "collections", name)
        where[name] = os.path.join(root, folder_of(root, task), os.path.basename(urls[name]))

    def read(path):
        with open(path.split("?")[0], "rb") as file:
            return file.read()
    expected = clear_frames(where["clear"], "", folder, read)
    for name in ("hls-cenc", "dash-cbcs"):
        judging.judge_file(where[name])
        check_parts(server, parts_of(where[name], "", read), expected, folder, read)


def last_keys_go_on(server, urls, expected, folder):
    """D2: everything has the keys of the first period."""
    parts = parts_of(urls["away"])
    headers = {header for rendition in parts.values() for _, header, _ in rendition}
    assert len({kid_in(fetch(header)) for header in headers}) == 1, headers
    check_parts(server, parts, expected, folder, periods=1)
    status = status_of(server, "away")
    assert "503" in status["lastError"] and not status["nextKeyIds"], status


def without_clearkey(urls):
    """Playlists but for the licences of the built-in provider, which goes."""
    return [[line for line in fetch(urls[name]).decode().splitlines() if "org.w3.clearkey" not in line]
            for name in ENCRYPTED if "hls" in name]


def keys_survive(server, urls, options):
    """After a restart without any key server the same bytes are served on both sides of the bound."""
    wanted = [url for name in ENCRYPTED for parts in parts_of(urls[name]).values()
              for _, header, segments in parts for url in (header, segments[0], segments[-1])]
    before = [fetch(url) for url in wanted]
    manifests = without_clearkey(urls)
    assert server.stop() == 0
    server.options = options
    server.start()
    assert [fetch(url) for url in wanted] == before
    assert without_clearkey(urls) == manifests


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        options = ("--outbound-allow", "127.0.0.1/32")
        server = lab.Server(folder, "--key-provider", "builtin", *options)
        try:
            away = drm.KeyServer(server)
            away.spoil = only_once
            inputs, urls = server.create_channel("g", "c", endpoints(server.control + "/speke", away.url), segment_duration=PART)
            programme = Programme(folder, inputs[0])
            wait_until(lambda: has_next_keys(server, ENCRYPTED), 20, "keys of this period and of the next")
            push_over_a_bound(server, programme, urls["clear"])
            wait_until(lambda: "ENDLIST" in request(drm.hls_media(urls["clear"])).text, 30, "the programme has ended")
            expected = clear_frames(urls["clear"], "", folder)
            for name in ENCRYPTED:
                tap.run(f"shaka-packager decrypts {name}, each period with its own keys", decrypts, server, urls, name,
                        expected, folder)
                tap.run(f"{name}: another period's key fails", other_keys_fail, server, urls, name, folder)
            tap.run("a key server that is away at the bound leaves the last keys (D2)", last_keys_go_on, server, urls, expected, folder)
            tap.run("chunks name their keys", chunks_name_their_keys, urls, folder)
            tap.run("manifests signal each period's keys where it begins", signals, urls)
            tap.run("MPDs are valid against the MPEG schema", mpds_are_valid, urls)
            judging.judge_server(server, tap)
            tap.run("time shift over a bound decrypts", time_shift_decrypts, server, urls, folder)
            tap.run("clips over a bound decrypt", clips_decrypt, server, urls, folder)
            tracks = [parts for name in ENCRYPTED for parts in parts_of(urls[name]).values()]
            keys = keys_for(server, {kid_in(fetch(header)) for parts in tracks for _, header, _ in parts})
            tap.run("keys of all periods outlive their key server and a restart", keys_survive, server, urls, options)
            tap.run("no key in the log or the data directory", drm.no_key_in_files, server, keys.values())
            tap.run("SIGTERM ends the server with 0", lambda: drm.assert_equal(server.stop(), 0))
        finally:
            server.stop()
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
