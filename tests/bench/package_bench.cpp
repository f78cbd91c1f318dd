// SPDX-License-Identifier: Apache-2.0
// CPU milliseconds to generate one output segment from the archive, through the endpoint's own pipeline.
// usage: package_bench ARCHIVE TRACKS SLOTS_PER_SEGMENT cmaf|cbcs|cenc|ts ROUNDS
//   TRACKS: comma-separated ids; every round packages every whole segment of the archive once
// Prints one JSON line with the median round. The floor beside it is a memcpy of the same bytes.
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "core/archive/archive.h"
#include "core/base/text.h"

namespace {

double cpu_milliseconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

struct Request {
  std::vector<guint> tracks;
  guint64 first_slot;
  guint slot_count;
  bool segment_type;
};

GstStructure* structure(const Request& request) {
  GValue array = G_VALUE_INIT;
  g_value_init(&array, GST_TYPE_ARRAY);
  for (const guint track : request.tracks) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, G_TYPE_UINT);
    g_value_set_uint(&value, track);
    gst_value_array_append_and_take_value(&array, &value);
  }
  GstStructure* made = gst_structure_new("tarn/package", "first-slot", G_TYPE_UINT64, request.first_slot,
                                         "slot-count", G_TYPE_UINT, request.slot_count, "segment-type",
                                         G_TYPE_BOOLEAN, request.segment_type, nullptr);
  gst_structure_take_value(made, "tracks", &array);
  return made;
}

// Bytes of the segment; the buffers are dropped as a server that has sent them would.
std::size_t package(GstElement* source, GstAppSink* sink, const Request& request) {
  GstStructure* asked = structure(request);
  GstFlowReturn flow = GST_FLOW_ERROR;
  g_signal_emit_by_name(source, "package", asked, &flow);
  gst_structure_free(asked);
  std::size_t bytes = 0;
  while (GstSample* sample = gst_app_sink_try_pull_sample(sink, 0)) {
    GstBufferList* list = gst_sample_get_buffer_list(sample);
    bytes += list != nullptr ? gst_buffer_list_calculate_size(list)
                             : gst_buffer_get_size(gst_sample_get_buffer(sample));
    gst_sample_unref(sample);
  }
  if (flow != GST_FLOW_OK || bytes == 0) {
    std::fprintf(stderr, "package: %s, %zu bytes\n", gst_flow_get_name(flow), bytes);
    std::exit(1);
  }
  return bytes;
}

std::string middle_of(const std::string& format) {
  const std::string keys = "key=00112233445566778899aabbccddeeff kid=0123456789abcdef0123456789abcdef";
  if (format == "ts") return " ! tspackager";
  if (format == "cbcs") return " ! cencenc scheme=cbcs " + keys + " iv=000102030405060708090a0b0c0d0e0f";
  return format == "cenc" ? " ! cencenc scheme=cenc " + keys : "";
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) return 2;
  mallopt(M_MMAP_THRESHOLD, 64 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  gst_init(nullptr, nullptr);
  const bool transport_stream = std::string{arguments[4]} == "ts";
  const auto archive = tarn::archive::Archive::open(arguments[1]);
  if (!archive.ok()) {
    std::fprintf(stderr, "%s\n", archive.error().message.c_str());
    return 1;
  }
  Request request{{}, 0, static_cast<guint>(std::atoi(arguments[3])), !transport_stream};
  for (const auto id : tarn::split(arguments[2], ',')) {
    request.tracks.push_back(static_cast<guint>(tarn::parse_u64(id).value_or(0)));
  }
  const std::string launch = std::string{"archivesrc name=source location="} + arguments[1] +
                             middle_of(arguments[4]) +
                             " ! appsink name=sink sync=false async=false buffer-list=true max-buffers=0 "
                             "enable-last-sample=false qos=false wait-on-eos=false";
  GstElement* pipeline = gst_parse_launch(launch.c_str(), nullptr);
  GstElement* source = gst_bin_get_by_name(GST_BIN(pipeline), "source");
  GstElement* sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  gst_element_set_state(pipeline, GST_STATE_PLAYING);

  const auto timeline = (*archive)->timeline();
  const int rounds = std::atoi(arguments[5]);
  std::vector<double> per_segment;
  std::vector<double> floors;
  std::size_t bytes = 0;
  std::size_t segments = 0;
  std::vector<char> from(8U << 20U, 1);
  std::vector<char> to(8U << 20U, 2);
  for (int round = 0; round < rounds + 1; ++round) {
    bytes = segments = 0;
    const double before = cpu_milliseconds();
    for (request.first_slot = timeline->first_slot();
         request.first_slot + request.slot_count <= timeline->end_slot();
         request.first_slot += request.slot_count) {
      bytes += package(source, GST_APP_SINK(sink), request);
      ++segments;
    }
    const double after = cpu_milliseconds();
    for (std::size_t i = 0; i < segments; ++i) {
      std::memcpy(to.data(), from.data(), std::min(bytes / segments, to.size()));
      asm volatile("" : : "r"(to.data()) : "memory");
    }
    if (round == 0) continue;  // the first round pays for plug-ins and pages
    per_segment.push_back((after - before) / static_cast<double>(segments));
    floors.push_back((cpu_milliseconds() - after) / static_cast<double>(segments));
  }
  std::printf(
      "{\"format\": \"%s\", \"segments\": %zu, \"bytes_per_segment\": %zu, \"ms\": %.4f, \"memcpy_ms\": "
      "%.4f}\n",
      arguments[4], segments, bytes / segments, median(per_segment), median(floors));
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(source);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  return 0;
}
