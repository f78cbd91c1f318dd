#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A file with H.264 and AAC (MP4, MKV, TS …) to HLS with TS segments, without encoding it again.
#   file-to-hls.sh INPUT DIRECTORY
set -euo pipefail
exec gst-launch-1.0 -q filesrc location="$1" ! parsebin name=in \
  in. ! video/x-h264 ! queue ! h264parse ! ts. \
  in. ! audio/mpeg ! queue ! aacparse ! ts. \
  tspackager name=ts segment-duration="${SEGMENT_DURATION:-6}" ! \
  hlsmanifestsink location="$2" segment-duration="${SEGMENT_DURATION:-6}" playlist-type=vod
