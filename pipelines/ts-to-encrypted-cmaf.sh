#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A transport stream with H.264 and AAC to encrypted CMAF tracks: OUTPUT.cmfv and OUTPUT.cmfa.
#   ts-to-encrypted-cmaf.sh INPUT OUTPUT      KEY, KID and, for cbcs, IV are in the environment, 32 hexadecimal digits each
# SCHEME is cbcs (the default) or cenc. The tracks share the key: with cenc their chunks have serials of their own.
set -euo pipefail
protect=(cencenc "scheme=${SCHEME:-cbcs}" "key=$KEY" "kid=$KID")
if [ -n "${IV:-}" ]; then protect+=("iv=$IV"); fi
exec gst-launch-1.0 -q filesrc location="$1" ! tsdemux name=in \
  in. ! video/x-h264 ! queue ! h264parse ! cmafpackager ! "${protect[@]}" first-serial=1 ! filesink location="$2.cmfv" \
  in. ! audio/mpeg ! queue ! aacparse ! cmafpackager ! "${protect[@]}" first-serial=1000000001 ! filesink location="$2.cmfa"
