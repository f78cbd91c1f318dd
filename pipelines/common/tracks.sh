# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts. A branch of a line for a track that is not there would be waited for: tracks are looked for first.

# parsebin has pads once it knows the format of every track; a demuxer's may have none before data comes.
look_for_tracks() {  # look_for_tracks FILE: sets has_h264 and has_aac
  local found
  found=$(gst-launch-1.0 -v filesrc location="$1" ! parsebin ! fakesink num-buffers=1) || exit
  has_h264='' has_aac=''
  if grep -q 'caps = video/x-h264' <<<"$found"; then has_h264=1; fi
  if grep -Eq 'caps = audio/mpeg, .*mpegversion=\(int\)[24]' <<<"$found"; then has_aac=1; fi
  if [ -z "$has_h264$has_aac" ]; then
    echo "$1: has neither H.264 nor AAC" >&2
    exit 1
  fi
}
