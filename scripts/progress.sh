# SPDX-License-Identifier: Apache-2.0
# One progress line: rewritten in place on a terminal, a line every ten seconds elsewhere.

progress_last=0
progress() {  # progress LABEL PERCENT TEXT
  if [ -t 2 ]; then
    printf '\r\033[K%-10s %3s %%  %.60s' "$1" "$2" "$3" >&2
  elif [ $((SECONDS - progress_last)) -ge 10 ]; then
    progress_last=$SECONDS
    printf '%-10s %3s %%  %s\n' "$1" "$2" "$3" >&2
  fi
}

progress_done() {  # progress_done LABEL TEXT
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
  printf '%-10s %s\n' "$1" "$2" >&2
  progress_last=$SECONDS
}
