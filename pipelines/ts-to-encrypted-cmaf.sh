#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A transport stream with H.264, AAC or both to encrypted CMAF tracks: OUTPUT.cmfv and OUTPUT.cmfa.
#   ts-to-encrypted-cmaf.sh INPUT OUTPUT      KEY, KID and, for cbcs, IV are in the environment, 32 hexadecimal digits each
# SCHEME is cbcs (the default) or cenc. The tracks share the key: with cenc their chunks have serials of their own.
set -euo pipefail
. "$(dirname "$0")/common/tracks.sh"
protect=(cencenc "scheme=${SCHEME:-cbcs}" "key=$KEY" "kid=$KID")
if [ -n "${IV:-}" ]; then protect+=("iv=$IV"); fi
line=(filesrc "location=$1" ! tsdemux name=in)
look_for_tracks "$1"
if [ -n "$has_h264" ]; then
  line+=(in. ! video/x-h264 ! queue ! h264parse ! cmafpackager ! "${protect[@]}" first-serial=1 ! filesink "location=$2.cmfv")
fi
if [ -n "$has_aac" ]; then
  line+=(in. ! "audio/mpeg,mpegversion=(int){2,4}" ! queue ! aacparse ! cmafpackager ! "${protect[@]}" first-serial=1000000001 !
    filesink "location=$2.cmfa")
fi
exec gst-launch-1.0 -q "${line[@]}"
