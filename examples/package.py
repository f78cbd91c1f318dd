#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An application with an encoder in its pipeline gets whole TS segments from tspackager and keeps a playlist of its own.

    package.py DIRECTORY

Needs PyGObject, and GI_TYPELIB_PATH where Tarn is not installed."""

import math
import os
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("Tarn", "1.0")
from gi.repository import Gst, GstApp, Tarn  # noqa: E402,F401  pylint: disable=wrong-import-position,unused-import

LINE = ("tspackager name=packager segment-duration=2 ! appsink name=sink sync=false "
        "videotestsrc num-buffers=250 ! video/x-raw,width=320,height=180,framerate=25/1 ! x264enc key-int-max=25 ! h264parse ! "
        "queue ! packager. "
        "audiotestsrc num-buffers=470 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! "
        "queue ! packager.")


def write_playlist(directory, segments, is_over):
    lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{math.ceil(max(length for _, length in segments))}",
             "#EXT-X-MEDIA-SEQUENCE:0", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for name, length in segments:
        lines += [f"#EXTINF:{length:.5f},", name]
    if is_over:
        lines.append("#EXT-X-ENDLIST")
    temporary = os.path.join(directory, "playlist.tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    os.replace(temporary, os.path.join(directory, "playlist.m3u8"))


def check(bus):
    while message := bus.pop():
        if message.type == Gst.MessageType.ERROR:
            sys.exit(message.parse_error()[0].message)
        found, before, now, _time, reason = Tarn.message_parse_input_switched(message)
        if found:  # of an ingestselector; there is none here
            print(f"input {now} instead of {before}: {reason}")


def main(directory):
    Gst.init(None)
    if not Tarn.register_elements():
        sys.exit("the elements cannot be registered")
    print("Tarn", Tarn.version_string())
    os.makedirs(directory, exist_ok=True)
    pipeline = Gst.parse_launch(LINE)
    sink = pipeline.get_by_name("sink")
    pipeline.set_state(Gst.State.PLAYING)
    segments = []
    while sample := sink.pull_sample():
        buffer = sample.get_buffer()
        name = f"{len(segments)}.ts"
        with open(os.path.join(directory, name), "wb") as file:
            file.write(buffer.extract_dup(0, buffer.get_size()))
        segments.append((name, buffer.duration / Gst.SECOND))
        write_playlist(directory, segments, False)
        check(pipeline.get_bus())
    check(pipeline.get_bus())
    write_playlist(directory, segments, True)
    pipeline.set_state(Gst.State.NULL)
    print(len(segments), "segments")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
