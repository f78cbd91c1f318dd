// SPDX-License-Identifier: Apache-2.0
// What a player of an archive shows after a seek: an archive of real pictures, and GStreamer's own demuxer
// and decoder behind archivesrc.
#include <gmock/gmock.h>
#include <gst/base/gstbasesink.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "archive/gstarchivesink.h"
#include "archive/gstarchivesrc.h"
#include "gstkit/ref.h"
#include "ingest/gstingestselector.h"
#include "package/gstcmafpackager.h"
#include "tests/core/archive/programme.h"

namespace tarn::test {
namespace {

using gstkit::Ref;

constexpr GstClockTime picture = GST_SECOND / 25;
constexpr GstClockTime patience = 60 * GST_SECOND;

// 250 pictures, a key frame every 2 s, two B-frames: the first picture of a GOP is decoded two pictures
// before it is shown, so that GOPs begin at 0 s, 2 s… and their pictures at 0.08 s, 2.08 s…
class ArchivePlaybackTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    GST_ELEMENT_REGISTER(archivesink, nullptr);
    GST_ELEMENT_REGISTER(archivesrc, nullptr);
    GST_ELEMENT_REGISTER(cmafpackager, nullptr);
    GST_ELEMENT_REGISTER(ingestselector, nullptr);
    scratch_ = new archive::ScratchDirectory;
    run("ingestselector name=selector ! cmafpackager ! archivesink location=" + location() +
        " videotestsrc num-buffers=250 ! video/x-raw,width=64,height=48,framerate=25/1 ! x264enc "
        "key-int-max=50 bframes=2 b-adapt=false option-string=scenecut=0 ! h264parse ! selector.ingest1_0");
  }
  static void TearDownTestSuite() { delete std::exchange(scratch_, nullptr); }

  static std::string location() { return scratch_->path("archive"); }
  static Ref<GstElement> launch(const std::string& line) {
    GError* raw = nullptr;
    auto pipeline = Ref<GstElement>::adopt(gst_parse_launch(line.c_str(), &raw));
    const gstkit::ErrorPtr error{raw};
    EXPECT_TRUE(!error) << line;
    return pipeline;
  }
  static void run(const std::string& line) {
    const auto pipeline = launch(line);
    to_the_end(pipeline);
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }
  static void to_the_end(const Ref<GstElement>& pipeline) {
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const auto bus = Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    const auto message = Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), patience, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    ASSERT_TRUE(message) << "no end";
    ASSERT_EQ(GST_MESSAGE_TYPE(message.get()), GST_MESSAGE_EOS);
  }

  struct Shown {
    std::vector<GstClockTime> stream;  // times of the pictures
    GstClockTime first_running = 0;
  };
  enum class When { ready, paused };
  // What is shown between a seek and the end.
  static Shown shown(guint flags, GstClockTime start, GstClockTime stop = GST_CLOCK_TIME_NONE,
                     double rate = 1, When when = When::paused) {
    const auto pipeline = launch("archivesrc name=source location=" + location() +
                                 " tracks=1 ! qtdemux ! h264parse ! avdec_h264 ! fakesink name=sink "
                                 "signal-handoffs=true");
    GstEvent* const seek = gst_event_new_seek(
        rate, GST_FORMAT_TIME, static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | flags), GST_SEEK_TYPE_SET,
        static_cast<gint64>(start), GST_SEEK_TYPE_SET, static_cast<gint64>(stop));
    if (when == When::ready) {
      gst_element_set_state(pipeline.get(), GST_STATE_READY);
      const auto source = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "source"));
      EXPECT_TRUE(gst_element_send_event(source.get(), seek));
    } else {
      gst_element_set_state(pipeline.get(), GST_STATE_PAUSED);
      EXPECT_EQ(gst_element_get_state(pipeline.get(), nullptr, nullptr, patience), GST_STATE_CHANGE_SUCCESS);
      EXPECT_TRUE(gst_element_send_event(pipeline.get(), seek));
    }
    Shown all;
    const auto sink = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "sink"));
    const auto take = [](GstElement* element, GstBuffer* buffer, GstPad*, gpointer user) {
      auto& so_far = *static_cast<Shown*>(user);
      const auto& segment = GST_BASE_SINK(element)->segment;
      if (so_far.stream.empty())
        so_far.first_running = gst_segment_to_running_time(&segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
      so_far.stream.push_back(gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer)));
    };
    g_signal_connect(sink.get(), "handoff", G_CALLBACK(+take), &all);
    to_the_end(pipeline);
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    return all;
  }
  static void expect(const Shown& shown, GstClockTime first, GstClockTime last) {
    ASSERT_FALSE(shown.stream.empty());
    EXPECT_EQ(shown.stream.front(), first);
    EXPECT_EQ(shown.stream.back(), last);
    EXPECT_EQ(shown.stream.size(), (last - first) / picture + 1) << "every picture once";
  }

 private:
  static inline archive::ScratchDirectory* scratch_ = nullptr;
};

TEST_F(ArchivePlaybackTest, AnExactSeekShowsFromThereToThere) {
  for (const guint flags : {0U, static_cast<guint>(GST_SEEK_FLAG_ACCURATE)}) {
    const Shown exact = shown(flags, 80 * picture, 150 * picture);
    expect(exact, 80 * picture, 149 * picture);
    EXPECT_EQ(exact.first_running, 0U);
  }
  expect(shown(GST_SEEK_FLAG_ACCURATE, 80 * picture), 80 * picture, 251 * picture);
}

TEST_F(ArchivePlaybackTest, APictureThatIsDecodedInTheGopBeforeIsShown) {
  expect(shown(GST_SEEK_FLAG_ACCURATE, 100 * picture, 125 * picture), 100 * picture, 124 * picture);
  expect(shown(GST_SEEK_FLAG_ACCURATE, 101 * picture, 125 * picture), 101 * picture, 124 * picture);
  expect(shown(GST_SEEK_FLAG_ACCURATE, 102 * picture, 125 * picture), 102 * picture, 124 * picture);
}

TEST_F(ArchivePlaybackTest, AKeyUnitSeekShowsFromAKeyFrame) {
  expect(shown(GST_SEEK_FLAG_KEY_UNIT, 80 * picture, 150 * picture), 52 * picture, 149 * picture);
  expect(shown(GST_SEEK_FLAG_KEY_UNIT | GST_SEEK_FLAG_SNAP_AFTER, 80 * picture, 150 * picture), 102 * picture,
         149 * picture);
}

TEST_F(ArchivePlaybackTest, ARateIsTheSinks) {
  const Shown fast = shown(GST_SEEK_FLAG_ACCURATE, 79 * picture, 150 * picture, 2);
  expect(fast, 79 * picture, 149 * picture);
  EXPECT_EQ(fast.first_running, 0U);
}

TEST_F(ArchivePlaybackTest, ASeekInReadyIsWhereItStarts) {
  expect(shown(GST_SEEK_FLAG_ACCURATE, 80 * picture, 150 * picture, 1, When::ready), 80 * picture,
         149 * picture);
}

}  // namespace
}  // namespace tarn::test
