# SPDX-License-Identifier: Apache-2.0
# Configures and compiles; quiet but for the progress line, all of the log when it fails.

build_tree() {  # build_tree FOLDER [MESON OPTIONS…]; build_targets names what to build, else all is
  local folder=$1
  shift
  mkdir -p "$log_directory"
  local log=$log_directory/build.log
  if [ ! -f "$folder/build.ninja" ]; then
    progress build 0 configuring
    local compiler=g++
    command -v ccache >/dev/null && compiler="ccache g++"
    CXX=${CXX:-$compiler} meson setup "$folder" "$root" "$@" >"$log" 2>&1 || { echo >&2; tail -n 30 "$log" >&2; exit 1; }
  fi
  # one lock a folder: `tarn server` beside `tarn test` must not run two ninjas in it
  exec 9>"$folder/.tarn-lock"
  flock 9
  local step done_steps all_steps before=$SECONDS worked=0
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    step=${line%% *}
    case $step in
      [0-9]*/[0-9]*)
        done_steps=${step%/*}
        all_steps=${step#*/}
        worked=1
        progress build $((done_steps * 100 / all_steps)) "${line#* }"
        ;;
    esac
  done < <(
    set +e
    NINJA_STATUS='%f/%t ' ninja -C "$folder" ${build_targets:-} 2>&1
    echo $? >"$log_directory/ninja.status"
  )
  exec 9>&-
  if [ "$(cat "$log_directory/ninja.status")" != 0 ]; then
    echo >&2
    grep -A 30 -m 1 -E 'FAILED|error' "$log" >&2 || tail -n 40 "$log" >&2
    echo "tarn: the build failed; all of it: $log" >&2
    exit 1
  fi
  [ $worked = 0 ] || progress_done build "done in $((SECONDS - before)) s"
}

product_targets() {  # the server and the elements' plugins, as ninja names them: half of what the tests need
  local room
  printf 'server/tarnd '
  for room in ingest package archive drm manifest; do printf 'plugins/%s/libgsttarn%s.so ' $room $room; done
}

build_console() {  # build_console FOLDER: the web console into the build tree, where the build puts it into the server
  local source=$root/server/console out=$1/server/console
  install_npm server/console
  if [ -f "$out/index.html" ] &&
    [ -z "$(find "$source" -name node_modules -prune -o -type f -newer "$out/index.html" -print -quit)" ]; then
    return 0
  fi
  mkdir -p "$log_directory"
  progress console 0 building
  (cd "$source" && TARN_CONSOLE_OUT=$out npm run --silent build) >"$log_directory/console.log" 2>&1 ||
    { echo >&2; tail -n 30 "$log_directory/console.log" >&2; exit 1; }
  progress_done console built
}

enter_build_environment() {  # enter_build_environment FOLDER: its plugins, libraries and tools come first
  local folder=$1
  export GST_PLUGIN_PATH=$folder/plugins/ingest:$folder/plugins/package:$folder/plugins/archive:$folder/plugins/drm:$folder/plugins/manifest${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
  export GST_REGISTRY=$folder/registry.bin
  export LD_LIBRARY_PATH=$folder/plugins/core${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export PATH=$folder/server:$PATH
}
