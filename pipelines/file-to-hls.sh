#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A file with H.264, AAC or both (MP4, MKV, TS …) to HLS with TS segments, without encoding it again: the first track of each.
#   file-to-hls.sh INPUT DIRECTORY
set -euo pipefail
. "$(dirname "$0")/common/tracks.sh"
line=(filesrc "location=$1" ! parsebin name=in)
look_for_tracks "$1"
if [ -n "$has_h264" ]; then line+=(in. ! video/x-h264 ! queue ! h264parse ! ts.); fi
if [ -n "$has_aac" ]; then line+=(in. ! "audio/mpeg,mpegversion=(int){2,4}" ! queue ! aacparse ! ts.); fi
exec gst-launch-1.0 -q "${line[@]}" tspackager name=ts segment-duration="${SEGMENT_DURATION:-6}" ! \
  hlsmanifestsink location="$2" segment-duration="${SEGMENT_DURATION:-6}" playlist-type=vod
