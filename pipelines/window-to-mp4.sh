#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Some of a channel's archive (H.264 and AAC) as one MP4 file that every player opens.
#   window-to-mp4.sh ARCHIVE FIRST_SLOT SLOT_COUNT OUTPUT [TRACKS]      0 0: all; TRACKS is 1,2 unless it is given
# A slot is one GOP.
set -euo pipefail
exec gst-launch-1.0 -q archivesrc location="$1" first-slot="$2" slot-count="$3" tracks="${5:-1,2}" ! tspackager ! \
  tsdemux name=in in. ! video/x-h264 ! queue ! h264parse ! mp4. in. ! audio/mpeg ! queue ! aacparse ! mp4. \
  mp4mux name=mp4 faststart=true ! filesink location="$4"
