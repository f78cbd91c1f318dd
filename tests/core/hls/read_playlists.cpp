// SPDX-License-Identifier: Apache-2.0
// What the parsers read in playlists: each comes on standard input behind its length (32 bits, big endian),
// and is answered by a line of JSON, `null` for what is refused.
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/hls/playlist.h"

namespace {

using namespace tarn;
using namespace tarn::hls;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    if (c >= ' ') {
      out.push_back(c);
    } else {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
      out += code;
    }
  }
  return out + "\"";
}

std::string flag(bool is) { return is ? "true" : "false"; }

std::string described(const MultivariantPlaylist& playlist) {
  std::string text;
  for (const StreamInf& variant : playlist.variants) {
    text += (text.empty() ? "" : ",") + std::string{R"({"uri":)"} + quoted(variant.uri) + R"(,"bandwidth":)" +
            std::to_string(variant.bandwidth) + R"(,"averageBandwidth":)" +
            std::to_string(variant.average_bandwidth) + R"(,"codecs":)" + quoted(variant.codecs) +
            R"(,"width":)" + std::to_string(variant.resolution.value_or(Resolution{}).width) + "}";
  }
  return R"({"variants":[)" + text + "]}";
}

std::string described(const MediaPlaylist& playlist) {
  std::string text;
  std::string map = "null";
  for (const MediaSegment& segment : playlist.segments) {
    if (segment.map) map = quoted(segment.map->uri);
    text +=
        (text.empty() ? "" : ",") + std::string{R"({"uri":)"} + quoted(segment.uri) + R"(,"microseconds":)" +
        std::to_string(segment.duration.count()) + R"(,"discontinuity":)" + flag(segment.discontinuity) +
        R"(,"gap":)" + flag(segment.gap) + R"(,"map":)" + map + R"(,"milliseconds":)" +
        (segment.program_date_time
             ? std::to_string(segment.program_date_time->time_since_epoch() / std::chrono::milliseconds{1})
             : "null") +
        "}";
  }
  return R"({"targetDuration":)" + std::to_string(playlist.target_duration) + R"(,"mediaSequence":)" +
         std::to_string(playlist.media_sequence) + R"(,"discontinuitySequence":)" +
         std::to_string(playlist.discontinuity_sequence) + R"(,"endlist":)" + flag(playlist.end_list) +
         R"(,"segments":[)" + text + "]}";
}

std::string read(std::string_view text) {
  const auto kind = classify(text);
  if (!kind.ok()) return "null";
  if (*kind == PlaylistKind::multivariant) {
    const auto playlist = parse_multivariant(text);
    return playlist.ok() ? described(*playlist) : "null";
  }
  const auto playlist = parse_media(text);
  return playlist.ok() ? described(*playlist) : "null";
}

}  // namespace

int main() {
  const std::string all{std::istreambuf_iterator<char>(std::cin), {}};
  Reader reader{{reinterpret_cast<const std::uint8_t*>(all.data()), all.size()}};
  while (reader.remaining() > 0) {
    const Bytes text = reader.take(reader.u32());
    if (!reader.ok()) return 1;
    std::cout << read({reinterpret_cast<const char*>(text.data()), text.size()}) << "\n";
  }
  return 0;
}
