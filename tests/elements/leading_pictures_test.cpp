// SPDX-License-Identifier: Apache-2.0
#include "ingest/leading_pictures.h"

#include <gmock/gmock.h>

#include "core/codecs/open_gop.h"
#include "gstkit/event_messages.h"
#include "media.h"

// Semantics S35: what is taken from a GOP whose predecessor is another encoder's.
namespace tarn::test {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t frame = 3600;

// PTS by index, in frames; DTS are 0, 1, 2 …
std::vector<Ref<GstBuffer>> gop_shown_at(const std::vector<std::int64_t>& shown, std::uint8_t first_nal) {
  std::vector<Unit> units;
  for (std::size_t i = 0; i < shown.size(); ++i)
    units.push_back({.dts = static_cast<std::int64_t>(i) * frame,
                     .pts = shown[i] * frame,
                     .duration = frame,
                     .sync = i == 0,
                     .size = 6});
  auto list = list_of(units, 90'000);
  const std::array<std::uint8_t, 5> nal{0, 0, 0, 2, first_nal};
  gst_buffer_fill(gst_buffer_list_get_writable(list.get(), 0), 0, nal.data(), nal.size());
  std::vector<Ref<GstBuffer>> buffers;
  for (guint i = 0; i < shown.size(); ++i)
    buffers.push_back(Ref<GstBuffer>::share(gst_buffer_list_get(list.get(), i)));
  return buffers;
}

std::vector<std::int64_t> in_frames(const std::vector<Ref<GstBuffer>>& gop,
                                    GstClockTime (*time)(GstBuffer*)) {
  std::vector<std::int64_t> frames;
  for (const auto& buffer : gop) frames.push_back(gstkit::to_ticks(time(buffer.get()), 90'000) / frame);
  return frames;
}
GstClockTime dts(GstBuffer* buffer) { return GST_BUFFER_DTS(buffer); }
GstClockTime duration(GstBuffer* buffer) { return GST_BUFFER_DURATION(buffer); }

constexpr std::uint8_t recovery_point = 0x41;

TEST(LeadingPictures, GoAndWhatStaysLastsAsLong) {
  auto gop = gop_shown_at({3, 1, 2, 6, 4, 5}, recovery_point);
  EXPECT_EQ(ingest::detach_gop(gop, h264_info()), 2U);
  EXPECT_THAT(in_frames(gop, dts), ElementsAre(0, 3, 4, 5));
  EXPECT_THAT(in_frames(gop, duration), ElementsAre(3, 1, 1, 1));
}

TEST(LeadingPictures, AtTheEndGoToo) {
  auto gop = gop_shown_at({3, 1, 2}, recovery_point);
  EXPECT_EQ(ingest::detach_gop(gop, h264_info()), 2U);
  EXPECT_THAT(in_frames(gop, duration), ElementsAre(3));
}

TEST(LeadingPictures, OfClosedGopsStay) {
  auto idr = gop_shown_at({3, 1, 2, 6, 4, 5}, 0x65);
  EXPECT_EQ(ingest::detach_gop(idr, h264_info()), 0U);
  EXPECT_EQ(idr.size(), 6U);
  auto none_leads = gop_shown_at({1, 4, 2, 3}, recovery_point);
  EXPECT_EQ(ingest::detach_gop(none_leads, h264_info()), 0U);
  auto begins_in_the_middle = gop_shown_at({3, 1, 2}, recovery_point);
  GST_BUFFER_FLAG_SET(begins_in_the_middle[0].get(), GST_BUFFER_FLAG_DELTA_UNIT);
  EXPECT_EQ(ingest::detach_gop(begins_in_the_middle, h264_info()), 0U);
}

// A splice point that was said with a picture that goes is as far from the one before as it is.
TEST(LeadingPictures, LeaveTheirEventsBehind) {
  auto gop = gop_shown_at({3, 1, 2, 6}, recovery_point);
  codecs::EventMessage splice;
  splice.scheme_id_uri = codecs::splice_scheme;
  splice.delta = 10 * frame;
  splice.data = {0xFC};
  codecs::EventMessage tag = splice;
  tag.scheme_id_uri = codecs::id3_scheme;
  gop[0] = gstkit::writable(std::move(gop[0]));
  gstkit::attach_events(gop[0].get(), {&tag, 1});
  gop[2] = gstkit::writable(std::move(gop[2]));
  gstkit::attach_events(gop[2].get(), {&splice, 1});
  EXPECT_EQ(ingest::detach_gop(gop, h264_info()), 2U);
  splice.delta = 9 * frame;
  EXPECT_THAT(gstkit::events_of(gop[0].get()), ElementsAre(tag, splice));
}

TEST(LeadingPictures, TheFirstPictureOfHevcIsNoContinuationAnyMore) {
  codecs::StreamInfo hevc;
  hevc.codec = codecs::Codec::hevc;
  hevc.timescale = 90'000;
  hevc.config = ByteVector(23, 3);
  constexpr std::uint8_t cra = 21 << 1;
  constexpr std::uint8_t bla_n_lp = 18 << 1;
  const auto before = gop_shown_at({1, 2, 3}, cra);
  auto gop = before;
  EXPECT_EQ(ingest::detach_gop(gop, hevc), 0U) << "nothing leads it";
  EXPECT_EQ(bytes_of(gop[0].get()).at(4), bla_n_lp);
  EXPECT_EQ(bytes_of(before[0].get()).at(4), cra) << "somebody else's";
  EXPECT_EQ(GST_BUFFER_PTS(gop[0].get()), GST_BUFFER_PTS(before[0].get()));
  EXPECT_EQ(GST_BUFFER_DURATION(gop[0].get()), GST_BUFFER_DURATION(before[0].get()));
  EXPECT_EQ(bytes_of(gop[1].get()), bytes_of(before[1].get()));
  auto idr = gop_shown_at({1, 2, 3}, 19 << 1);
  EXPECT_EQ(ingest::detach_gop(idr, hevc), 0U);
  EXPECT_EQ(bytes_of(idr[0].get()).at(4), 19 << 1);
}

TEST(OpenGop, BreaksTheLinkInEverySlice) {
  codecs::StreamInfo hevc;
  hevc.codec = codecs::Codec::hevc;
  hevc.config = ByteVector(23, 3);
  const auto sample = [](std::uint8_t first, std::uint8_t second) {
    return ByteVector{0, 0, 0, 2, 39 << 1, 1,      0, 0, 0, 3, first, 1,
                      9, 0, 0, 0, 2,       second, 1, 0, 0, 0, 9,     21 << 1};
  };
  ByteVector broken = sample(21 << 1 | 1, 16 << 1);
  codecs::break_link(hevc, broken);
  EXPECT_EQ(broken, sample(18 << 1 | 1, 18 << 1)) << "but not behind a length that does not add up";
}

TEST(OpenGop, IsToldByTheFirstPictureOfItsFirstSample) {
  codecs::StreamInfo avc = h264_info();
  const auto has = [](const codecs::StreamInfo& info, const ByteVector& sample) {
    return codecs::has_open_leading(info, sample);
  };
  EXPECT_TRUE(has(avc, {0, 0, 0, 1, 0x06, 0, 0, 0, 1, 0x41}));
  EXPECT_FALSE(has(avc, {0, 0, 0, 1, 0x06, 0, 0, 0, 1, 0x65}));
  EXPECT_TRUE(has(avc, {0, 0, 0, 9, 0x06})) << "its lengths do not add up";
  EXPECT_TRUE(has(avc, {}));
  avc.config.at(4) = 0xFD;  // lengths of 2 bytes
  EXPECT_FALSE(has(avc, {0, 1, 0x06, 0, 1, 0x65}));
  codecs::StreamInfo hevc;
  hevc.codec = codecs::Codec::hevc;
  EXPECT_TRUE(has(hevc, {0, 0, 0, 1, 19 << 1})) << "no configuration record";
  hevc.config = ByteVector(23, 3);
  for (const auto& [type, open] :
       {std::pair{16, true}, {17, false}, {18, false}, {19, false}, {20, false}, {21, true}})
    EXPECT_EQ(has(hevc, {0, 0, 0, 2, 35 << 1, 1, 0, 0, 0, 2, static_cast<std::uint8_t>(type << 1), 1}), open)
        << type;
  codecs::StreamInfo av1;
  av1.codec = codecs::Codec::av1;
  EXPECT_FALSE(has(av1, {0x12, 0}));
}

}  // namespace
}  // namespace tarn::test
