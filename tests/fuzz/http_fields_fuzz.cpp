// SPDX-License-Identifier: Apache-2.0
// What clients write into Range, Authorization, If-None-Match, Accept-Encoding and the path.
#include <cstdlib>
#include <string>

#include "server/http/basic_auth.h"
#include "server/http/byte_range.h"
#include "server/http/negotiation.h"
#include "server/http/route.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tarn::server;
  if (size == 0) return 0;
  const std::uint64_t length = data[0];
  const std::string text{reinterpret_cast<const char*>(data + 1), size - 1};

  const ByteRange range = parse_range(text, length);
  if (range.kind == ByteRange::Kind::part) {
    require(range.length > 0 && range.first < length && range.length <= length - range.first);
    const std::vector<tarn::Blob> parts{tarn::Blob::of(tarn::ByteVector(length / 2)),
                                        tarn::Blob::of(tarn::ByteVector(length - length / 2))};
    std::uint64_t total = 0;
    for (const tarn::Blob& part : slice(parts, range.first, range.length)) total += part.size();
    require(total == range.length);
  }
  if (const auto credentials = parse_basic(text)) {
    require(credentials->username.find(':') == std::string::npos);
    require(credentials->username.size() + credentials->password.size() < text.size());
  }
  require(matches_etag("\"a\"," + text, "\"a\""));
  (void)accepts_gzip(text);
  if (const auto path = parse_playback_path(text)) {
    require("/v1/" + path->group + "/" + path->channel + "/" + path->endpoint + "/" + path->file == text);
    require(!parse_ingest_path(text));
    require(path->file.find('/') == std::string::npos && path->file.front() != '.');
  }
  if (const auto path = parse_ingest_path(text); path && path->file_valid) {
    require(("/" + path->file + "/").find("/../") == std::string::npos);
  }
  return 0;
}
