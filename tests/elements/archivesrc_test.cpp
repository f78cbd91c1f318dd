// SPDX-License-Identifier: Apache-2.0
#include "archive/gstarchivesrc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>

#include "archive/archive_range.h"
#include "archive/producer_time.h"
#include "core/isobmff/cmaf.h"
#include "gstkit/map.h"
#include "gstkit/ref.h"
#include "tests/core/archive/programme.h"

namespace tarn::test {
namespace {

using gstkit::Ref;
using ::testing::ElementsAre;

// Two stretches of GOPs of two seconds: slots 1 to 3 with media times from 2 s on, 4 and 5 with media times
// from 8 s on and another header.
class ArchiveSrcTest : public ::testing::Test {
 protected:
  void SetUp() override {
    {
      const auto archive = archive::open_or_fail(location_);
      archive::begin(*archive);
      archive::write_slots(*archive, 1, 3);
      archive::begin(*archive, 2, 4, "two");
      archive::write_slots(*archive, 4, 5, 2);
    }
    GST_ELEMENT_REGISTER(archivesrc, nullptr);
    source_ = Ref<GstElement>::adopt(gst_element_factory_make("archivesrc", nullptr));
    g_object_set(source_.get(), "location", location_.c_str(), "tracks", "1", nullptr);
    bus_ = Ref<GstBus>::adopt(gst_bus_new());
    gst_element_set_bus(source_.get(), bus_.get());
    // Without a template a pad takes no other caps than its first.
    static GstStaticPadTemplate any =
        GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
    sink_ = Ref<GstPad>::share(gst_pad_new_from_static_template(&any, "sink"));
    gst_pad_set_element_private(sink_.get(), this);
    gst_pad_set_event_function(sink_.get(), [](GstPad* pad, GstObject*, GstEvent* event) -> gboolean {
      self(pad).take(Ref<GstEvent>::adopt(event));
      return TRUE;
    });
    gst_pad_set_chain_function(sink_.get(), [](GstPad* pad, GstObject*, GstBuffer* buffer) {
      self(pad).take(Ref<GstBuffer>::adopt(buffer));
      return GST_FLOW_OK;
    });
    gst_pad_set_active(sink_.get(), TRUE);
    const auto source = pad();
    ASSERT_EQ(gst_pad_link(source.get(), sink_.get()), GST_PAD_LINK_OK);
  }
  void TearDown() override {
    gst_element_set_state(source_.get(), GST_STATE_NULL);
    gst_element_set_bus(source_.get(), nullptr);
  }

