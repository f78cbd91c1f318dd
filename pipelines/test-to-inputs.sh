#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A live test programme to both inputs of a channel of protocol HLS. For a camera, put `v4l2src ! videoconvert` and
# `pulsesrc` in the place of the test sources.
#   test-to-inputs.sh INPUT1 INPUT2      the inputs' base URLs, ending in a slash
# Credentials are in USER1, PASSWORD1, USER2, PASSWORD2; others on this machine can see those of a running gst-launch.
# SECONDS_LONG: how long; without it, until it is interrupted.
# Ticks of other than 1,024 samples lose some where memory is not zero at first (GStreamer 1.22).
set -euo pipefail
pictures=-1 sounds=-1
if [ -n "${SECONDS_LONG:-}" ]; then pictures=$((SECONDS_LONG * 25)) sounds=$((SECONDS_LONG * 47)); fi
sink=(hlsmanifestsink segment-duration=2 window=5 program-date-time-interval=2 "location=$1" "second-location=$2")
if [ -n "${USER1:-}" ]; then sink+=("user-id=$USER1" "user-pw=$PASSWORD1"); fi
if [ -n "${USER2:-}" ]; then sink+=("second-user-id=$USER2" "second-user-pw=$PASSWORD2"); fi
exec gst-launch-1.0 -q -e \
  videotestsrc is-live=true pattern=ball num-buffers="$pictures" ! video/x-raw,width=640,height=360,framerate=25/1 ! \
  x264enc key-int-max=50 tune=zerolatency speed-preset=veryfast bitrate=1000 ! h264parse ! queue ! ts. \
  audiotestsrc is-live=true wave=ticks samplesperbuffer=1024 num-buffers="$sounds" ! audio/x-raw,rate=48000,channels=2 ! \
  avenc_aac ! aacparse ! queue ! ts. \
  tspackager name=ts segment-duration=2 ! \
  "${sink[@]}"
