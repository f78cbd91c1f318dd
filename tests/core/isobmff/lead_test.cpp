// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/lead.h"

#include <gtest/gtest.h>

#include "core/isobmff/cmaf.h"

namespace tarn::isobmff {
namespace {

ByteVector segment_of(bool sync, ByteVector events = {}) {
  ChunkHeader header{.sequence_number = 1, .base_media_decode_time = 9'000, .samples = {}};
  for (std::uint32_t i = 0; i < 4; ++i) {
    header.samples.push_back({.size = 1000 - i, .duration = 3600, .sync = sync && i == 0});
  }
  header.events = std::move(events);
  ByteVector bytes{segment_type().begin(), segment_type().end()};
  const ByteVector chunk = write_chunk_header(header);
  bytes.insert(bytes.end(), chunk.begin(), chunk.end());
  bytes.resize(bytes.size() + 1000 + 999 + 998 + 997, 0xAB);
  return bytes;
}

TEST(Lead, EndsWithTheFirstSample) {
  const ByteVector bytes = segment_of(true);
  const auto lead = lead_size(bytes);
  ASSERT_TRUE(lead.ok()) << lead.error().message;
  EXPECT_EQ(*lead, bytes.size() - 999 - 998 - 997);
}

TEST(Lead, IsOfTheFirstOfSeveralChunks) {
  ByteVector bytes = segment_of(true);
  const std::size_t first = *lead_size(bytes);
  const ByteVector second = segment_of(true);
  bytes.insert(bytes.end(), second.begin(), second.end());
  EXPECT_EQ(*lead_size(bytes), first);
}

TEST(Lead, NeedsASyncSampleAtTheBeginning) {
  EXPECT_EQ(lead_size(segment_of(false)).error().code, ErrorCode::not_found);
  EXPECT_FALSE(lead_size({}).ok());
  ByteVector cut = segment_of(true);
  cut.resize(cut.size() - 1);
  EXPECT_FALSE(lead_size(cut).ok()) << "what is listed is a whole segment";
}

}  // namespace
}  // namespace tarn::isobmff
