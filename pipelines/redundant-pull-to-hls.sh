#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two servers with the same programme (HLS, TS or CMAF; a video and an audio track), or the playlists of two folders that
# encoders write, to one HLS directory with CMAF segments, which goes on while either of them does.
#   redundant-pull-to-hls.sh URL1 URL2 DIRECTORY
set -euo pipefail
exec gst-launch-1.0 -q -e ingestselector name=selector \
  hlsingestsrc name=first live=true location="$1" hlsingestsrc name=second live=true location="$2" \
  first.video_0 ! selector.ingest1_0 first.audio_0 ! selector.ingest1_1 \
  second.video_0 ! selector.ingest2_0 second.audio_0 ! selector.ingest2_1 \
  selector.video_0 ! cmafpackager ! sink. selector.audio_0 ! cmafpackager ! sink. \
  hlsmanifestsink name=sink location="$3" segment-duration="${SEGMENT_DURATION:-6}" window="${WINDOW:-0}"
