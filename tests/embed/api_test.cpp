// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <tarn/tarn.h>

#include <string>
#include <string_view>

#include "core/codecs/event_message.h"
#include "gstkit/events.h"
#include "gstkit/ref.h"

// The names that are promised to applications are those that the elements use.
namespace tarn::test {
namespace {

using gstkit::Ref;
using std::string_view_literals::operator""sv;

static_assert(gstkit::TrackAnnounced::name == TARN_EVENT_TRACK ""sv);
static_assert(gstkit::TracksAnnounced::name == TARN_EVENT_TRACKS ""sv);
static_assert(gstkit::ProgramDateTime::name == TARN_EVENT_PROGRAM_DATE_TIME ""sv);
static_assert(gstkit::Discontinuity::name == TARN_EVENT_DISCONTINUITY ""sv);
static_assert(gstkit::SegmentBegin::name == TARN_EVENT_SEGMENT_BEGIN ""sv);
static_assert(gstkit::SegmentEnd::name == TARN_EVENT_SEGMENT_END ""sv);
static_assert(gstkit::TrackBegin::name == TARN_EVENT_TRACK_BEGIN ""sv);
static_assert(gstkit::EndOfList::name == TARN_EVENT_END_OF_LIST ""sv);
static_assert(gstkit::StretchBegin::name == TARN_EVENT_STRETCH ""sv);
static_assert(gstkit::PartBegin::name == TARN_EVENT_PART ""sv);
static_assert(gstkit::SlotComplete::name == TARN_EVENT_SLOT ""sv);
static_assert(gstkit::StreamEnded::name == TARN_EVENT_STREAM_ENDED ""sv);
static_assert(codecs::id3_scheme == TARN_SCHEME_ID3 ""sv);
static_assert(codecs::splice_scheme == TARN_SCHEME_SCTE35 ""sv);

// The first of all: it begins without GStreamer.
TEST(ApiWithoutGStreamer, RegisteringIsRefusedAndCanBeDoneLater) {
  ASSERT_FALSE(gst_is_initialized()) << "another test ran before";
  g_test_expect_message(nullptr, G_LOG_LEVEL_WARNING, "*gst_init*");
  EXPECT_FALSE(tarn_register_elements());
  g_test_assert_expected_messages();
  gst_init(nullptr, nullptr);
  EXPECT_TRUE(tarn_register_elements());
}

class Api : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }
  static Ref<GstMessage> message(const char* text) {
    return Ref<GstMessage>::adopt(gst_message_new_element(nullptr, gst_structure_from_string(text, nullptr)));
  }
};

TEST_F(Api, TheVersionIsWrittenOnce) {
  guint major = 0;
  guint minor = 0;
  guint micro = 0;
  tarn_version(&major, &minor, &micro);
  EXPECT_EQ(std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(micro),
            tarn_version_string());
  tarn_version(nullptr, nullptr, nullptr);
}

// Where plugin files are found, too: one of them may have been loaded before.
TEST_F(Api, RegistersEveryElementOnce) {
  (void)Ref<GstElement>::adopt(gst_element_factory_make("tspackager", nullptr));
  ASSERT_NE(tarn_register_elements(), FALSE);
  ASSERT_NE(tarn_register_elements(), FALSE);
  for (const char* name : {"hlsingestsrc", "ingestselector", "cmafpackager", "tspackager", "archivesink",
                           "archivesrc", "cencenc", "hlsmanifestsink", "dashmanifestsink"}) {
    EXPECT_TRUE(Ref<GstElement>::adopt(gst_element_factory_make(name, nullptr))) << name;
  }
}

TEST_F(Api, KeysGoByTheNameOfTheirContext) {
  ASSERT_NE(tarn_register_elements(), FALSE);
  const auto element = Ref<GstElement>::adopt(gst_element_factory_make("cencenc", nullptr));
  const auto context = Ref<GstContext>::adopt(gst_context_new(TARN_CONTEXT_CONTENT_KEYS, TRUE));
  const std::string digits = "0123456789abcdef0123456789abcdef";
  const auto key = Ref<GBytes>::adopt(g_bytes_new(digits.data(), 16));
  gst_structure_set(gst_context_writable_structure(context.get()), "kid", G_TYPE_STRING, digits.c_str(), "iv",
                    G_TYPE_STRING, digits.c_str(), "key", G_TYPE_BYTES, key.get(), nullptr);
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gst_element_set_context(element.get(), context.get());
  EXPECT_NE(gst_element_set_state(element.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state(element.get(), GST_STATE_NULL);
}

TEST_F(Api, ReadsMessagesAndLeavesOthersAlone) {
  guint from = 0;
  guint to = 0;
  gint64 time = 0;
  gchar* text = nullptr;
  const auto switched = message(
      "tarn/input-switched, from=(uint)1, to=(uint)2, media-time=(gint64)90000, reason=(string)\"is late\"");
  ASSERT_NE(tarn_message_parse_input_switched(switched.get(), &from, &to, &time, &text), FALSE);
  EXPECT_EQ(from, 1U);
  EXPECT_EQ(to, 2U);
  EXPECT_EQ(time, 90'000);
  EXPECT_STREQ(gstkit::TextPtr{text}.get(), "is late");
  EXPECT_NE(tarn_message_parse_input_switched(switched.get(), nullptr, nullptr, nullptr, nullptr), FALSE);

  gboolean is_set = FALSE;
  const auto condition =
      message("tarn/input-condition, input=(uint)2, condition=(string)LAGGING, state=(string)set");
  ASSERT_NE(tarn_message_parse_input_condition(condition.get(), &from, &text, &is_set), FALSE);
  EXPECT_EQ(from, 2U);
  EXPECT_STREQ(gstkit::TextPtr{text}.get(), TARN_CONDITION_LAGGING);
  EXPECT_NE(is_set, FALSE);

  guint64 slot = 0;
  GstClockTime duration = 0;
  const auto gop =
      message("tarn/gop-too-long, slot=(guint64)7, duration=(guint64)12000000000, target-duration=(uint)6");
  ASSERT_NE(tarn_message_parse_gop_too_long(gop.get(), &slot, &duration, &to), FALSE);
  EXPECT_EQ(slot, 7U);
  EXPECT_EQ(duration, 12 * GST_SECOND);
  EXPECT_EQ(to, 6U);

  for (const auto& other : {condition, message("tarn/input-switched, from=(string)x"),
                            Ref<GstMessage>::adopt(gst_message_new_eos(nullptr))}) {
    text = nullptr;
    EXPECT_EQ(tarn_message_parse_input_switched(other.get(), &from, &to, &time, &text), FALSE);
    EXPECT_EQ(text, nullptr);
  }
}

TEST_F(Api, ABufferCarriesOneEventMessage) {
  const auto buffer = Ref<GstBuffer>::adopt(gst_buffer_new());
  const auto data = Ref<GBytes>::adopt(g_bytes_new_static("ID3", 3));
  EXPECT_NE(tarn_buffer_add_event_message(buffer.get(), TARN_SCHEME_ID3, nullptr, 1, data.get()), FALSE);
  EXPECT_EQ(tarn_buffer_add_event_message(buffer.get(), TARN_SCHEME_ID3, nullptr, 2, data.get()), FALSE);
  EXPECT_NE(gst_buffer_get_custom_meta(buffer.get(), TARN_META_EVENT_MESSAGES), nullptr);
  const auto shared = buffer;
  EXPECT_EQ(tarn_buffer_add_event_message(shared.get(), TARN_SCHEME_ID3, nullptr, 2, data.get()), FALSE);
}

}  // namespace
}  // namespace tarn::test
