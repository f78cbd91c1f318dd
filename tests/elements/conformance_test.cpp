// SPDX-License-Identifier: Apache-2.0
// What GStreamer expects of every element, whatever it does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "archive/gstarchivesink.h"
#include "archive/gstarchivesrc.h"
#include "drm/gstcencenc.h"
#include "gstkit/pads.h"
#include "ingest/gsthlsingestsrc.h"
#include "ingest/gstingestselector.h"
#include "manifest/gstmanifestsink.h"
#include "media.h"
#include "package/gstcmafpackager.h"
#include "package/gsttspackager.h"
#include "tests/support/command.h"

namespace tarn::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Values;

void register_all() {
  GST_ELEMENT_REGISTER(hlsingestsrc, nullptr);
  GST_ELEMENT_REGISTER(ingestselector, nullptr);
  GST_ELEMENT_REGISTER(cmafpackager, nullptr);
  GST_ELEMENT_REGISTER(tspackager, nullptr);
  GST_ELEMENT_REGISTER(archivesink, nullptr);
  GST_ELEMENT_REGISTER(archivesrc, nullptr);
  GST_ELEMENT_REGISTER(cencenc, nullptr);
  GST_ELEMENT_REGISTER(hlsmanifestsink, nullptr);
  GST_ELEMENT_REGISTER(dashmanifestsink, nullptr);
}

class Conformance : public ::testing::TestWithParam<const char*> {
 protected:
  Conformance() {
    register_all();
    element_ = Ref<GstElement>::adopt(gst_element_factory_make(GetParam(), nullptr));
    const std::string name = GetParam();
    // what an element cannot do without
    if (name.starts_with("archive") || name.ends_with("manifestsink"))
      g_object_set(element_.get(), "location", (directory_.path() / "x").c_str(), nullptr);
    if (name == "cencenc") {
      g_object_set(element_.get(), "key", "00112233445566778899aabbccddeeff", "kid",
                   "0123456789abcdef0123456789abcdef", "iv", "0123456789abcdef0123456789abcdef", nullptr);
    }
    if (name == "archivesrc") make_archive();
  }
  void make_archive() const {
    const auto sink = Ref<GstElement>::adopt(gst_element_factory_make("archivesink", nullptr));
    g_object_set(sink.get(), "location", (directory_.path() / "x").c_str(), nullptr);
    gst_element_set_state(sink.get(), GST_STATE_PAUSED);
    gst_element_set_state(sink.get(), GST_STATE_NULL);
  }

  TemporaryDirectory directory_;
  Ref<GstElement> element_;
};

TEST_P(Conformance, GoesThroughItsStatesAgainAndAgain) {
  for (int round = 0; round < 3; ++round) {
    for (const GstState state : {GST_STATE_READY, GST_STATE_PAUSED, GST_STATE_PLAYING, GST_STATE_PAUSED,
                                 GST_STATE_READY, GST_STATE_NULL}) {
      EXPECT_NE(gst_element_set_state(element_.get(), state), GST_STATE_CHANGE_FAILURE)
          << gst_element_state_get_name(state) << ", round " << round;
    }
  }
}

TEST_P(Conformance, NothingOfItIsLeftBehind) {
  GstElement* raw = element_.get();
  gst_element_set_state(raw, GST_STATE_PAUSED);
  gst_element_set_state(raw, GST_STATE_NULL);
  EXPECT_EQ(GST_OBJECT_REFCOUNT(raw), 1);
  bool is_gone = false;
  g_object_weak_ref(
      G_OBJECT(raw), [](gpointer gone, GObject*) { *static_cast<bool*>(gone) = true; }, &is_gone);
  element_ = {};
  EXPECT_TRUE(is_gone);
}

