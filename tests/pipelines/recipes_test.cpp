// SPDX-License-Identifier: Apache-2.0
#include <gst/gst.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "pipelines/ingest.h"
#include "pipelines/package.h"

namespace tarn::pipelines {
namespace {

using gstkit::Ref;

// "element:pad > element:pad" and lone elements, sorted.
std::string topology(GstElement* pipeline) {
  std::vector<std::string> lines;
  GstIterator* elements = gst_bin_iterate_elements(GST_BIN(pipeline));
  const auto visit = [](const GValue* value, gpointer data) {
    auto& out = *static_cast<std::vector<std::string>*>(data);
    auto* element = GST_ELEMENT(g_value_get_object(value));
    const char* factory = GST_OBJECT_NAME(gst_element_get_factory(element));
    out.push_back(std::string{GST_OBJECT_NAME(element)} + " is " + factory);
    for (GList* at = element->srcpads; at != nullptr; at = at->next) {
      const auto peer = Ref<GstPad>::adopt(gst_pad_get_peer(GST_PAD(at->data)));
      if (!peer) continue;
      out.push_back(std::string{GST_OBJECT_NAME(element)} + " > " +
                    GST_OBJECT_NAME(GST_OBJECT_PARENT(peer.get())));
    }
  };
  gst_iterator_foreach(elements, visit, &lines);
  gst_iterator_free(elements);
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::size_t open_files() {
  const std::filesystem::directory_iterator files{"/proc/self/fd"};
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

std::size_t threads() {
  const std::filesystem::directory_iterator tasks{"/proc/self/task"};
  return static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
}

class RecipesTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }
  void SetUp() override {
    directory_ = std::filesystem::temp_directory_path() / ("tarn-recipes-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  static Ref<GstElement> take(Result<GstElement*> made) {
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
    return made.ok() ? Ref<GstElement>::adopt(*made) : Ref<GstElement>{};
  }
  std::filesystem::path directory_;
};

TEST_F(RecipesTest, PackagesCmafWithoutAPackager) {
  const auto pipeline = take(make_package_pipeline({directory_, false}, nullptr));
  ASSERT_TRUE(pipeline);
  EXPECT_EQ(topology(pipeline.get()), "sink is appsink\nsource > sink\nsource is archivesrc\n");
}

TEST_F(RecipesTest, PackagesTransportStreamsBehindAPackager) {
  const auto pipeline = take(make_package_pipeline({directory_, true}, nullptr));
  ASSERT_TRUE(pipeline);
  EXPECT_EQ(topology(pipeline.get()),
            "sink is appsink\nsource > ts\nsource is archivesrc\nts > sink\nts is tspackager\n");
}

TEST_F(RecipesTest, IngestsTwoInputsIntoOneArchive) {
  const auto pipeline = take(make_ingest_pipeline({directory_, std::chrono::seconds{2}}, nullptr));
  ASSERT_TRUE(pipeline);
  EXPECT_EQ(topology(pipeline.get()),
            "archive is archivesink\ningest1 is hlsingestsrc\ningest2 is hlsingestsrc\nselector is "
            "ingestselector\n");
  const auto selector = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), ingest_selector));
  guint64 target = 0;
  gchar* resume_from = nullptr;
  g_object_get(selector.get(), "target-duration", &target, "resume-from", &resume_from, nullptr);
  const gstkit::TextPtr held{resume_from};
  EXPECT_EQ(target, 2 * GST_SECOND);
  EXPECT_EQ(directory_.string(), resume_from);
}

TEST_F(RecipesTest, CostNoThreadAndNoDescriptorWhileTheyWait) {
  // Who writes makes the archive: where there is none, nothing can be read.
  const auto writer = take(make_ingest_pipeline({directory_, std::chrono::seconds{2}}, nullptr));
  ASSERT_TRUE(start(writer.get()).ok());
  gst_element_set_state(writer.get(), GST_STATE_NULL);
  // The first one loads plugins and opens the archive; what counts is what each further one adds.
  const auto first = take(make_package_pipeline({directory_, true}, nullptr));
  ASSERT_TRUE(start(first.get()).ok());
  const std::size_t files_before = open_files();
  const std::size_t threads_before = threads();
  std::vector<Ref<GstElement>> pipelines;
  for (int i = 0; i < 20; ++i) {
    pipelines.push_back(take(make_package_pipeline({directory_, i % 2 == 0}, nullptr)));
    ASSERT_TRUE(start(pipelines.back().get()).ok());
  }
  EXPECT_EQ(open_files(), files_before);
  EXPECT_EQ(threads(), threads_before);
  for (const auto& pipeline : pipelines) gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  gst_element_set_state(first.get(), GST_STATE_NULL);
}

TEST_F(RecipesTest, HandMessagesToTheHandlerAndKeepNone) {
  std::vector<std::string> errors;
  const auto pipeline = take(make_package_pipeline({"/proc/nowhere", false}, [&](GstMessage* message) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) errors.emplace_back(GST_MESSAGE_SRC_NAME(message));
  }));
  ASSERT_TRUE(pipeline);
  EXPECT_FALSE(start(pipeline.get()).ok());
  EXPECT_EQ(errors, std::vector<std::string>{"source"});
  const auto bus = Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
  EXPECT_FALSE(gst_bus_have_pending(bus.get()));
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}

TEST_F(RecipesTest, NameTheElementThatIsMissing) {
  const auto missing = make_element("nosuchelement", "x");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.error().message.find("\"nosuchelement\""), std::string::npos);
}

}  // namespace
}  // namespace tarn::pipelines
