// SPDX-License-Identifier: Apache-2.0
// An application with an HTTP server of its own takes in what an encoder uploads, and gets CMAF chunks to do
// with as it likes. Instead of uploads the files of a folder are put, and the chunks of the video go to a
// file, which plays.
//
//   ingest FOLDER OUTPUT.mp4       FOLDER holds an HLS stream of one video track with a multivariant playlist
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <tarn/tarn.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

// What the application's PUT handler does.
bool put(GstElement* source, const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  const std::string body{std::istreambuf_iterator<char>{in}, {}};
  GBytes* const data = g_bytes_new(body.data(), body.size());
  GstStructure* answer = nullptr;
  g_signal_emit_by_name(source, "put-object", file.filename().c_str(), data, &answer);
  g_bytes_unref(data);
  if (answer == nullptr) return false;
  gchar* const text = gst_structure_to_string(answer);
  std::printf("%s: %s\n", file.filename().c_str(), text);
  g_free(text);
  gst_structure_free(answer);
  return true;
}

// What has been packaged is here when put-object returns.
int write_chunks(GstElement* sink, std::ofstream& out) {
  int count = 0;
  while (GstSample* sample = gst_app_sink_try_pull_sample(GST_APP_SINK(sink), 0)) {
    GstMapInfo map;
    if (gst_buffer_map(gst_sample_get_buffer(sample), &map, GST_MAP_READ) != FALSE) {
      out.write(reinterpret_cast<const char*>(map.data), static_cast<std::streamsize>(map.size));
      gst_buffer_unmap(gst_sample_get_buffer(sample), &map);
      ++count;
    }
    gst_sample_unref(sample);
  }
  return count;
}

bool handle_messages(GstElement* pipeline) {
  GstBus* const bus = gst_element_get_bus(pipeline);
  bool good = true;
  while (GstMessage* message = gst_bus_pop(bus)) {
    guint input = 0;
    gchar* text = nullptr;
    gboolean is_set = FALSE;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      GError* error = nullptr;
      gst_message_parse_error(message, &error, nullptr);
      std::printf("error: %s\n", error->message);
      g_error_free(error);
      good = false;
    } else if (tarn_message_parse_input_condition(message, &input, &text, &is_set) != FALSE) {
      std::printf("input %u: %s %s\n", input, text, is_set != FALSE ? "begins" : "ends");
      g_free(text);
    }
    gst_message_unref(message);
  }
  gst_object_unref(bus);
  return good;
}

}  // namespace

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  if (argc != 3) return std::fprintf(stderr, "usage: %s FOLDER OUTPUT.mp4\n", argv[0]), 2;
  if (tarn_register_elements() == FALSE) return 1;
  std::printf("Tarn %s\n", tarn_version_string());
  GError* error = nullptr;
  GstElement* const pipeline = gst_parse_launch(
      "hlsingestsrc name=source ingestselector name=selector appsink name=sink sync=false async=false "
      "source.video_0 ! selector.ingest1_0 selector.video_0 ! cmafpackager ! sink.",
      &error);
  if (error != nullptr) return std::fprintf(stderr, "%s\n", error->message), 1;
  GstElement* const source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  GstElement* const sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  gst_element_set_state(pipeline, GST_STATE_PLAYING);

  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator{argv[1]}) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::ofstream out{argv[2], std::ios::binary};
  bool good = true;
  int chunks = 0;
  for (const auto& file : files) {
    good = put(source, file) && handle_messages(pipeline) && good;
    chunks += write_chunks(sink, out);
  }
  std::printf("%d buffers\n", chunks);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(source);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  return good && chunks > 0 ? 0 : 1;
}
