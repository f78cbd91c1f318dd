// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

// WebVTT (W3C) as HLS carries it (RFC 8216bis 3.1.4) and as ISO/IEC 14496-30 puts it into samples.
namespace tarn::webvtt {

// Limits of what is read of one file.
constexpr std::size_t most_bytes = std::size_t{4} << 20U;
constexpr std::size_t most_cues = 2000;
constexpr std::size_t most_blocks = 64;

// A cue as a file has it. Times are milliseconds of the file.
struct FileCue {
  std::int64_t start = 0;
  std::int64_t end = 0;  // after start
  std::string id;
  std::string settings;  // what follows the end time on its line
  std::string payload;   // lines joined by \n
  bool operator==(const FileCue&) const = default;
};

// X-TIMESTAMP-MAP: the file's time `local` is the 33-bit MPEG-2 time `mpegts`.
struct TimestampMap {
  std::int64_t local = 0;    // ms
  std::uint64_t mpegts = 0;  // 90 kHz, below 2^33
  bool operator==(const TimestampMap&) const = default;
};

struct Document {
  std::optional<TimestampMap> map;
  std::vector<std::string> blocks;  // STYLE and REGION, whole, without an empty line; the first 64
  std::vector<FileCue> cues;        // in the order of the file
};

// As a browser's parser reads it: what is wrong inside is passed over, from there to the next empty line.
// Errors: malformed (does not begin with WEBVTT, is not UTF-8, an X-TIMESTAMP-MAP that cannot be read),
// limit.
Result<Document> parse_document(std::string_view text);

// What others put into the boxes of a cue (ISO/IEC 14496-30), as it can stand in a file: a payload without
// empty lines and without "-->"; an identifier or settings, which are one line. Nothing: it is no UTF-8 text.
std::optional<std::string> payload_for_file(std::string_view text);
std::optional<std::string> line_for_file(std::string_view text);

// "01:02:03.004"; REQUIRES: ms >= 0
std::string format_time(std::int64_t ms);

}  // namespace tarn::webvtt