  [[nodiscard]] Ref<GstPad> pad() const {
    return Ref<GstPad>::adopt(gst_element_get_static_pad(source_.get(), "src"));
  }
  void play() {
    ASSERT_NE(gst_element_set_state(source_.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  }
  bool seek(std::int64_t seconds, std::int64_t stop = -1, guint flags = GST_SEEK_FLAG_FLUSH,
            double rate = 1) {
    return gst_element_seek(source_.get(), rate, GST_FORMAT_TIME, static_cast<GstSeekFlags>(flags),
                            GST_SEEK_TYPE_SET, seconds * static_cast<std::int64_t>(GST_SECOND),
                            GST_SEEK_TYPE_SET,
                            stop < 0 ? -1 : stop * static_cast<std::int64_t>(GST_SECOND)) != FALSE;
  }
  // The code of the first error, which is awaited; -1: of another domain.
  int error(GQuark domain = GST_RESOURCE_ERROR) {
    const auto message =
        Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(bus_.get(), 100 * GST_SECOND, GST_MESSAGE_ERROR));
    GError* raw = nullptr;
    if (message) gst_message_parse_error(message.get(), &raw, nullptr);
    const gstkit::ErrorPtr error{raw};
    return error && error->domain == domain ? error->code : -1;
  }
  // What came up to the end, which is awaited.
  std::vector<std::string> to_the_end(const std::string& end = "eos") {
    std::unique_lock lock{mutex_};
    EXPECT_TRUE(
        came_.wait_for(lock, std::chrono::seconds{20}, [&] { return !log_.empty() && log_.back() == end; }));
    return std::exchange(log_, {});
  }

  archive::ScratchDirectory scratch_;
  const std::string location_ = scratch_.path("archive");
  Ref<GstElement> source_;
  Ref<GstBus> bus_;
  Ref<GstPad> sink_;
  guint32 seqnum_ = 0;  // of the last segment or EOS
  guint32 end_ = 0;
  std::function<void()> on_slot_;  // on the streaming thread

 private:
  static ArchiveSrcTest& self(GstPad* pad) {
    return *static_cast<ArchiveSrcTest*>(gst_pad_get_element_private(pad));
  }
  static std::string seconds(GstClockTime time) { return std::to_string(time / GST_SECOND); }
  void add(std::string line) {
    const std::lock_guard lock{mutex_};
    log_.push_back(std::move(line));
    came_.notify_all();
  }
  void take(const Ref<GstEvent>& event) {
    switch (GST_EVENT_TYPE(event.get())) {
      case GST_EVENT_SEGMENT: {
        const GstSegment* segment = nullptr;
        gst_event_parse_segment(event.get(), &segment);
        seqnum_ = gst_event_get_seqnum(event.get());
        return add("segment " + seconds(segment->start) +
                   (GST_CLOCK_TIME_IS_VALID(segment->stop) ? " to " + seconds(segment->stop) : "") + " at " +
                   seconds(segment->time) + " base " + seconds(segment->base) +
                   (segment->rate != 1 ? " rate " + std::to_string(static_cast<int>(segment->rate)) : ""));
      }
      case GST_EVENT_EOS:
        seqnum_ = gst_event_get_seqnum(event.get());
        return add("eos");
      case GST_EVENT_FLUSH_START:
      case GST_EVENT_FLUSH_STOP:
      case GST_EVENT_SEGMENT_DONE:
      case GST_EVENT_STREAM_START:
      case GST_EVENT_CAPS:
        return add(GST_EVENT_TYPE_NAME(event.get()));
      default:
        return;
    }
  }
  void take(const Ref<GstBuffer>& buffer) {
    const gstkit::BufferMap map{buffer.get()};
    const std::string text{as_text(map.bytes())};
    if (text.starts_with("moof") && on_slot_) on_slot_();
    add(text.starts_with("moof") ? "slot at " + seconds(GST_BUFFER_PTS(buffer.get())) : text);
  }

  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<std::string> log_;
};

TEST_F(ArchiveSrcTest, PlaysStretchesOneAfterTheOther) {
  play();
  EXPECT_THAT(to_the_end(),
              ElementsAre("stream-start", "caps", "segment 2 at 0 base 0", "video init one", "slot at 2",
                          "slot at 4", "slot at 6", "caps", "segment 8 at 6 base 6", "video init two",
                          "slot at 8", "slot at 10", "eos"));
}

TEST_F(ArchiveSrcTest, GoesOnFromWhereItIsToldTo) {
  play();
  to_the_end();
  ASSERT_TRUE(seek(5));
  EXPECT_THAT(to_the_end(), ElementsAre("flush-start", "flush-stop", "caps", "segment 7 at 5 base 0",
                                        "video init one", "slot at 6", "caps", "segment 8 at 6 base 1",
                                        "video init two", "slot at 8", "slot at 10", "eos"))
      << "data begins with the key frame before it";
  ASSERT_TRUE(seek(7, 7));
  EXPECT_THAT(to_the_end(), ElementsAre("flush-start", "flush-stop", "caps", "segment 9 to 9 at 7 base 0",
                                        "video init two", "slot at 8", "eos"));
  ASSERT_TRUE(seek(100));
  EXPECT_THAT(to_the_end(), ElementsAre("flush-start", "flush-stop", "segment 12 at 10 base 0", "eos"))
      << "behind the end";
}

TEST_F(ArchiveSrcTest, EndsWhereItIsToldTo) {
  play();
  to_the_end();
  ASSERT_TRUE(seek(1, 5));
  EXPECT_THAT(to_the_end(), ElementsAre("flush-start", "flush-stop", "caps", "segment 3 to 7 at 1 base 0",
                                        "video init one", "slot at 2", "slot at 4", "slot at 6", "eos"));
  gint64 time = 0;
  ASSERT_TRUE(gst_element_query_position(source_.get(), GST_FORMAT_TIME, &time));
  EXPECT_EQ(static_cast<GstClockTime>(time), 5 * GST_SECOND);
  ASSERT_TRUE(seek(3, 8));
  EXPECT_THAT(to_the_end(), ElementsAre("flush-start", "flush-stop", "caps", "segment 5 at 3 base 0",
                                        "video init one", "slot at 4", "slot at 6", "caps",
                                        "segment 8 to 10 at 6 base 3", "video init two", "slot at 8", "eos"))
      << "a stretch ends by itself, and a slot that begins at the stop is not needed";
  ASSERT_TRUE(gst_element_seek(source_.get(), 1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET, 0,
                               GST_SEEK_TYPE_END, -8 * static_cast<gint64>(GST_SECOND)));
  EXPECT_THAT(to_the_end(), ElementsAre("flush-start", "flush-stop", "caps", "segment 2 to 4 at 0 base 0",
                                        "video init one", "slot at 2", "eos"));
  ASSERT_TRUE(gst_element_seek(source_.get(), 1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET,
                               GST_SECOND, GST_SEEK_TYPE_NONE, 0));
  EXPECT_THAT(to_the_end(), ::testing::Contains("segment 3 to 4 at 1 base 0")) << "the stop stays";
  EXPECT_FALSE(seek(5, 4));
}

TEST_F(ArchiveSrcTest, KeyUnitsAreSlots) {
  play();
  to_the_end();
  const auto segment_of = [&](GstClockTime time, guint flags) {
    const auto all = static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT | flags);
    EXPECT_TRUE(gst_element_seek_simple(source_.get(), GST_FORMAT_TIME, all, static_cast<gint64>(time)));
    const auto log = to_the_end();
    return log.size() > 5 ? log[3] + ", " + log[5] : "";
  };
  const GstClockTime ms = GST_MSECOND;
  EXPECT_EQ(segment_of(3500 * ms, 0), "segment 4 at 2 base 0, slot at 4");
  EXPECT_EQ(segment_of(3500 * ms, GST_SEEK_FLAG_SNAP_BEFORE), "segment 4 at 2 base 0, slot at 4");
  EXPECT_EQ(segment_of(2100 * ms, GST_SEEK_FLAG_SNAP_AFTER), "segment 6 at 4 base 0, slot at 6");
  EXPECT_EQ(segment_of(2000 * ms, GST_SEEK_FLAG_SNAP_AFTER), "segment 4 at 2 base 0, slot at 4");
  EXPECT_EQ(segment_of(5500 * ms, GST_SEEK_FLAG_SNAP_AFTER), "segment 8 at 6 base 0, slot at 8");
  EXPECT_EQ(segment_of(3500 * ms, GST_SEEK_FLAG_SNAP_NEAREST), "segment 6 at 4 base 0, slot at 6");
  EXPECT_EQ(segment_of(3000 * ms, GST_SEEK_FLAG_SNAP_NEAREST), "segment 4 at 2 base 0, slot at 4");
  EXPECT_EQ(segment_of(9900 * ms, GST_SEEK_FLAG_SNAP_AFTER), "segment 10 at 8 base 0, slot at 10");
}

TEST_F(ArchiveSrcTest, ARateIsTheSegments) {
  play();
  to_the_end();
  ASSERT_TRUE(seek(2, 8, GST_SEEK_FLAG_FLUSH, 2));
  EXPECT_THAT(to_the_end(),
              ElementsAre("flush-start", "flush-stop", "caps", "segment 4 at 2 base 0 rate 2",
                          "video init one", "slot at 4", "slot at 6", "caps",
                          "segment 8 to 10 at 6 base 2 rate 2", "video init two", "slot at 8", "eos"));
  const auto query = Ref<GstQuery>::adopt(gst_query_new_segment(GST_FORMAT_TIME));
  ASSERT_TRUE(gst_element_query(source_.get(), query.get()));
  gdouble rate = 0;
  gint64 start = 0;
  gint64 stop = 0;
  gst_query_parse_segment(query.get(), &rate, nullptr, &start, &stop);
  EXPECT_EQ(rate, 2);
  EXPECT_EQ(start, 2 * static_cast<gint64>(GST_SECOND));
  EXPECT_EQ(stop, 8 * static_cast<gint64>(GST_SECOND));
}

TEST_F(ArchiveSrcTest, ASeekBeforeThereIsAnythingIsWhereItStarts) {
  ASSERT_EQ(gst_element_set_state(source_.get(), GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  ASSERT_TRUE(seek(3, 5));
  play();
  EXPECT_THAT(to_the_end(), ElementsAre("stream-start", "caps", "segment 5 to 7 at 3 base 0",
                                        "video init one", "slot at 4", "slot at 6", "eos"));
  gst_element_set_state(source_.get(), GST_STATE_READY);
  play();
  EXPECT_THAT(to_the_end(), ::testing::Contains("segment 2 at 0 base 0")) << "and only once";
}

TEST_F(ArchiveSrcTest, WithoutAFlushRunningTimeGoesOn) {
  play();
  to_the_end();
  ASSERT_TRUE(seek(6, -1, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_SEGMENT));
  to_the_end("segment-done");
  gst_bus_set_flushing(bus_.get(), TRUE);
  gst_bus_set_flushing(bus_.get(), FALSE);
  ASSERT_TRUE(seek(8, 9, GST_SEEK_FLAG_SEGMENT));
  EXPECT_THAT(to_the_end("segment-done"), ElementsAre("caps", "segment 10 to 11 at 8 base 4",
                                                      "video init two", "slot at 10", "segment-done"));
  const auto done =
      Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(bus_.get(), 0, GST_MESSAGE_SEGMENT_DONE));
  ASSERT_TRUE(done);
  EXPECT_EQ(gst_message_get_seqnum(done.get()), seqnum_) << "the seek's";
  gint64 position = 0;
  gst_message_parse_segment_done(done.get(), nullptr, &position);
  EXPECT_EQ(position, 9 * static_cast<gint64>(GST_SECOND)) << "where it was told to stop";
}

TEST_F(ArchiveSrcTest, KnowsItsPositionAndDuration) {
  gint64 time = 0;
  EXPECT_FALSE(gst_element_query_duration(source_.get(), GST_FORMAT_TIME, &time));
  play();
  to_the_end();
  ASSERT_TRUE(gst_element_query_duration(source_.get(), GST_FORMAT_TIME, &time));
  EXPECT_EQ(static_cast<GstClockTime>(time), 10 * GST_SECOND);
  ASSERT_TRUE(gst_element_query_position(source_.get(), GST_FORMAT_TIME, &time));
  EXPECT_EQ(static_cast<GstClockTime>(time), 10 * GST_SECOND);
  EXPECT_FALSE(gst_element_query_duration(source_.get(), GST_FORMAT_BYTES, &time));
  const auto seeking = Ref<GstQuery>::adopt(gst_query_new_seeking(GST_FORMAT_TIME));
  ASSERT_TRUE(gst_element_query(source_.get(), seeking.get()));
  gboolean can_seek = FALSE;
  gst_query_parse_seeking(seeking.get(), nullptr, &can_seek, nullptr, &time);
  EXPECT_TRUE(can_seek);
  EXPECT_EQ(static_cast<GstClockTime>(time), 10 * GST_SECOND);
}

TEST_F(ArchiveSrcTest, WhatItCannotDoIsRefused) {
  EXPECT_FALSE(seek(1, -1, GST_SEEK_FLAG_FLUSH, -1.0)) << "not before it runs, either";
  play();
  to_the_end();
  EXPECT_FALSE(seek(1, -1, GST_SEEK_FLAG_FLUSH, -1.0));
  EXPECT_FALSE(seek(-1));
  gst_element_set_state(source_.get(), GST_STATE_NULL);
  g_object_set(source_.get(), "tracks", "", nullptr);
  play();
  EXPECT_FALSE(seek(1)) << "who is asked for ranges is not sought in";
}

TEST_F(ArchiveSrcTest, APlaceWithoutAnArchiveIsAnErrorAndStaysAsItIs) {
  const std::string nowhere = scratch_.path("nowhere");
  g_object_set(source_.get(), "location", nowhere.c_str(), nullptr);
  EXPECT_EQ(gst_element_set_state(source_.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(error(), GST_RESOURCE_ERROR_NOT_FOUND);
  EXPECT_FALSE(std::filesystem::exists(nowhere));
}

TEST_F(ArchiveSrcTest, ATrackThatIsNotThereIsAnError) {
  g_object_set(source_.get(), "tracks", "1,7", nullptr);
  EXPECT_EQ(gst_element_set_state(source_.get(), GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
  EXPECT_EQ(error(), GST_RESOURCE_ERROR_SETTINGS);
}

TEST_F(ArchiveSrcTest, AnEndThatTheApplicationSendsIsTheEnd) {
  on_slot_ = [this] {
    GstEvent* const eos = gst_event_new_eos();
    end_ = gst_event_get_seqnum(eos);
    EXPECT_TRUE(gst_element_send_event(source_.get(), eos));
  };
  play();
  EXPECT_THAT(to_the_end(), ElementsAre("stream-start", "caps", "segment 2 at 0 base 0", "video init one",
                                        "slot at 2", "eos"));
  EXPECT_EQ(seqnum_, end_);
  on_slot_ = {};
  EXPECT_TRUE(seek(8)) << "and afterwards it can be sought";
  EXPECT_THAT(to_the_end(), ::testing::Contains("slot at 10"));
}

TEST_F(ArchiveSrcTest, ThatNobodyIsLinkedIsAnError) {
  const auto source = pad();
  gst_pad_unlink(source.get(), sink_.get());
  play();
  EXPECT_EQ(error(GST_STREAM_ERROR), GST_STREAM_ERROR_FAILED);
}

TEST_F(ArchiveSrcTest, SeeksWhilePlayingAreWholeAndInOrder) {
  play();
  to_the_end();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(seek(i % 10, -1, GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT));
  auto log = to_the_end();
  const auto last = std::find(log.rbegin(), log.rend(), "flush-stop").base();
  EXPECT_THAT(std::vector<std::string>(last, log.end()),
              ElementsAre("caps", "segment 10 at 8 base 0", "video init two", "slot at 10", "eos"));
}

TEST(ProducerTime, OfATrackThatBeginsElsewhereInTheSlot) {
  const archive::ScratchDirectory scratch;
  const auto archive = archive::open_or_fail(scratch.path("a"));
  archive::begin(*archive);
  archive::write_slots(*archive, 1, 3);
  const auto timeline = archive->timeline();
  const timeline::Stretch& stretch = *timeline->stretch(1);
  const auto of = [&](timeline::TrackId track, std::int64_t start) {
    timeline::Chunk chunk;
    chunk.start = start;
    return producer_time(*timeline, *stretch.find(track), 3, chunk);
  };
  // slot 3 begins at 6 s of media time
  const Utc utc = archive::utc_of_slot(3);
  EXPECT_EQ(of(1, 540'000), isobmff::producer_reference_time(utc, 540'000));
  EXPECT_EQ(of(2, 288'480), isobmff::producer_reference_time(utc + Microseconds{10'000}, 288'480));
  EXPECT_EQ(of(2, 287'520), isobmff::producer_reference_time(utc - Microseconds{10'000}, 287'520));
}

TEST(ArchiveRange, HalfOpenAndClamped) {
  const archive::ScratchDirectory scratch;
  const auto archive = archive::open_or_fail(scratch.path("a"));
  EXPECT_EQ(ArchiveRange(archive->timeline(), 1, 9).duration(), 0U);
  archive::begin(*archive);
  archive::write_slots(*archive, 1, 3);
  archive::begin(*archive, 2, 4, "two");
  archive::write_slots(*archive, 4, 5, 2);
  const ArchiveRange range{archive->timeline(), 2, 99};
  EXPECT_EQ(range.first(), 2U);
  EXPECT_EQ(range.end(), 6U);
  EXPECT_EQ(range.duration(), 8 * GST_SECOND);
  for (std::uint64_t slot = 2; slot < 6; ++slot) {
    EXPECT_EQ(range.time_of(slot), (slot - 2) * 2 * GST_SECOND);
    EXPECT_EQ(range.slot_at(range.time_of(slot)), slot);
    EXPECT_EQ(range.slot_at(range.time_of(slot) + 2 * GST_SECOND - 1), slot);
    EXPECT_EQ(range.media_time_of(slot), slot * 2 * GST_SECOND);
  }
  EXPECT_EQ(range.slot_at(8 * GST_SECOND), 6U);
}

}  // namespace
}  // namespace tarn::test
