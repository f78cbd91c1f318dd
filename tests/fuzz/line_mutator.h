// SPDX-License-Identifier: Apache-2.0
// Playlists whose lines change places, come twice, go, take attributes of each other, and get lines that mean
// something.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "mutator.h"

namespace tarn::fuzz {

constexpr std::array<std::string_view, 30> meaningful{
    "#EXTM3U",
    "#EXT-X-VERSION:7",
    "#EXT-X-TARGETDURATION:6",
    "#EXT-X-MEDIA-SEQUENCE:18446744073709551615",
    "#EXT-X-DISCONTINUITY-SEQUENCE:7",
    "#EXT-X-DISCONTINUITY",
    "#EXT-X-ENDLIST",
    "#EXT-X-GAP",
    "#EXT-X-INDEPENDENT-SEGMENTS",
    "#EXT-X-PLAYLIST-TYPE:EVENT",
    "#EXT-X-I-FRAMES-ONLY",
    "#EXT-X-START:TIME-OFFSET=-6.5,PRECISE=YES",
    "#EXTINF:5.99999,title, with a comma",
    "#EXTINF:0,",
    "segment-1.ts",
    "../up/segment.m4s?a=b#c",
    "#EXT-X-BYTERANGE:1000@0",
    "#EXT-X-BYTERANGE:1000",
    "#EXT-X-PROGRAM-DATE-TIME:2026-01-31T23:59:59.999+02:00",
    "#EXT-X-MAP:URI=\"init.mp4\",BYTERANGE=\"720@0\"",
    "#EXT-X-KEY:METHOD=AES-128,URI=\"k\",IV=0x00112233445566778899aabbccddeeff",
    "#EXT-X-KEY:METHOD=NONE",
    "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-01T00:00:00Z\",DURATION=1.5,SCTE35-OUT=0xFC00",
    "#EXT-X-STREAM-INF:BANDWIDTH=1000000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29."
    "970,AUDIO=\"a\",CLOSED-CAPTIONS=NONE",
    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"Sound\",LANGUAGE=\"en\",DEFAULT=YES,AUTOSELECT=YES,"
    "CHANNELS=\"6/JOC\",URI=\"a.m3u8\"",
    "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"Text\",FORCED=NO,CHARACTERISTICS=\"public.easy-to-"
    "read\",URI=\"s.m3u8\"",
    "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"c\",NAME=\"CC1\",INSTREAM-ID=\"SERVICE3\"",
    "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=100000,URI=\"i.m3u8\"",
    "# a comment",
    "",
};

inline std::vector<std::string> lines_of(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string> lines(1);
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] == '\n') {
      lines.emplace_back();
    } else {
      lines.back().push_back(static_cast<char>(data[i]));
    }
  }
  return lines;
}

/** One attribute of `from`'s list in the place of one of `line`'s. */
inline void exchange_attribute(std::string& line, const std::string& from, Random& random) {
  const auto cut = [&random](const std::string& text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos) return std::pair{text.size(), text.size()};
    std::vector<std::size_t> edges{colon};
    bool quoted = false;
    for (std::size_t i = colon; i < text.size(); ++i) {
      if (text[i] == '"') quoted = !quoted;
      if (text[i] == ',' && !quoted) edges.push_back(i);
    }
    edges.push_back(text.size());
    const std::size_t chosen = random.below(edges.size() - 1);
    return std::pair{edges[chosen] + 1, edges[chosen + 1]};
  };
  const auto [begin, end] = cut(line);
  const auto [other_begin, other_end] = cut(from);
  if (begin > end || other_begin > other_end) return;
  line.replace(begin, end - begin, from.substr(other_begin, other_end - other_begin));
}

}  // namespace tarn::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned seed) {
  using namespace tarn::fuzz;
  Random random{seed};
  std::vector<std::string> lines = lines_of(data, size);
  const auto any = [&] { return random.below(lines.size()); };
  const auto at = [&](std::size_t line) { return lines.begin() + static_cast<std::ptrdiff_t>(line); };
  switch (random.below(8)) {
    case 0:
      return LLVMFuzzerMutate(data, size, most);
    case 1:
      lines.erase(at(any()));
      break;
    case 2: {
      const std::string again = lines[any()];
      lines.insert(at(any()), again);
      break;
    }
    case 3:
      std::swap(lines[any()], lines[any()]);
      break;
    case 4: {
      const std::string other = lines[any()];
      exchange_attribute(lines[any()], other, random);
      break;
    }
    case 5: {
      std::string& line = lines[any()];
      const Input other = changed({line.begin(), line.end()}, line.size() + 16);
      line.assign(other.begin(), other.end());
      break;
    }
    case 6:
      lines[any()] = meaningful[random.below(meaningful.size())];
      break;
    default:
      lines.insert(at(any()), std::string{meaningful[random.below(meaningful.size())]});
      break;
  }
  Input text;
  for (const std::string& line : lines) {
    if (!text.empty() || &line != lines.data()) text.push_back('\n');
    text.insert(text.end(), line.begin(), line.end());
  }
  return give(text, data, most);
}