TEST_P(Conformance, RequestedPadsComeAndGo) {
  GList* templates = gst_element_class_get_pad_template_list(GST_ELEMENT_GET_CLASS(element_.get()));
  for (GList* item = templates; item != nullptr; item = item->next) {
    auto* pad_template = static_cast<GstPadTemplate*>(item->data);
    if (GST_PAD_TEMPLATE_PRESENCE(pad_template) != GST_PAD_REQUEST) continue;
    const guint before = element_->numpads;
    for (const GstState state : {GST_STATE_NULL, GST_STATE_PAUSED}) {
      gst_element_set_state(element_.get(), state);
      const auto first =
          Ref<GstPad>::adopt(gst_element_request_pad(element_.get(), pad_template, nullptr, nullptr));
      const auto second =
          Ref<GstPad>::adopt(gst_element_request_pad(element_.get(), pad_template, nullptr, nullptr));
      ASSERT_TRUE(first && second);
      EXPECT_STRNE(GST_OBJECT_NAME(first.get()), GST_OBJECT_NAME(second.get()));
      for (const auto& pad : {first, second}) gst_element_release_request_pad(element_.get(), pad.get());
      EXPECT_EQ(element_->numpads, before);
    }
    gst_element_set_state(element_.get(), GST_STATE_NULL);
  }
}

// Elements that end a pipeline or begin one hear of seeks and of latency: a sink sends them on, a source that
// cannot seek says no.
TEST(SeeksAtTheEnds, AreSentOnBySinks) {
  register_all();
  for (const char* name : {"hlsmanifestsink", "dashmanifestsink", "archivesink"}) {
    const auto element = Ref<GstElement>::adopt(gst_element_factory_make(name, nullptr));
    ASSERT_TRUE(element) << name;
    const auto pad = Ref<GstPad>::adopt(gst_element_request_pad_simple(element.get(), "sink_%u"));
    const auto source = Ref<GstPad>::share(gst_pad_new(nullptr, GST_PAD_SRC));
    static std::vector<GstEventType> heard;
    heard.clear();
    gst_pad_set_event_function(
        source.get(), +[](GstPad*, GstObject*, GstEvent* event) -> gboolean {
          heard.push_back(GST_EVENT_TYPE(event));
          (void)Ref<GstEvent>::adopt(event);
          return TRUE;
        });
    ASSERT_EQ(gst_pad_link(source.get(), pad.get()), GST_PAD_LINK_OK);
    for (GstPad* one : {source.get(), pad.get()}) gst_pad_set_active(one, TRUE);
    EXPECT_TRUE(gst_element_send_event(element.get(), gst_event_new_latency(GST_SECOND)));
    EXPECT_TRUE(
        gst_element_send_event(element.get(), gst_event_new_step(GST_FORMAT_BUFFERS, 1, 1.0, TRUE, FALSE)));
    EXPECT_THAT(heard, ::testing::ElementsAre(GST_EVENT_LATENCY, GST_EVENT_STEP)) << name;
    gst_pad_set_active(source.get(), FALSE);
    gst_pad_unlink(source.get(), pad.get());
    gst_element_release_request_pad(element.get(), pad.get());
  }
}

