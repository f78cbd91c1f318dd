// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "core/mpegts/demuxer.h"
#include "tests/core/mpegts/demuxed_units.h"
#include "tests/support/seed.h"

namespace tarn::mpegts {
namespace {

using namespace tarn::test;
using testing::ElementsAre;

TEST(Demux, CountsContinuityErrorsAndDropsOnlyTheDamagedPesPacket) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  add_gop(ts, 0, 4);
  // The IDR takes several packets: one in the middle goes missing.
  auto& packets = ts.packets();
  packets.erase(packets.begin() + 3);
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_EQ(segment.continuity_errors, 1U);
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(3600, 7200, 10'800));
  EXPECT_EQ(unit_bytes(segment.streams[0], 0), length_prefixed({inter(1)}));
}

TEST(Demux, LossAtTheEndOfAPesPacketIsSeenAtTheNext) {
  for (const bool bounded : {false, true}) {
    TsBuilder ts;
    ts.tables({{type_h264, video_pid}});
    add_gop(ts, 0, 1, bounded);
    ts.packets().pop_back();
    ts.pes(video_pid, inter_unit(1), {.pts = 3600, .bounded = bounded});
    const codecs::MediaSegment segment = demuxed(ts.bytes());
    EXPECT_EQ(segment.continuity_errors, 1U);
    EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(3600));
  }
}

TEST(Demux, LossBetweenBoundedPesPacketsKeepsBoth) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  add_gop(ts, 0, 1, true);
  ts.skip_counter(video_pid);
  ts.pes(video_pid, inter_unit(1), {.pts = 3600, .bounded = true});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_EQ(segment.continuity_errors, 1U);
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(0, 3600));
}

TEST(Demux, ADamagedPesPacketWithoutDelimiterSparesTheUnitBefore) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  ts.pes(video_pid, sync_unit(), {.pts = 0});
  ts.pes(video_pid, byte_stream({inter(1, 700)}), {.pts = 3600});
  ts.packets().pop_back();
  ts.pes(video_pid, byte_stream({inter(2)}), {.pts = 7200});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(0, 7200));
  EXPECT_EQ(unit_bytes(segment.streams[0], 0), length_prefixed({idr()}));
}

TEST(Demux, RepeatedPacketsAndAnnouncedDiscontinuitiesAreNoErrors) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  add_gop(ts, 0, 1);
  ts.packets().push_back(ts.packets().back());
  ts.skip_counter(video_pid);
  const ByteVector next = make_pes(byte_stream({inter(1, 40)}), {.pts = 3600});
  ASSERT_LE(next.size(), 182U);
  ts.packet(video_pid, true, next, 0x80);  // discontinuity_indicator
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_EQ(segment.continuity_errors, 0U);
  const codecs::ElementaryStream& video = segment.streams.at(0);
  EXPECT_THAT(all_dts(video), ElementsAre(0, 3600));
  EXPECT_EQ(unit_bytes(video, 0), length_prefixed({idr()}));
}

TEST(Demux, TransportErrorsDropTheirPesPacket) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  add_gop(ts, 0, 3);
  ts.packets()[3][1] |= 0x80;
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_EQ(segment.damaged_packets, 1U);
  EXPECT_EQ(segment.continuity_errors, 0U);
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(3600, 7200));
}

TEST(Demux, FindsThePacketsAgainAfterLostSync) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  add_gop(ts, 0, 4);
  ByteVector bytes = ts.bytes();
  // behind the packets of the IDR: garbage, sync bytes inside
  const std::size_t at = bytes.size() - 3 * 188;
  ByteVector garbage(333, 0x22);
  garbage[5] = garbage[193] = 0x47;
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), garbage.begin(), garbage.end());
  const codecs::MediaSegment segment = demuxed(bytes);
  EXPECT_THAT(all_dts(segment.streams.at(0)), ElementsAre(0, 3600, 7200, 10'800));
  EXPECT_EQ(segment.damaged_packets, 1U);
}

TEST(Demux, StartsBehindAFewBytesOfGarbage) {
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}});
  add_gop(ts, 0, 4);
  EXPECT_EQ(demuxed(joined({ByteVector(77, 0x47), ts.bytes()})).streams.at(0).units.size(), 4U);
}

TEST(Demux, ScramblingIsRefused) {
  TsBuilder packet;
  packet.tables({{type_h264, video_pid}});
  add_gop(packet, 0, 2);
  packet.packets()[3][3] |= 0x80;
  EXPECT_EQ(refused(packet.bytes()).code, ErrorCode::encrypted);
  TsBuilder pes;
  pes.tables({{type_h264, video_pid}});
  pes.pes(video_pid, sync_unit(), {.pts = 0, .scrambling = 2});
  EXPECT_EQ(refused(pes.bytes()).code, ErrorCode::encrypted);
  TsBuilder sample_aes;
  sample_aes.tables({{0xDB, video_pid}, {0xCF, audio_pid}});
  EXPECT_EQ(refused(sample_aes.bytes()).code, ErrorCode::encrypted);
}

TEST(Demux, APesPacketThatEndsTooEarlyKeepsItsCompleteUnits) {
  const ByteVector raw(100, 1);
  TsBuilder ts;
  ts.tables({{type_h264, video_pid}, {type_aac, audio_pid}});
  add_gop(ts, 0, 2, true);
  ts.pes(audio_pid, joined({adts_frame(raw), adts_frame(raw)}),
         {.stream_id = 0xC0, .pts = 1, .bounded = true, .announced_more = 60});
  const codecs::MediaSegment segment = demuxed(ts.bytes());
  EXPECT_TRUE(segment.truncated);
  EXPECT_EQ(segment.streams.at(0).units.size(), 2U);
  EXPECT_EQ(segment.streams.at(1).units.size(), 2U);
}

