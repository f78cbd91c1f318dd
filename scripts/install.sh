# SPDX-License-Identifier: Apache-2.0
# Installs what scripts/packages.txt names, only where something is missing.

packages_of() {  # packages_of GROUP…
  local group
  for group in "$@"; do
    sed -n "/^\[$group\]$/,/^\[/p" "$root/scripts/packages.txt" | grep -v '^[[#]' || true
  done
}

is_installed() {
  case $1 in
    nodejs) command -v node >/dev/null && return 0 ;;  # another source of node serves as well
    npm) command -v npm >/dev/null && return 0 ;;
  esac
  dpkg-query -W -f='${Status}' "$1" 2>/dev/null | grep -q 'ok installed'
}

install_packages() {  # install_packages GROUP…
  command -v dpkg-query >/dev/null || return 0  # not Debian: Meson names what is missing
  local missing=() package
  for package in $(packages_of "$@"); do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
      echo "tarn: please install as root: apt-get install --no-install-recommends ${missing[*]}" >&2
      exit 1
    }
    as_root=(sudo)
  fi
  mkdir -p "$log_directory"
  local log=$log_directory/apt.log
  progress packages 0 "${#missing[@]} packages: reading lists"
  "${as_root[@]}" apt-get update -qq >"$log" 2>&1 || { tail -n 20 "$log" >&2; exit 1; }
  local status kind name percent text
  {
    while IFS=: read -r kind name percent text; do
      case $kind in
        # downloads are the first half of the way, unpacking and setting up the second
        dlstatus) progress packages $((${percent%.*} / 2)) "$text" ;;
        pmstatus) progress packages $((50 + ${percent%.*} / 2)) "$text" ;;
      esac
    done
  } < <(
    set +e
    # The status has a descriptor of its own: apt makes it non-blocking, and a package's script that
    # writes to it while this loop is behind fails. It is opened inside, because sudo closes all but three.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c \
      'log=$1; shift; exec apt-get install -y --no-install-recommends -o APT::Status-Fd=3 -o Dpkg::Use-Pty=0 "$@" 3>&1 >>"$log" 2>&1' \
      sh "$log" "${missing[@]}"
    echo $? >"$log_directory/apt.status"
  )
  status=$(cat "$log_directory/apt.status")
  [ "$status" = 0 ] || { echo >&2; tail -n 20 "$log" >&2; echo "tarn: apt-get failed ($status)" >&2; exit 1; }
  progress_done packages "${#missing[@]} installed"
}

install_npm() {  # install_npm FOLDER: node_modules beside its package.json, exact versions, once
  local folder=$root/$1
  local stamp=$folder/node_modules/.tarn-installed
  local how=(install --no-package-lock)
  [ ! -f "$folder/package-lock.json" ] || how=(ci)
  [ -f "$folder/package.json" ] || return 0
  cmp -s "$folder/package.json" "$stamp" && return 0
  mkdir -p "$log_directory"
  progress npm 0 "$1"
  (cd "$folder" && npm "${how[@]}" --no-audit --no-fund --ignore-scripts --loglevel=error) \
    >"$log_directory/npm.log" 2>&1 || { tail -n 20 "$log_directory/npm.log" >&2; exit 1; }
  cp "$folder/package.json" "$stamp"
  progress_done npm "$1: ready"
}
