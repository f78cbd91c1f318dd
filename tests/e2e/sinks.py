#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hlsmanifestsink and dashmanifestsink from gst-launch: into directories, judged by ffmpeg, hls-parser, the MPEG schema
and players; and over HTTP into both inputs of a running channel."""

import functools
import glob
import http.server
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import judging
import lab
from lab import Tap, request, wait_until
from streams import ffmpeg

FRAMES, RATE = 300, 25  # 12 s
PICTURES = (f"videotestsrc num-buffers={FRAMES} pattern=ball ! video/x-raw,width=320,height=180,framerate={RATE}/1 ! "
            f"x264enc key-int-max={RATE} bframes=2 speed-preset=ultrafast ! h264parse")
SOUND = "audiotestsrc num-buffers=563 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse"
VIDEO, AUDIO = PICTURES + " ! cmafpackager", SOUND + " ! cmafpackager"
TS = "tspackager segment-duration=2"

# h264parse leaves x264enc's parameter sets in the access units of stream-format=avc
X264ENC = ("in-band-sets",)


def launch(line, timeout=60):
    run = subprocess.run(["gst-launch-1.0", "-q", *line.split()], capture_output=True, text=True, timeout=timeout,
                         env=lab.build_environment(), check=False)
    return run


def written(folder, sink, *properties, audio=True):
    out = os.path.join(folder, "out")
    shutil.rmtree(out, ignore_errors=True)
    line = f"{sink} name=s location={out} segment-duration=2 {' '.join(properties)} {VIDEO} ! queue ! s."
    if audio:
        line += f" {AUDIO} ! queue ! s."
    run = launch(line)
    assert run.returncode == 0 and "CRITICAL" not in run.stderr, run.stderr
    return out


def written_ts(folder, *properties, pads=None):
    """HLS with TS segments. `pads`: what goes into the sink, each a launch line; else one pad with video and audio."""
    out = os.path.join(folder, "out")
    shutil.rmtree(out, ignore_errors=True)
    line = f"hlsmanifestsink name=s location={out} segment-duration=2 {' '.join(properties)} "
    line += " ".join(f"{pad} ! s." for pad in pads or
                     [f"{PICTURES} ! queue ! t. {SOUND} ! queue ! t. {TS} name=t"])
    run = launch(line)
    assert run.returncode == 0 and "CRITICAL" not in run.stderr, run.stderr
    return out


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def frame_count(path):
    text = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=codec_type,nb_read_frames",
                           "-of", "csv=p=0", path], capture_output=True, text=True, check=True).stdout
    return {kind: int(count) for kind, count in re.findall(r"^(video|audio),(\d+)", text, re.M)}


def hls_is_complete_and_plays(folder):
    out = written(folder, "hlsmanifestsink")
    main = read(out, "manifest.m3u8")
    assert re.search(r'CODECS="avc1\.[0-9A-F]{6},mp4a\.40\.2",RESOLUTION=320x180,FRAME-RATE=25\.000', main), main
    media = read(out, "manifest-v1.m3u8")
    assert media.count("#EXTINF:2.00000,") == 6 and media.rstrip().endswith("#EXT-X-ENDLIST"), media
    assert "PLAYLIST-TYPE" not in media, media
    # no frame is lost at either end; the last audio frames belong to the last segment
    counts = frame_count(os.path.join(out, "manifest.m3u8"))
    assert counts["video"] == FRAMES and 563 <= counts["audio"] <= 564, counts
    ffmpeg("-xerror", "-i", os.path.join(out, "manifest.m3u8"), "-f", "null", "-")
    assert not [name for name in os.listdir(out) if not re.fullmatch(r"manifest.*\.m3u8|g1-[va]\d-(\d+\.m4s|i1\.mp4)", name)]


def transport_streams_are_complete_and_play(folder):
    out = written_ts(folder)
    main = read(out, "manifest.m3u8")
    assert re.search(r'CODECS="avc1\.[0-9A-F]{6},mp4a\.40\.2",RESOLUTION=320x180,FRAME-RATE=25\.000', main), main
    media = read(out, "manifest-v1a2.m3u8")
    assert media.count("#EXTINF:2.00000,") == 6 and media.rstrip().endswith("#EXT-X-ENDLIST"), media
    assert "PLAYLIST-TYPE" not in media and "EXT-X-MAP" not in media, media
    counts = frame_count(os.path.join(out, "manifest.m3u8"))
    assert counts["video"] == FRAMES and 563 <= counts["audio"] <= 564, counts
    ffmpeg("-xerror", "-i", os.path.join(out, "manifest.m3u8"), "-f", "null", "-")
    # what is said of the bandwidth is no less than what the files have
    peak = int(re.search(r"[:,]BANDWIDTH=(\d+)", main).group(1))
    sizes = [os.path.getsize(path) * 4 for path in glob.glob(out + "/*.ts")]
    assert len(sizes) == 6 and max(sizes) <= peak <= 1.3 * max(sizes), (peak, sizes)
    # every segment plays for itself
    for path in glob.glob(out + "/*.ts"):
        ffmpeg("-xerror", "-i", path, "-f", "null", "-")


def several_transport_streams_are_variants(folder):
    small = PICTURES.replace("width=320,height=180", "width=160,height=90")
    muxed = [f"{picture} ! queue ! t{i}. {SOUND} ! queue ! t{i}. {TS} name=t{i}"
             for i, picture in enumerate((PICTURES, small))]
    out = written_ts(folder, "window=3", "delete-old-files=true", pads=muxed)
    main = read(out, "manifest.m3u8")
    assert main.count("#EXT-X-STREAM-INF") == 2 and "EXT-X-MEDIA:" not in main, main
    assert re.findall(r"RESOLUTION=(\d+x\d+)", main) in (["320x180", "160x90"], ["160x90", "320x180"]), main
    for name in ("v1a2", "v3a4"):
        media = read(out, f"manifest-{name}.m3u8")
        assert re.findall(r"-(\d)\.ts", media) == ["4", "5", "6"] and "#EXT-X-MEDIA-SEQUENCE:4" in media, media
        assert sorted(os.path.basename(path) for path in glob.glob(f"{out}/g1-{name}-*.ts")) == [
            f"g1-{name}-{i}.ts" for i in (1, 2, 3, 4, 5, 6)], os.listdir(out)


def audio_may_have_transport_streams_of_its_own(folder):
    sounds = SOUND.replace("avenc_aac", "avenc_aac ! taginject tags=language-code=de")
    out = written_ts(folder, pads=[f"{PICTURES} ! {TS} ! queue", f"{sounds} ! {TS} ! queue"])
    main = read(out, "manifest.m3u8")
    assert re.search(r'EXT-X-MEDIA:TYPE=AUDIO,.*LANGUAGE="de.*URI="manifest-a[12]\.m3u8"', main), main
    counts = frame_count(os.path.join(out, "manifest.m3u8"))
    assert counts["video"] == FRAMES and 563 <= counts["audio"] <= 564, counts


def what_does_not_go_together_is_refused(folder):
    for pads, what in (([f"{PICTURES} ! {TS}", AUDIO], "do not go together"),
                       ([f"{PICTURES} ! queue ! t. {SOUND} ! queue ! t. {TS} name=t", f"{SOUND} ! {TS}"], "not both")):
        out = os.path.join(folder, "out")
        run = launch(f"hlsmanifestsink name=s location={out} segment-duration=2 " +
                     " ".join(f"{pad} ! queue ! s." for pad in pads))
        assert run.returncode != 0 and what in run.stderr, run.stderr


def strict_parsers_take_it(folder):
    strict_parsers_take(written_ts(folder, "playlist-type=event", "program-date-time-interval=2"))
    text = read(folder, "out", "manifest-v1a2.m3u8")
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in text and text.count("PROGRAM-DATE-TIME") == 6, text
    out = written(folder, "hlsmanifestsink", "playlist-type=vod", "program-date-time-interval=4")
    text = read(out, "manifest-a2.m3u8")
    assert "#EXT-X-PLAYLIST-TYPE:VOD" in text and text.count("PROGRAM-DATE-TIME") >= 3, text
    strict_parsers_take(out)


def strict_parsers_take(out):
    judging.judge_file(os.path.join(out, "manifest.m3u8"), X264ENC)


def a_window_slides_and_old_files_go(folder):
    out = written(folder, "hlsmanifestsink", "window=2", "delete-old-files=true")
    media = read(out, "manifest-v1.m3u8")
    listed = re.findall(r"g1-v1-\d+\.m4s", media)
    assert listed == ["g1-v1-5.m4s", "g1-v1-6.m4s"] and "#EXT-X-MEDIA-SEQUENCE:5" in media, media
    left = sorted(name for name in os.listdir(out) if name.startswith("g1-v1-") and name.endswith(".m4s"))
    assert left == [f"g1-v1-{i}.m4s" for i in (2, 3, 4, 5, 6)], left


def dash_is_valid_and_plays(folder):
    out = written(folder, "dashmanifestsink")
    mpd = os.path.join(out, "manifest.mpd")
    text = read(mpd)
    assert 'type="static"' in text and 'mediaPresentationDuration="PT12' in text and "UTCTiming" not in text, text
    schema = os.path.join(lab.SHARED, "schemas", "dash", "DASH-MPD.xsd")
    if os.path.isfile(schema):
        judged = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", schema, mpd], capture_output=True, text=True,
                                check=False)
        assert judged.returncode == 0, judged.stderr
    judging.judge_file(mpd, X264ENC)
    ffmpeg("-xerror", "-i", mpd, "-f", "null", "-")


def players_play_both(folder):
    """From a plain web server, as a CDN's bucket is one."""
    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self):
            self.send_header("Access-Control-Allow-Origin", "*")
            super().end_headers()

        def log_message(self, *_arguments):
            pass
    os.makedirs(os.path.join(folder, "www"), exist_ok=True)
    for sink, name in (("hlsmanifestsink", "hls"), ("dashmanifestsink", "dash")):
        shutil.rmtree(os.path.join(folder, "www", name), ignore_errors=True)
        shutil.move(written(folder, sink), os.path.join(folder, "www", name))
    shutil.rmtree(os.path.join(folder, "www", "ts"), ignore_errors=True)
    shutil.move(written_ts(folder), os.path.join(folder, "www", "ts"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder + "/www"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    cases = [("hls.js", "ts/manifest.m3u8"), ("shaka", "ts/manifest.m3u8"), ("hls.js", "hls/manifest.m3u8"), ("shaka", "hls/manifest.m3u8"), ("shaka", "dash/manifest.mpd"),
             ("dash.js", "dash/manifest.mpd")]
    results = lab.play([{"player": player, "url": f"{base}/{path}", "name": f"{player} {path}"} for player, path in cases], 4)
    server.shutdown()
    for name, result in results.items():
        assert not result["errors"] and result["advanced"] > 3 and result["longest_stall"] < 0.5, (name, result)


def wrong_settings_are_element_errors(folder):
    for properties, what in (("location=http://a.invalid/x", "ends in '/'"),
                             ("location=http://u:p@a.invalid/", "credentials are properties"),
                             ("manifest-name=a/b", "is no file name"), ("location=/proc/nowhere", "cannot be made")):
        run = launch(f"hlsmanifestsink name=s {properties} {VIDEO} ! s.", 30)
        assert run.returncode != 0 and what in run.stderr and "u:p" not in run.stderr, (properties, run.stderr)


class Push:
    """gst-launch that feeds both inputs of a channel until it is told to stop."""

    def __init__(self, folder, inputs, protocol):
        base = [entry["url"].rsplit("/", 1)[0] + "/" for entry in inputs]
        line = (f"hlsmanifestsink name=s location={base[0]} second-location={base[1]} segment-duration=2 window=5 "
                f"user-id={inputs[0]['username']} user-pw={inputs[0]['password']} second-user-id={inputs[1]['username']} "
                f"second-user-pw={inputs[1]['password']} ")
        video = (f"videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate={RATE}/1 ! "
                 f"x264enc key-int-max={RATE} tune=zerolatency speed-preset=ultrafast ! h264parse")
        audio = "audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse"
        if protocol == "HLS":
            line += f"{video} ! queue ! t. {audio} ! queue ! t. {TS} name=t ! s."
        else:
            line += f"{video} ! cmafpackager ! queue ! s. {audio} ! cmafpackager ! queue ! s."
        self.log = os.path.join(folder, "push.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["gst-launch-1.0", "-e", *line.split()], stdout=log, stderr=log,
                                            env=lab.build_environment())

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=45)


def gst_launch_feeds_both_inputs_of_a_channel(folder):
    feed_both_inputs(folder, "HLS_CMAF")


def gst_launch_feeds_both_inputs_with_transport_streams(folder):
    feed_both_inputs(folder, "HLS")


def feed_both_inputs(folder, protocol):
    shutil.rmtree(folder + "/data", ignore_errors=True)
    server = lab.Server(folder)
    try:
        inputs, urls = server.create_channel("g", "c", {"hls": {"protocol": "HLS", "segmentDuration": 2},
                                                        "dash": {"protocol": "DASH", "segmentDuration": 2}},
                                             protocol=protocol)
        push = Push(folder, inputs, protocol)
        try:
            path = "/channel-groups/g/channels/c/status"
            listed = urls["hls"].replace("manifest.m3u8", "manifest-v1.m3u8")
            wait_until(lambda: request(listed).text.count("#EXTINF") >= 3, 40, "three segments")
            states = [entry["state"] for entry in server.api("GET", path)["inputs"]]
            assert states == ["live", "live"], states
            played = lab.play([{"player": "hls.js", "url": urls["hls"], "name": "hls"},
                               {"player": "shaka", "url": urls["dash"], "name": "dash"}], 6)
            for name, result in played.items():
                assert not result["errors"] and result["longest_stall"] < 0.5, (name, result)
            # new credentials of one input: its uploads are refused, the programme goes on from the other
            server.api("POST", "/channel-groups/g/channels/c/inputs/ingest1/rotate-credentials", expect=200)
            edge = request(listed).headers["x-tarn-media-time"]
            wait_until(lambda: request(listed).headers["x-tarn-active-input"] == "ingest2", 20, "the other input")
            wait_until(lambda: request(listed).headers["x-tarn-media-time"] > edge, 20, "the edge moves")
            assert "#EXT-X-DISCONTINUITY\n" not in request(listed).text and "GAP" not in request(listed).text
            code = push.stop()
            assert code == 0, read(push.log)[-2000:]
            log = read(push.log)
            assert "server 1:" in log and "answered 401" in log and "CRITICAL" not in log, log[-2000:]
            assert inputs[0]["password"] not in log
            wait_until(lambda: "#EXT-X-ENDLIST" in request(listed).text, 20, "the end of the stream")
        finally:
            if push.process.poll() is None:
                push.process.kill()
    finally:
        assert server.stop() == 0


def a_server_that_comes_late_gets_everything(folder):
    """What cannot be sent is kept and sent again: the channel is there only after the pipeline has begun."""
    port = lab.free_port()
    got = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self):  # noqa: N802
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fails = self.path not in got and self.path.endswith("1.m4s") and not self.server.failed
            if fails:
                self.server.failed = True
            else:
                got[self.path] = body
            self.send_response(503 if fails else 201)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler, bind_and_activate=False)
    server.failed = False

    def appear():
        time.sleep(1.5)
        server.server_bind()
        server.server_activate()
        server.serve_forever()
    threading.Thread(target=appear, daemon=True).start()
    run = launch(f"hlsmanifestsink name=s location=http://127.0.0.1:{port}/a/ segment-duration=2 {VIDEO} ! s.")
    server.shutdown()
    assert run.returncode == 0, run.stderr
    assert server.failed, "the store never failed"
    names = {path.rsplit("/", 1)[1] for path in got}
    assert names == {"manifest.m3u8", "manifest-v1.m3u8", "g1-v1-i1.mp4", *(f"g1-v1-{i}.m4s" for i in range(1, 7))}, names
    assert b"#EXT-X-ENDLIST" in got["/a/manifest-v1.m3u8"]


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        for test in (hls_is_complete_and_plays, transport_streams_are_complete_and_play, several_transport_streams_are_variants,
                     audio_may_have_transport_streams_of_its_own, what_does_not_go_together_is_refused, strict_parsers_take_it, a_window_slides_and_old_files_go, dash_is_valid_and_plays,
                     players_play_both, wrong_settings_are_element_errors, a_server_that_comes_late_gets_everything,
                     gst_launch_feeds_both_inputs_of_a_channel, gst_launch_feeds_both_inputs_with_transport_streams):
            tap.run(test.__name__.replace("_", " "), test, folder)
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
