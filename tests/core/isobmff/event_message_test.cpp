// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/event_message.h"

#include <gtest/gtest.h>

#include "core/base/text.h"
#include "core/isobmff/cmaf.h"

namespace tarn::isobmff {
namespace {

using codecs::EventMessage;

EventMessage sample_message() {
  return {.scheme_id_uri = "urn:a",
          .value = "1",
          .id = 0x01020304,
          .delta = -5,
          .duration = 9,
          .data = {0xAA, 0xBB}};
}

// Behind the header of an emsg.
Bytes payload(const ByteVector& box) { return Bytes{box}.subspan(8); }

TEST(EventMessageBox, HasTheBytesOfTheSpecification) {
  ByteVector box;
  append_event_box(box, sample_message(), 90'000, 0x100000000);
  EXPECT_EQ(hex(box),
            "0000002a"
            "656d7367"
            "01000000"
            "00015f90"
            "0000000100000000"
            "00000009"
            "01020304"
            "75726e3a6100"
            "3100"
            "aabb");
  const auto read = parse_event_box(payload(box));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->timescale, 90'000U);
  EXPECT_EQ(read->time, 0x100000000);
  EXPECT_FALSE(read->is_relative);
  EventMessage expected = sample_message();
  expected.delta = 0;
  EXPECT_EQ(read->message, expected);
}

TEST(EventMessageBox, VersionZeroCountsFromTheSegment) {
  const auto read =
      parse_event_box(*parse_hex("00000000"
                                 "75726e3a6100"
                                 "00"
                                 "000003e8"
                                 "00000005"
                                 "ffffffff"
                                 "00000007"
                                 "cc"));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->is_relative);
  EXPECT_EQ(read->time, 5);
  EXPECT_EQ(read->timescale, 1000U);
  EXPECT_EQ(read->message.value, "");
  EXPECT_EQ(read->message.duration, codecs::unknown_event_duration);
  EXPECT_EQ(read->message.data, ByteVector{0xCC});
}

TEST(EventMessageBox, EveryTruncationAndExcessIsRefused) {
  ByteVector box;
  append_event_box(box, sample_message(), 90'000, 1);
  for (std::size_t size = 0; size + 2 < payload(box).size(); ++size) {
    EXPECT_FALSE(parse_event_box(payload(box).first(size))) << size;
  }
  EXPECT_FALSE(
      parse_event_box(*parse_hex("02000000"
                                 "00015f90")))
      << "version";
  EventMessage message = sample_message();
  const auto is_taken = [&](std::uint32_t timescale, std::int64_t time) {
    ByteVector made;
    append_event_box(made, message, timescale, time);
    return parse_event_box(payload(made)).has_value();
  };
  EXPECT_FALSE(is_taken(0, 1)) << "timescale";
  EXPECT_FALSE(is_taken(1, (std::int64_t{1} << 60U) + 1)) << "time";
  message.data.resize(codecs::max_event_size);
  EXPECT_TRUE(is_taken(1, 1));
  message.data.push_back(0);
  EXPECT_FALSE(is_taken(1, 1)) << "data";
  message = sample_message();
  message.value.assign(codecs::max_event_scheme_size + 1, 'x');
  EXPECT_FALSE(is_taken(1, 1)) << "value";
  message = sample_message();
  message.scheme_id_uri.clear();
  EXPECT_FALSE(is_taken(1, 1)) << "no scheme";
}

TEST(EventMessageBox, IsFoundInFrontOfItsChunk) {
  ByteVector bytes;
  for (std::uint32_t i = 0; i < 3; ++i) {
    ChunkHeader header{.sequence_number = i, .base_media_decode_time = 100 * i, .samples = {{.size = 1}}};
    if (i == 1) append_event_box(header.events, sample_message(), 1000, 7);
    const ByteVector chunk = write_chunk_header(header);
    bytes.insert(bytes.end(), chunk.begin(), chunk.end());
    bytes.push_back(0x55);
    const auto front = parse_chunk_front(chunk, chunk.size() + 1);
    ASSERT_TRUE(front.ok()) << front.error().message;
    EXPECT_EQ(front->samples.at(0).offset, chunk.size());
  }
  const auto events = events_of_chunks(bytes);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].chunk, 1U);
  EXPECT_EQ(events[0].box.time, 7);
  const auto chunks = parse_chunks(bytes);
  ASSERT_TRUE(chunks.ok()) << chunks.error().message;
  EXPECT_EQ(chunks->chunk_begins, (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(bytes[chunks->samples.at(1).offset], 0x55);
}

TEST(EventMessageBox, AreGatheredInFrontOfTheSegment) {
  for (const bool is_apart : {false, true}) {
    std::vector<std::vector<Blob>> chunks;
    std::size_t size = 0;
    for (std::uint32_t i = 0; i < 3; ++i) {
      ChunkHeader header{.sequence_number = i, .base_media_decode_time = 100 * i, .samples = {{.size = 1}}};
      if (i != 1) append_event_box(header.events, sample_message(), 1000, i);
      ByteVector front = write_chunk_header(header);
      if (!is_apart) front.push_back(static_cast<std::uint8_t>(i));
      chunks.push_back({Blob::of(front)});
      if (is_apart) chunks.back().push_back(Blob::of({static_cast<std::uint8_t>(i)}));
      size += front.size() + (is_apart ? 1 : 0);
    }
    gather_events(chunks);
    ByteVector segment;
    for (const auto& chunk : chunks) {
      std::size_t total = 0;
      for (const Blob& part : chunk) total += part.size();
      EXPECT_TRUE(chunk.size() == 1 || parse_chunk_front(chunk.front().bytes(), total).ok());
      for (const Blob& part : chunk) segment.insert(segment.end(), part.bytes().begin(), part.bytes().end());
    }
    EXPECT_EQ(segment.size(), size);
    const auto events = events_of_chunks(segment);
    ASSERT_EQ(events.size(), 2U);
    EXPECT_EQ(events[0].chunk + events[1].chunk, 0U);
    EXPECT_EQ(events[0].box.time, 0);
    EXPECT_EQ(events[1].box.time, 2);
    const auto parsed = parse_chunks(segment);
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(segment[parsed->samples[i].offset], i);
  }
}

TEST(EventInstances, ComeBackAsTheyWere) {
  std::vector<EventMessage> messages{sample_message(), sample_message()};
  messages[1].data.clear();
  messages[1].duration = codecs::unknown_event_duration;
  const ByteVector boxes = write_event_instances(messages);
  EXPECT_EQ(hex(Bytes{boxes}.first(28)),
            "0000002a"
            "656d6962"
            "00000000"
            "00000000"
            "fffffffffffffffb"
            "00000009");
  EXPECT_EQ(read_event_instances(boxes), messages);
  EXPECT_EQ(read_event_instances(Bytes{boxes}.first(boxes.size() - 1)).size(), 1U);
}

}  // namespace
}  // namespace tarn::isobmff
