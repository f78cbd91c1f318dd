// SPDX-License-Identifier: Apache-2.0
#include "core/archive/records.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/archive/chunk_cache.h"
#include "core/archive/crc32c.h"
#include "core/archive/volume.h"
#include "programme.h"

namespace tarn::archive {
namespace {

timeline::Slot full_slot(std::size_t tracks) {
  timeline::Slot slot;
  slot.number = 77;
  slot.stretch = 3;
  slot.start = 153'000'000'000;
  slot.end = slot.start + 180'000;
  slot.utc = programme_start;
  for (std::size_t i = 0; i < tracks; ++i) {
    timeline::Chunk& chunk = slot.chunks.emplace_back();
    chunk.track = static_cast<timeline::TrackId>(i + 1);
    chunk.start = i % 2 == 0 ? slot.start : slot.start / 15 * 8;
    chunk.duration = i % 2 == 0 ? 180'000 : 96'256;
    chunk.serial = 1'000'000 + i;
    chunk.location = {40'000 + static_cast<std::uint32_t>(i), 1'250'000, 60'000'000};
    chunk.independent = i != 2;
  }
  return slot;
}

void expect_equal(const timeline::Slot& a, const timeline::Slot& b) {
  EXPECT_EQ(a.number, b.number);
  EXPECT_EQ(a.stretch, b.stretch);
  EXPECT_EQ(a.start, b.start);
  EXPECT_EQ(a.end, b.end);
  EXPECT_EQ(a.utc, b.utc);
  ASSERT_EQ(a.chunks.size(), b.chunks.size());
  for (std::size_t i = 0; i < a.chunks.size(); ++i) {
    EXPECT_EQ(a.chunks[i].track, b.chunks[i].track);
    EXPECT_EQ(a.chunks[i].start, b.chunks[i].start);
    EXPECT_EQ(a.chunks[i].duration, b.chunks[i].duration);
    EXPECT_EQ(a.chunks[i].serial, b.chunks[i].serial);
    EXPECT_EQ(a.chunks[i].location.volume, b.chunks[i].location.volume);
    EXPECT_EQ(a.chunks[i].location.offset, b.chunks[i].location.offset);
    EXPECT_EQ(a.chunks[i].location.size, b.chunks[i].location.size);
    EXPECT_EQ(a.chunks[i].independent, b.chunks[i].independent);
  }
}

TEST(SlotRecord, GivesTheSlotBack) {
  for (const std::size_t tracks : {0U, 1U, 3U, 10U}) {
    const timeline::Slot slot = full_slot(tracks);
    const auto parsed = parse_slot(77, write_slot(slot));
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    expect_equal(*parsed, slot);
  }
}

TEST(SlotRecord, GivesExtremesBack) {
  timeline::Slot slot = full_slot(2);
  constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
  constexpr auto highest = std::numeric_limits<std::int64_t>::max();
  slot.start = lowest;
  slot.end = highest;
  slot.utc = Utc{Microseconds{lowest}};
  slot.chunks[0].start = highest;
  slot.chunks[1].start = lowest;
  slot.chunks[1].duration = highest;
  slot.chunks[0].serial = std::numeric_limits<std::uint64_t>::max();
  slot.chunks[1].serial = 0;
  slot.chunks[1].track = std::numeric_limits<std::uint32_t>::max();
  slot.chunks[0].location = {~0U, ~0U, ~std::uint64_t{0}};
  const auto parsed = parse_slot(77, write_slot(slot));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  expect_equal(*parsed, slot);
}

// What 30 days of ten tracks in GOPs of two seconds take: 1.3 million of these.
TEST(SlotRecord, OfTenTracksIsBelow250Bytes) {
  const std::size_t size = write_slot(full_slot(10)).size();
  RecordProperty("bytes", static_cast<int>(size));
  EXPECT_LT(size, 250U);
}

TEST(SlotRecord, IsRefusedWhenCutOrChangedAnywhere) {
  const ByteVector record = write_slot(full_slot(4));
  for (std::size_t size = 0; size < record.size(); ++size) {
    EXPECT_FALSE(parse_slot(77, Bytes{record}.first(size)).ok()) << size;
  }
  for (std::size_t at = 0; at < record.size(); ++at) {
    ByteVector changed = record;
    changed[at] ^= 0x40U;
    EXPECT_FALSE(parse_slot(77, changed).ok()) << at;
  }
}

TEST(SlotRecord, WithAnImpossibleCountIsRefused) {
  ByteVector record{1, 1, 2, 2, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F};
  Writer{record}.u32(crc32c(record));
  EXPECT_EQ(parse_slot(1, record).error().code, ErrorCode::malformed);
}

TEST(StretchRecord, GivesTheStretchBack) {
  timeline::Stretch stretch = make_stretch(9, 1234);
  stretch.tracks[0].config = 4;
  stretch.tracks[0].description.info.frame_rate_numerator = 30'000;
  stretch.tracks[0].description.info.frame_rate_denominator = 1001;
  stretch.tracks[0].description.info.colour_primaries = 9;
  stretch.tracks[0].description.info.transfer_characteristics = 16;
  stretch.tracks[0].description.info.matrix_coefficients = 9;
  stretch.tracks[0].description.captions = {{"CC1", "eng", "English", true, true},
                                            {"SERVICE2", "", "", false, false}};
  stretch.tracks[1].description.info.joc_complexity = 16;
  stretch.tracks[1].description.is_forced = true;
  stretch.tracks[1].description.characteristics = "public.accessibility.describes-video";
  const auto parsed = parse_stretch(write_stretch(stretch));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->id, 9U);
  EXPECT_EQ(parsed->first_slot, 1234U);
  EXPECT_EQ(parsed->start, stretch.start);
  EXPECT_EQ(parsed->start_time, stretch.start_time);
  EXPECT_EQ(parsed->reference, 1U);
  ASSERT_EQ(parsed->tracks.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(parsed->tracks[i].id, stretch.tracks[i].id);
    EXPECT_EQ(parsed->tracks[i].config, stretch.tracks[i].config);
    EXPECT_EQ(parsed->tracks[i].description, stretch.tracks[i].description);
  }
}

// Records of version 1 end with the variants; the rest of a track is as if nobody had said it.
TEST(StretchRecord, ReadsVersion1) {
  const timeline::Stretch stretch = make_stretch(9, 1234);
  ByteVector record = write_stretch(stretch);
  record[0] = 1;
  const std::size_t details = 6;  // four numbers, an empty text and an empty list
  record.erase(record.end() - 4 - details, record.end());
  for (std::size_t cut = 1; cut + details < record.size(); ++cut) {
    ByteVector shorter = record;
    shorter.erase(shorter.begin() + static_cast<std::ptrdiff_t>(cut),
                  shorter.begin() + static_cast<std::ptrdiff_t>(cut + details));
    Writer{shorter}.u32(crc32c(shorter));
    const auto parsed = parse_stretch(shorter);
    if (parsed.ok() && parsed->tracks[0].description == stretch.tracks[0].description &&
        parsed->tracks[1].description == stretch.tracks[1].description) {
      return;
    }
  }
  FAIL() << "without the details of both tracks it is not read";
}

TEST(StretchRecord, IsRefusedWhenCutOrChangedAnywhere) {
  const ByteVector record = write_stretch(make_stretch(1, 1));
  for (std::size_t size = 0; size < record.size(); ++size) {
    EXPECT_FALSE(parse_stretch(Bytes{record}.first(size)).ok()) << size;
  }
  for (std::size_t at = 0; at < record.size(); ++at) {
    ByteVector changed = record;
    changed[at] ^= 1U;
    EXPECT_FALSE(parse_stretch(changed).ok()) << at;
  }
}

TEST(ChunkBox, HasTheBytesTheFormatSays) {
  ChunkBox box;
  box.label = {7, 0x0102, 0x0A0B0C, -2, 180'000, true};
  box.stretch = 3;
  box.size = 0x1234;
  box.checksum = 0xDEADBEEF;
  ByteVector out;
  write_chunk_box(box, out);
  ASSERT_EQ(out.size(), chunk_box_size);
  EXPECT_EQ(hex(Bytes{out}.first(chunk_box_size - 4)),
            "00000050"
            "75756964"
            "3062ec3d7f9e4a0b95b9c98d7ed5f4d1"
            "01000001"
            "00000007"
            "0000000000000102"
            "00000000000a0b0c"
            "fffffffffffffffe"
            "000000000002bf20"
            "00000003"
            "00001234"
            "deadbeef");
  const auto parsed = parse_chunk_box(out);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->label.start, -2);
  EXPECT_EQ(parsed->label.serial, 0x0A0B0CU);
  EXPECT_TRUE(parsed->label.independent);
  EXPECT_EQ(parsed->checksum, 0xDEADBEEFU);
}

TEST(ChunkBox, IsRefusedWhenCutOrChangedAnywhere) {
  ByteVector out;
  write_chunk_box({}, out);
  for (std::size_t size = 0; size < out.size(); ++size) {
    EXPECT_FALSE(parse_chunk_box(Bytes{out}.first(size)).ok()) << size;
  }
  for (std::size_t at = 0; at < out.size(); ++at) {
    ByteVector changed = out;
    changed[at] ^= 0x10U;
    EXPECT_FALSE(parse_chunk_box(changed).ok()) << at;
  }
}

TEST(Crc32c, HasTheValuesOfRfc3720) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(ByteVector(32, 0)), 0x8A9136AAU);
  EXPECT_EQ(crc32c(ByteVector(32, 0xFF)), 0x62A8AB43U);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Crc32c, IsTheSameWithAndWithoutTheInstructionHoweverItIsSplit) {
  ByteVector data(100'000);
  std::uint32_t random = 1;
  for (std::uint8_t& byte : data) {
    random = random * 1'664'525U + 1'013'904'223U;
    byte = static_cast<std::uint8_t>(random >> 24U);
  }
  const std::uint32_t whole = crc32c_portable(data);
  for (const std::size_t split : {0U, 1U, 7U, 4096U, 12'288U, 12'289U, 24'577U, 99'999U, 100'000U}) {
    const Bytes bytes{data};
    EXPECT_EQ(crc32c(bytes.subspan(split), crc32c(bytes.first(split))), whole) << split;
  }
}

TEST(ChunkCache, KeepsTheNewestWithinItsLimit) {
  ChunkCache cache{25};
  for (std::uint64_t serial = 1; serial <= 4; ++serial) cache.put(serial, {Blob::of(ByteVector(10))});
  EXPECT_FALSE(cache.find(2).has_value());
  EXPECT_TRUE(cache.find(3).has_value());
  EXPECT_TRUE(cache.find(4).has_value());
  EXPECT_EQ(cache.bytes(), 20U);
  cache.put(5, {Blob::of(ByteVector(26))});
  EXPECT_FALSE(cache.find(5).has_value());
  EXPECT_TRUE(cache.find(4).has_value());
  cache.set_limit(10);
  EXPECT_FALSE(cache.find(3).has_value());
  EXPECT_EQ(cache.bytes(), 10U);
}

}  // namespace
}  // namespace tarn::archive