// Only at the end of a whole PES packet can a cut go unnoticed.
TEST(Demux, EveryTruncationIsAnErrorOrATruncatedBeginning) {
  for (const bool bounded : {false, true}) {
    const ByteVector raw(250, 1);
    TsBuilder ts;
    ts.tables({{type_h264, video_pid}, {type_aac, audio_pid}});
    add_gop(ts, 0, 3, bounded);
    ts.pes(audio_pid, joined({adts_frame(raw), adts_frame(raw)}),
           {.stream_id = 0xC0, .pts = 1, .bounded = true});
    ts.pes(video_pid, inter_unit(3), {.pts = 10'800 + 7200, .dts = 10'800, .bounded = bounded});
    const ByteVector whole = ts.bytes();
    const codecs::MediaSegment all = demuxed(whole);
    ASSERT_FALSE(all.truncated);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      const ByteVector part{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)};
      Result<codecs::MediaSegment> segment = demux(part);
      if (!segment.ok()) continue;
      if (size % 188 != 0) {
        ASSERT_TRUE(segment->truncated) << size;
      }
      for (const codecs::ElementaryStream& stream : segment->streams) {
        const codecs::ElementaryStream& original = all.streams.at(stream.codec == codecs::Codec::aac ? 1 : 0);
        ASSERT_LE(stream.units.size(), original.units.size());
        for (std::size_t i = 0; i < stream.units.size() && (bounded || size % 188 != 0); ++i) {
          ASSERT_EQ(unit_bytes(stream, i), unit_bytes(original, i)) << size;
        }
      }
    }
  }
}

// Fault row B8. Of a segment with one fault, whatever it hits, all GOPs but one come out as they went in, or
// it is refused as a whole.
class OneFault : public testing::Test {
 protected:
  static constexpr std::size_t gops = 4;
  static constexpr std::size_t pictures = 10;

  OneFault() {
    TsBuilder ts;
    for (std::size_t i = 0; i < gops; ++i) {
      ts.tables({{type_h264, video_pid}});
      add_gop(ts, static_cast<std::int64_t>(i * pictures) * 3'600, pictures);
    }
    whole_ = ts.bytes();
    for (const auto& [dts, bytes] : units_of(demuxed(whole_))) units_.emplace(dts, bytes);
  }

  static std::multimap<std::int64_t, ByteVector> units_of(const codecs::MediaSegment& segment) {
    std::multimap<std::int64_t, ByteVector> units;
    for (const auto& stream : segment.streams) {
      for (std::size_t i = 0; i < stream.units.size(); ++i)
        units.emplace(stream.units[i].dts, unit_bytes(stream, i));
    }
    return units;
  }

  // GOPs that have lost a unit, or have another one.
  [[nodiscard]] std::set<std::int64_t> damaged(const codecs::MediaSegment& segment) const {
    const auto found = units_of(segment);
    std::set<std::int64_t> gops_hit;
    for (const auto& [dts, bytes] : units_) {
      const auto [from, to] = found.equal_range(dts);
      const bool is_there = std::any_of(from, to, [&](const auto& one) { return one.second == bytes; });
      if (!is_there) gops_hit.insert(dts / 3'600 / static_cast<std::int64_t>(pictures));
    }
    return gops_hit;
  }

  ByteVector whole_;
  std::map<std::int64_t, ByteVector> units_;
};

TEST_F(OneFault, B8DamagesOneGopOrWhereTwoMeet) {
  ASSERT_EQ(units_.size(), gops * pictures);
  const unsigned seed = seed_of_run();
  std::mt19937 random{seed};
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>{0, n - 1}(random);
  };
  std::size_t refused = 0;
  std::size_t unharmed = 0;
  for (int i = 0; i < 10'000 && !HasFailure(); ++i) {
    ByteVector bytes = whole_;
    const std::size_t kind = below(4);
    const std::size_t at = below(bytes.size());
    const auto packet = static_cast<std::ptrdiff_t>(at / 188 * 188);
    if (kind == 0) {  // a bit
      bytes[at] ^= static_cast<std::uint8_t>(1U << below(8));
    } else if (kind == 1) {  // bytes are lost, and with them where packets begin
      bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                  bytes.begin() + static_cast<std::ptrdiff_t>(std::min(bytes.size(), at + 1 + below(400))));
    } else if (kind == 2) {  // a packet is lost
      bytes.erase(bytes.begin() + packet, bytes.begin() + packet + 188);
    } else {  // a packet is noise
      for (std::ptrdiff_t byte = packet; byte < packet + 188; ++byte)
        bytes[static_cast<std::size_t>(byte)] = static_cast<std::uint8_t>(below(256));
    }
    const auto segment = mpegts::demux(bytes);
    if (!segment.ok()) {
      ++refused;
      continue;
    }
    const auto hit = damaged(*segment);
    unharmed += hit.empty() ? 1 : 0;
    // What is lost at the end of a GOP may take the beginning of the next with it.
    EXPECT_LE(hit.size(), 2U) << "seed " << seed << ", fault " << i << " of kind " << kind << " at " << at;
    if (hit.size() == 2) {
      EXPECT_EQ(*hit.begin() + 1, *hit.rbegin());
    }
  }
  EXPECT_LT(refused, 1'000U);
  EXPECT_LT(unharmed, 5'000U) << "the faults hit nothing";
}

}  // namespace
}  // namespace tarn::mpegts
