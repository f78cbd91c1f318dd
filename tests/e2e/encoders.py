#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real encoders push over HTTP as they do in the field, all at once: ffmpeg in the ways that it has (connections kept or not,
credentials in the URL or in a header, numbers from the clock, several variants with dates and deletion, fragmented MP4 muxed
and separate, two inputs by one tee), shaka-packager's transport streams with packed audio, its fragments and its MPD.
Each sends the same ten seconds, and every protocol has them picture by picture, frame by frame. gst-launch pushes in
sinks.py; here is what GStreamer's own muxer makes."""

import os
import subprocess
import sys
import time

import lab
from lab import Tap, wait_until, with_credentials
from streams import PACKAGER, compare, encode, ffmpeg, is_over, push_folder

ENDPOINTS = {
    "hls": {"protocol": "HLS", "manifest": {"segments": 100}},
    "cmaf": {"protocol": "HLS_CMAF", "manifest": {"segments": 100}},
    "dash": {"protocol": "DASH", "manifest": {"manifestWindow": 3600}},
}
CODECS = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-keyint_min", "50", "-sc_threshold", "0", "-bf", "2",
          "-c:a", "aac", "-b:a", "96k"]
LIVE = ["-f", "hls", "-hls_time", "2", "-hls_list_size", "3", "-method", "PUT"]
KEPT = ["-http_persistent", "1"]
FRAGMENTS = ["-hls_segment_type", "fmp4"]


def folder_of(entry):
    return with_credentials(entry).rsplit("/", 1)[0]


def plain(inputs):
    return [*LIVE, f"{folder_of(inputs[0])}/manifest.m3u8"]


def kept(inputs):
    return [*LIVE, *KEPT, f"{folder_of(inputs[0])}/manifest.m3u8"]


def header(inputs):
    """As encoders that know no user:password@ are set up."""
    field = f"Authorization: {lab.basic(inputs[0])['Authorization']}\r\n"
    return [*LIVE, "-headers", field, f"{inputs[0]['url'].rsplit('/', 1)[0]}/manifest.m3u8"]


def numbered(inputs):
    return [*LIVE, *KEPT, "-hls_start_number_source", "epoch", "-hls_segment_filename", f"{folder_of(inputs[0])}/seg-%d.ts",
            f"{folder_of(inputs[0])}/manifest.m3u8"]


def ladder(inputs):
    """Two variants of one picture, since they are copies: what counts is that both come whole."""
    return ["-map", "0:v", "-map", "0:a", "-map", "0:v", "-map", "0:a", *LIVE, *KEPT, "-hls_flags",
            "delete_segments+program_date_time+independent_segments", "-hls_delete_threshold", "1", "-master_pl_name",
            "manifest.m3u8", "-var_stream_map", "v:0,a:0 v:1,a:1", "-b:v:0", "700k", "-b:v:1", "300k",
            "-hls_segment_filename", f"{folder_of(inputs[0])}/manifest-%v-%d.ts", f"{folder_of(inputs[0])}/manifest-%v.m3u8"]


def muxed(inputs):
    return [*LIVE, *KEPT, *FRAGMENTS, "-hls_segment_filename", f"{folder_of(inputs[0])}/seg-%d.m4s",
            f"{folder_of(inputs[0])}/manifest.m3u8"]


def separate(inputs):
    return ["-map", "0:v", "-map", "0:a", *LIVE, *KEPT, *FRAGMENTS, "-hls_flags", "program_date_time+independent_segments",
            "-master_pl_name", "manifest.m3u8", "-var_stream_map", "v:0,agroup:sound a:0,agroup:sound",
            "-hls_fmp4_init_filename", "init.mp4", "-hls_segment_filename", f"{folder_of(inputs[0])}/%v-seg-%d.m4s",
            f"{folder_of(inputs[0])}/stream-%v.m3u8"]


def tee(inputs):
    slaves = "|".join(f"[f=hls:hls_time=2:hls_list_size=3:method=PUT:http_persistent=1:onfail=ignore]"
                      f"{folder_of(entry)}/manifest.m3u8" for entry in inputs)
    return ["-map", "0:v", "-map", "0:a", "-f", "tee", slaves]


# of the channels: what comes in files of its own may be late by 1.2 s beyond what it always is, on a machine that is busy
SEGMENT_DURATION = 4
# name, arguments of ffmpeg, what the channel takes
FFMPEG = [
    ("a connection for each file", plain, "HLS"), ("connections that are kept", kept, "HLS"),
    ("credentials in a header", header, "HLS"), ("numbers of the clock", numbered, "HLS"),
    ("a ladder with dates and deletion", ladder, "HLS"), ("fragments with both", muxed, "HLS_CMAF"),
    ("fragments apart", separate, "HLS_CMAF"), ("two inputs by tee", tee, "HLS"),
]


def one(what, entry, ending, init=None):
    """A stream of shaka-packager's: its segments, and its header where it has one."""
    base = folder_of(entry)
    header_of = f"init_segment={base}/{what}/{init}," if init else ""
    group = ",hls_group_id=sound,hls_name=Sound" if what == "audio" else ""
    return (f"in={{pipe}},stream={what},{header_of}segment_template={base}/{what}/$Number$.{ending},"
            f"playlist_name={what}/main.m3u8{group}")


def packed(inputs):
    return [one("video", inputs[0], "ts"), one("audio", inputs[0], "aac")]


