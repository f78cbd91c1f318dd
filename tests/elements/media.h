// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/codecs/aac.h"
#include "core/codecs/avc.h"
#include "core/codecs/stream_info.h"
#include "gstkit/caps.h"
#include "gstkit/events.h"
#include "gstkit/memory.h"
#include "gstkit/time.h"

// Small synthetic streams as hlsingestsrc sends them, and pipelines of other people's elements.
namespace tarn::test {

using gstkit::Ref;

// 320x180, 25 fps, Baseline 3.0; parameter sets as x264 writes them.
inline codecs::StreamInfo h264_info() {
  static const ByteVector sps{0x67, 0x42, 0xC0, 0x0D, 0xD9, 0x01, 0x41, 0x9F, 0x9E, 0x10, 0x00, 0x00,
                              0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xF1, 0x42, 0x99, 0x20};
  static const ByteVector pps{0x68, 0xCB, 0x83, 0xCB, 0x20};
  auto info = codecs::avc::stream_info(Bytes{sps}, Bytes{pps});
  EXPECT_TRUE(info) << (info ? "" : info.error().message);
  return *info;
}

// AAC-LC, 48 kHz, stereo.
inline codecs::StreamInfo aac_info() {
  static const ByteVector config{0x11, 0x90};
  auto info = codecs::aac::stream_info_from_config(config);
  EXPECT_TRUE(info) << (info ? "" : info.error().message);
  return *info;
}

struct Unit {
  std::int64_t dts = 0;  // ticks
  std::int64_t pts = 0;
  std::int64_t duration = 0;
  bool sync = true;
  std::size_t size = 10;
};

// Buffers as the contract wants them: ranges of one memory, times rounded from ticks. Every payload
// byte says which stream (`mark`) and which unit it is of.
inline Ref<GstBufferList> list_of(const std::vector<Unit>& units, std::uint32_t timescale,
                                  std::uint8_t mark = 0) {
  ByteVector bytes;
  for (std::size_t i = 0; i < units.size(); ++i) {
    bytes.insert(bytes.end(), units[i].size, static_cast<std::uint8_t>(mark + i));
  }
  const auto memory = gstkit::memory_of(Blob::of(std::move(bytes)));
  auto list = Ref<GstBufferList>::adopt(gst_buffer_list_new());
  std::size_t offset = 0;
  for (const Unit& unit : units) {
    auto buffer = gstkit::buffer_of_range(memory.get(), offset, unit.size);
    offset += unit.size;
    GST_BUFFER_DTS(buffer.get()) = gstkit::to_clock_time(unit.dts, timescale);
    GST_BUFFER_PTS(buffer.get()) = gstkit::to_clock_time(unit.pts, timescale);
    GST_BUFFER_DURATION(buffer.get()) = gstkit::to_clock_time(unit.duration, timescale);
    if (!unit.sync) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    gst_buffer_list_add(list.get(), buffer.release());
  }
  return list;
}

// A closed GOP of 25 fps video: `frames` frames of 3600 ticks.
inline std::vector<Unit> gop(std::int64_t start, int frames = 25) {
  std::vector<Unit> units;
  for (int i = 0; i < frames; ++i) {
    const std::int64_t dts = start + std::int64_t{3600} * i;
    units.push_back({.dts = dts, .pts = dts, .duration = 3600, .sync = i == 0, .size = 10});
  }
  return units;
}

inline std::vector<Unit> audio(std::int64_t start, int frames) {
  std::vector<Unit> units;
  for (int i = 0; i < frames; ++i) {
    const std::int64_t dts = start + std::int64_t{1024} * i;
    units.push_back({.dts = dts, .pts = dts, .duration = 1024, .sync = true, .size = 4});
  }
  return units;
}

inline ByteVector bytes_of(GstBuffer* buffer) {
  ByteVector bytes(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
  return bytes;
}

// Runs a gst-launch description to its end: the error, or an empty text.
inline std::string run_pipeline(const std::string& description) {
  GError* raw_error = nullptr;
  auto pipeline = Ref<GstElement>::adopt(gst_parse_launch(description.c_str(), &raw_error));
  if (raw_error != nullptr) return gstkit::ErrorPtr {
      raw_error
      } -> message;
  const auto bus = Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto message = Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
      bus.get(), 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  std::string result = message ? "" : "no end within 60 s";
  if (message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) {
    gst_message_parse_error(message.get(), &raw_error, nullptr);
    result = gstkit::ErrorPtr { raw_error } -> message;
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return result;
}

inline bool has_elements(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (!Ref<GstElementFactory>::adopt(gst_element_factory_find(name))) return false;
  }
  return true;
}

}  // namespace tarn::test