// As a pipeline description does that names some pads and leaves the others to the element.
TEST_P(Conformance, NoTwoRequestedPadsHaveTheSameName) {
  auto* const element_class = GST_ELEMENT_GET_CLASS(element_.get());
  GList* templates = gst_element_class_get_pad_template_list(element_class);
  for (GList* item = templates; item != nullptr; item = item->next) {
    auto* pad_template = static_cast<GstPadTemplate*>(item->data);
    if (GST_PAD_TEMPLATE_PRESENCE(pad_template) != GST_PAD_REQUEST) continue;
    // Not through gst_element_request_pad, which has an opinion of its own on names that are there.
    const auto request = [&](const char* name) {
      return Ref<GstPad>::share(element_class->request_new_pad(element_.get(), pad_template, name, nullptr));
    };
    std::string name = GST_PAD_TEMPLATE_NAME_TEMPLATE(pad_template);
    name.replace(name.find("%u"), 2, "1");
    const guint before = element_->numpads;
    const std::vector pads{request(name.c_str()), request(nullptr), request(nullptr)};
    std::set<std::string> names;
    for (const auto& pad : pads) {
      ASSERT_TRUE(pad);
      EXPECT_EQ(GST_OBJECT_PARENT(pad.get()), GST_OBJECT_CAST(element_.get()));
      names.insert(GST_OBJECT_NAME(pad.get()));
    }
    EXPECT_EQ(names.size(), 3U);
    EXPECT_TRUE(names.contains(name));
    EXPECT_FALSE(request(name.c_str())) << "again";
    EXPECT_EQ(element_->numpads, before + 3);
    // What is there is what it knows of.
    for (const auto& pad : pads) gst_element_release_request_pad(element_.get(), pad.get());
    EXPECT_EQ(element_->numpads, before);
    EXPECT_NE(gst_element_set_state(element_.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
    gst_element_set_state(element_.get(), GST_STATE_NULL);
  }
}

TEST_P(Conformance, SaysWhatItAndItsPropertiesAreFor) {
  auto* element_class = GST_ELEMENT_GET_CLASS(element_.get());
  for (const char* key :
       {GST_ELEMENT_METADATA_LONGNAME, GST_ELEMENT_METADATA_KLASS, GST_ELEMENT_METADATA_DESCRIPTION}) {
    const char* text = gst_element_class_get_metadata(element_class, key);
    EXPECT_TRUE(text != nullptr && *text != '\0') << key;
  }
  guint count = 0;
  GParamSpec** specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element_.get()), &count);
  for (guint i = 0; i < count; ++i) {
    if (specs[i]->owner_type != G_OBJECT_TYPE(element_.get())) continue;
    const std::string name = specs[i]->name;
    const char* blurb = g_param_spec_get_blurb(specs[i]);
    EXPECT_TRUE(blurb != nullptr && *blurb != '\0') << name;
    const bool is_secret =
        name == "key" || name == "user-pw" || name.ends_with("-key") || name.ends_with("-pw");
    if (is_secret) {
      EXPECT_EQ(specs[i]->flags & G_PARAM_READABLE, 0U) << name << " can be read";
    }
  }
  g_free(specs);
}

INSTANTIATE_TEST_SUITE_P(Elements, Conformance,
                         Values("hlsingestsrc", "ingestselector", "cmafpackager", "tspackager", "archivesink",
                                "archivesrc", "cencenc", "hlsmanifestsink", "dashmanifestsink"),
                         [](const auto& info) { return std::string{info.param}; });

// Elements of one pad in and one out, that are to be transparent for what they do not handle.
class Filter : public Conformance {};

TEST_P(Filter, PassesTheEventsOfTheStreamOn) {
  GstHarness* const harness = gst_harness_new_with_element(element_.get(), "sink", "src");
  const bool is_encryption = std::string{GetParam()} == "cencenc";
  const auto caps = is_encryption ? std::string{gstkit::cmaf_caps_template} : std::string{};
  gst_harness_push_event(harness, gst_event_new_stream_start("test"));
  if (is_encryption) {
    gst_harness_push_event(harness,
                           gst_event_new_caps(Ref<GstCaps>::adopt(gst_caps_from_string(caps.c_str())).get()));
  } else {
    gst_harness_push_event(harness, gst_event_new_caps(gstkit::caps_of(aac_info())->get()));
  }
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness, gst_event_new_segment(&segment));
  if (!is_encryption) {
    const auto list = list_of(audio(0, 1), 48'000);
    gst_harness_push(harness, Ref<GstBuffer>::share(gst_buffer_list_get(list.get(), 0)).release());
  }
  gst_harness_push_event(harness, gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "x", nullptr)));
  gst_harness_push_event(harness, gst_event_new_gap(GST_SECOND, GST_SECOND));
  gst_harness_push_event(harness, gst_event_new_flush_start());
  gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE));
  gst_harness_push_event(harness, gst_event_new_segment(&segment));
  gst_harness_push_event(harness, gst_event_new_eos());
  std::vector<std::string> names;
  while (const auto event = Ref<GstEvent>::adopt(gst_harness_try_pull_event(harness))) {
    if (GST_EVENT_TYPE(event.get()) != GST_EVENT_CAPS) names.emplace_back(GST_EVENT_TYPE_NAME(event.get()));
  }
  EXPECT_THAT(names, ElementsAre("stream-start", "segment", "tag", "gap", "flush-start", "flush-stop",
                                 "segment", "eos"));
  gst_harness_teardown(harness);
}

INSTANTIATE_TEST_SUITE_P(Elements, Filter, Values("cmafpackager", "cencenc"),
                         [](const auto& info) { return std::string{info.param}; });

}  // namespace
}  // namespace tarn::test
