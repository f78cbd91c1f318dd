#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A channel's archive to a DASH directory, each track as it is.
#   archive-to-dash.sh ARCHIVE DIRECTORY [TRACK…]      tracks are 1 and 2 when none are given
set -euo pipefail
archive=$1 directory=$2
shift 2
if [ $# -eq 0 ]; then set -- 1 2; fi
line=(dashmanifestsink name=sink "location=$directory" "segment-duration=${SEGMENT_DURATION:-6}")
for track; do
  line+=(archivesrc "location=$archive" "tracks=$track" ! queue ! sink.)
done
exec gst-launch-1.0 -q "${line[@]}"
