// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/support/command.h"

namespace tarn::test {

// HLS streams that ffmpeg wrote, as files by path. 320×180, 25/s, a GOP per second, 2 s a segment.
struct EncodedStream {
  std::map<std::string, std::string> files;

  [[nodiscard]] const std::string& at(const std::string& path) const { return files.at(path); }
};

inline EncodedStream encode(const std::string& arguments) {
  TemporaryDirectory folder;
  const auto result = run("cd " + folder.path().string() +
                          " && ffmpeg -nostdin -v error -f lavfi -i testsrc2=size=320x180:rate=25 "
                          "-f lavfi -i sine=440:sample_rate=48000 -f lavfi -i sine=880:sample_rate=48000 " +
                          arguments);
  EncodedStream stream;
  if (result.exit_status != 0) return stream;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{folder.path()}) {
    if (!entry.is_regular_file()) continue;
    stream.files[std::filesystem::relative(entry.path(), folder.path()).string()] = read_file(entry.path());
  }
  return stream;
}

inline const std::string video_codec =
    " -c:v libx264 -preset ultrafast -bf 2 -g 25 -keyint_min 25 -sc_threshold 0 ";
inline const std::string segmenting = " -f hls -hls_time 2 -hls_list_size 0 ";

// One variant, audio muxed: m.m3u8, m0.ts…
inline EncodedStream encode_single(int seconds, const std::string& options = "") {
  return encode("-t " + std::to_string(seconds) + " -map 0:v -map 1:a" + video_codec + "-c:a aac -b:a 64k " +
                options + segmenting + "-hls_flags program_date_time m.m3u8");
}

// Two variants of different bitrate, each with its own copy of the audio: master.m3u8, v0.m3u8, v0_0.ts…
inline EncodedStream encode_ladder(int seconds) {
  return encode("-t " + std::to_string(seconds) + " -map 0:v -map 1:a -map 0:v -map 1:a" + video_codec +
                "-b:v:0 300k -b:v:1 100k -c:a aac -b:a 64k" + segmenting +
                "-var_stream_map 'v:0,a:0 v:1,a:1' -master_pl_name master.m3u8 -hls_segment_filename "
                "v%v_%d.ts v%v.m3u8");
}

// One video variant and two audio renditions in a group: master.m3u8, 0/m.m3u8 (video), 1/m.m3u8, 2/m.m3u8.
inline EncodedStream encode_renditions(int seconds) {
  return encode(
      "-t " + std::to_string(seconds) + " -map 0:v -map 1:a -map 2:a" + video_codec + "-c:a aac -b:a 64k" +
      segmenting +
      "-var_stream_map 'v:0,agroup:aud a:0,agroup:aud,language:en,default:yes a:1,agroup:aud,language:de' "
      "-master_pl_name master.m3u8 -hls_segment_filename %v/s%d.ts %v/m.m3u8");
}

}  // namespace tarn::test