def fragments(inputs):
    return [one("video", inputs[0], "m4s", "init.mp4"), one("audio", inputs[0], "m4s", "init.mp4"), "--mpd_output",
            f"{folder_of(inputs[0])}/manifest.mpd"]


class Shaka:
    """Fed in real time: its segments leave as they are whole."""

    def __init__(self, folder, name, source, arguments, entry):
        pipe = os.path.join(folder, f"{name}.pipe")
        os.mkfifo(pipe)
        self.log_path = os.path.join(folder, f"{name}.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [PACKAGER, *(text.format(pipe=pipe) for text in arguments), "--hls_master_playlist_output",
                 f"{folder_of(entry)}/manifest.m3u8", "--hls_playlist_type", "LIVE", "--segment_duration", "2",
                 "--time_shift_buffer_depth", "6", "--preserved_segments_outside_live_window", "1"], stdout=log, stderr=log)
        self.feed = subprocess.Popen(
            ["ffmpeg", "-nostdin", "-v", "error", "-y", "-re", "-i", source, "-c", "copy", "-f", "mpegts", pipe])

    def kill(self):
        for process in (self.feed, self.process):
            process.kill()
            process.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()


def is_whole(folder, source, urls):
    try:
        compare(folder, source, urls)
    except (AssertionError, AttributeError, subprocess.SubprocessError):
        return False
    return True


def arrives(encoder, folder, source, urls, ends):
    """`ends`: the encoder says that its stream is over."""
    assert encoder.process.returncode == 0, encoder.log()[-1500:]
    if ends:
        wait_until(lambda: is_over(urls["hls"]), 30, f"the stream is over in the output; {encoder.log()[-500:]}")
    else:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not is_whole(folder, source, urls):
            time.sleep(1)
    compare(folder, source, urls)


def both_inputs_came(server, channel):
    inputs = server.api("GET", f"/channel-groups/{channel}/channels/c/status")["inputs"]
    assert len(inputs) == 2 and all(each["lastSegment"] for each in inputs), inputs


def stock_gstreamer(server, folder):
    """mpegtsmux and hlssink2, which writes files only."""
    room = os.path.join(folder, "stock")
    os.makedirs(room)
    line = (f"hlssink2 name=sink target-duration=2 max-files=0 playlist-length=0 location={room}/s%05d.ts "
            f"playlist-location={room}/live.m3u8 "
            "videotestsrc num-buffers=250 ! video/x-raw,width=320,height=180,framerate=25/1 ! x264enc key-int-max=50 "
            "speed-preset=ultrafast bframes=2 ! h264parse ! queue ! sink.video "
            "audiotestsrc num-buffers=470 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! "
            "queue ! sink.audio")
    subprocess.run(["gst-launch-1.0", "-q", *line.split()], check=True, timeout=60)
    inputs, urls = server.create_channel("gst", "c", ENDPOINTS, SEGMENT_DURATION)
    push_folder(inputs[:1], room, b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1000000\nlive.m3u8\n")
    wait_until(lambda: is_over(urls["cmaf"]), 30, "the stream is over in the output")
    compare(room, os.path.join(room, "live.m3u8"), urls)


def main():
    tap = Tap()
    with lab.temporary_folder() as folder:
        source = encode(os.path.join(folder, "source", "source.mp4"), CODECS)
        # ffmpeg's fragments have the sound of such a file 60 ticks before where the file has it
        fragmented = os.path.join(folder, "fragmented", "live.m3u8")
        os.makedirs(os.path.dirname(fragmented))
        ffmpeg("-i", source, "-c", "copy", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0", *FRAGMENTS, fragmented)
        server = lab.Server(folder)
        running = []
        try:
            for number, (name, arguments, protocol) in enumerate(FFMPEG):
                inputs, urls = server.create_channel(f"f{number}", "c", ENDPOINTS, SEGMENT_DURATION, protocol=protocol)
                running.append((f"ffmpeg, {name}", lab.Encoder(folder, ["-re", "-i", source, "-c", "copy", *arguments(inputs)],
                                                               f"f{number}"), urls, True, f"f{number}",
                                fragmented if protocol == "HLS_CMAF" else source))
            if os.path.exists(PACKAGER):
                for number, (name, arguments, protocol) in enumerate([
                        ("transport streams and packed audio", packed, "HLS"), ("fragments and an MPD", fragments, "HLS_CMAF")]):
                    inputs, urls = server.create_channel(f"s{number}", "c", ENDPOINTS, SEGMENT_DURATION, protocol=protocol)
                    running.append((f"shaka-packager, {name}", Shaka(folder, f"s{number}", source, arguments(inputs), inputs[0]),
                                    urls, False, f"s{number}", source))
            for name, encoder, *_ in running:  # what judges them takes more of the machine than they do
                wait_until(lambda process=encoder.process: process.poll() is not None, 60, f"{name} has ended")
            for number, (name, encoder, urls, ends, channel, sent) in enumerate(running):
                room = os.path.join(folder, f"judged-{number}")
                os.makedirs(room)
                tap.run(name, arrives, encoder, room, sent, urls, ends)
                if name.endswith("tee"):
                    tap.run(f"{name}: both", both_inputs_came, server, channel)
            tap.run("GStreamer, mpegtsmux and hlssink2", stock_gstreamer, server, folder)
        finally:
            for _, encoder, *_ in running:
                encoder.kill()
            server.stop()
    tap.done()


if __name__ == "__main__":
    sys.exit(main())
