// SPDX-License-Identifier: Apache-2.0
#include "drm/gstcencenc.h"

#include <gmock/gmock.h>
#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include "core/isobmff/cmaf.h"
#include "gstkit/caps.h"
#include "gstkit/events.h"
#include "gstkit/memory.h"
#include "tests/core/crypto/decryptor.h"

namespace tarn::test {
namespace {

using gstkit::Ref;

constexpr char key_text[] = "000102030405060708090a0b0c0d0e0f";
const ByteVector key{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

codecs::StreamInfo audio_info() {
  codecs::StreamInfo info;
  info.codec = codecs::Codec::aac;
  info.timescale = info.sample_rate = 48'000;
  info.channels = 2;
  info.config = {0x11, 0x90};
  return info;
}

class CencEnc : public ::testing::Test {
 protected:
  CencEnc() {
    GST_ELEMENT_REGISTER(cencenc, nullptr);
    element_ = Ref<GstElement>::adopt(gst_element_factory_make("cencenc", nullptr));
    set("key", key_text);
    set("kid", "10111213-1415-1617-1819-1a1b1c1d1e1f");
    set("iv", "202122232425262728292a2b2c2d2e2f");
  }
  ~CencEnc() override {
    if (harness_ != nullptr) gst_harness_teardown(harness_);
  }
  void set(const char* name, const char* value) {
    gst_util_set_object_arg(G_OBJECT(element_.get()), name, value);
  }
  void start() { harness_ = gst_harness_new_with_element(element_.get(), "sink", "src"); }
  bool push(GstEvent* event) { return gst_harness_push_event(harness_, event) != FALSE; }
  void begin() {
    push(gst_event_new_stream_start("test"));
    const Blob header = Blob::of(isobmff::write_init(audio_info(), "und").value());
    push(gst_event_new_caps(gstkit::cmaf_caps(audio_info(), header).get()));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    push(gst_event_new_segment(&segment));
  }
  Ref<GstBuffer> chunk(std::uint64_t serial = GST_BUFFER_OFFSET_NONE) {
    isobmff::ChunkHeader header{.samples = {{.size = 100, .duration = 1024, .sync = true},
                                            {.size = 60, .duration = 1024, .sync = true}}};
    auto buffer = gstkit::buffer_of(Blob::of(isobmff::write_chunk_header(header)));
    gst_buffer_append_memory(buffer.get(), gstkit::memory_of(Blob::of(ByteVector(160, 'x'))).release());
    GST_BUFFER_OFFSET(buffer.get()) = serial;
    GST_BUFFER_DTS(buffer.get()) = 5;
    return buffer;
  }
  ByteVector pull() {
    const auto buffer = Ref<GstBuffer>::adopt(gst_harness_try_pull(harness_));
    ByteVector bytes;
    if (!buffer) return bytes;
    const std::vector<Blob> parts = gstkit::blobs_of(buffer.get()).value();
    for (const Blob& part : parts) {
      bytes.insert(bytes.end(), part.bytes().begin(), part.bytes().end());
    }
    return bytes;
  }
  ByteVector output_header() {
    const auto pad = Ref<GstPad>::adopt(gst_element_get_static_pad(element_.get(), "src"));
    const auto caps = Ref<GstCaps>::adopt(gst_pad_get_current_caps(pad.get()));
    const GValue* array = gst_structure_get_value(gst_caps_get_structure(caps.get(), 0), "streamheader");
    const auto blobs = gstkit::blobs_of(gst_value_get_buffer(gst_value_array_get_value(array, 0))).value();
    return {blobs.front().bytes().begin(), blobs.front().bytes().end()};
  }

  Ref<GstElement> element_;
  GstHarness* harness_ = nullptr;
};

TEST_F(CencEnc, EncryptsChunksAndPutsTheEncryptedHeaderIntoTheCaps) {
  for (const char* scheme : {"cbcs", "cenc"}) {
    element_ = Ref<GstElement>::adopt(gst_element_factory_make("cencenc", nullptr));
    set("scheme", scheme);
    set("key", key_text);
    set("kid", "101112131415161718191a1b1c1d1e1f");
    if (std::string_view{scheme} == "cbcs") set("iv", "202122232425262728292a2b2c2d2e2f");
    start();
    begin();
    ASSERT_EQ(gst_harness_push(harness_, chunk(77).release()), GST_FLOW_OK);
    const ByteVector encrypted = pull();
    const ByteVector header = output_header();
    const auto track = read_tenc(header);
    ASSERT_TRUE(track);
    EXPECT_EQ(track->is_cbcs, std::string_view{scheme} == "cbcs");
    EXPECT_EQ(decrypt_segment(encrypted, header, key), ByteVector(160, 'x'));
    EXPECT_EQ(std::search_n(encrypted.begin(), encrypted.end(), 16, 'x'), encrypted.end());
    gst_harness_teardown(std::exchange(harness_, nullptr));
  }
}

TEST_F(CencEnc, EncryptsTheHeaderThatIsAskedForAndLetsTheBeginningOfASegmentPass) {
  start();
  begin();
  const ByteVector clear = isobmff::write_init(audio_info(), "und").value();
  ASSERT_EQ(gst_harness_push(harness_, gstkit::buffer_of(Blob::of(clear)).release()), GST_FLOW_OK);
  EXPECT_EQ(pull(), output_header());
  const Blob styp = Blob::copy_of(isobmff::segment_type());
  ASSERT_EQ(gst_harness_push(harness_, gstkit::buffer_of(styp).release()), GST_FLOW_OK);
  EXPECT_EQ(as_text(pull()), as_text(styp.bytes()));
  const Blob prft = Blob::of(isobmff::producer_reference_time(Utc{}, 90'000));
  ASSERT_EQ(gst_harness_push(harness_, gstkit::buffer_of(prft).release()), GST_FLOW_OK);
  EXPECT_EQ(as_text(pull()), as_text(prft.bytes()));
}

TEST_F(CencEnc, LetsNothingElsePass) {
  start();
  begin();
  EXPECT_EQ(gst_harness_push(harness_, gstkit::buffer_of(Blob::of(ByteVector(64, 'c'))).release()),
            GST_FLOW_ERROR);
  ByteVector joined(isobmff::segment_type().begin(), isobmff::segment_type().end());
  joined.resize(joined.size() + 100, 'c');
  EXPECT_EQ(gst_harness_push(harness_, gstkit::buffer_of(Blob::of(joined)).release()), GST_FLOW_ERROR);
  ByteVector behind = isobmff::producer_reference_time(Utc{}, 90'000);
  behind.resize(behind.size() + 100, 'c');
  EXPECT_EQ(gst_harness_push(harness_, gstkit::buffer_of(Blob::of(behind)).release()), GST_FLOW_ERROR);
  EXPECT_TRUE(pull().empty());
}

TEST_F(CencEnc, RefusesChunksWithoutASerialWhereOneIsNeeded) {
  set("scheme", "cenc");
  set("iv", "");
  start();
  begin();
  EXPECT_EQ(gst_harness_push(harness_, chunk().release()), GST_FLOW_ERROR);
}

TEST_F(CencEnc, CountsSerialsFromTheFirst) {
  set("scheme", "cenc");
  set("iv", "");
  set("first-serial", "258");
  start();
  begin();
  for (const std::uint8_t last : {2, 3}) {
    ASSERT_EQ(gst_harness_push(harness_, chunk().release()), GST_FLOW_OK);
    const auto samples = read_senc(pull(), 8);
    ASSERT_EQ(samples.size(), 2U);
    EXPECT_EQ(samples[1].iv, (ByteVector{0, 0, 0, 0, 1, last, 0, 1}));
  }
}

TEST_F(CencEnc, HasAnotherKeyForAudioWhereOneIsSet) {
  set("audio-key", "ffeeddccbbaa99887766554433221100");
  set("audio-kid", "ffffffffffffffffffffffffffffffff");
  set("audio-iv", "202122232425262728292a2b2c2d2e2f");
  start();
  begin();
  EXPECT_EQ(read_tenc(output_header())->kid, ByteVector(16, 0xFF));
}

TEST_F(CencEnc, SaysInChunksWhichKeyTheyHaveWhereThatIsAskedFor) {
  for (const char* wanted : {"false", "true"}) {
    element_ = Ref<GstElement>::adopt(gst_element_factory_make("cencenc", nullptr));
    set("key", key_text);
    set("kid", "101112131415161718191a1b1c1d1e1f");
    set("iv", "202122232425262728292a2b2c2d2e2f");
    set("sample-groups", wanted);
    start();
    begin();
    ASSERT_EQ(gst_harness_push(harness_, chunk().release()), GST_FLOW_OK);
    const ByteVector encrypted = pull();
    EXPECT_EQ(find_box(encrypted, "sgpd").has_value(), std::string_view{wanted} == "true");
    EXPECT_EQ(decrypt_segment(encrypted, output_header(), key), ByteVector(160, 'x'));
    gst_harness_teardown(std::exchange(harness_, nullptr));
  }
}

TEST_F(CencEnc, DoesNotStartWithKeysThatAreNone) {
  for (const auto& [name, value] : {std::pair{"key", "00"}, {"kid", "x"}, {"iv", ""}, {"pssh", "AAAA"}}) {
    element_ = Ref<GstElement>::adopt(gst_element_factory_make("cencenc", nullptr));
    set("key", key_text);
    set("kid", "101112131415161718191a1b1c1d1e1f");
    set("iv", "202122232425262728292a2b2c2d2e2f");
    set(name, value);
    EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE) << name;
    gst_element_set_state(element_.get(), GST_STATE_NULL);
  }
}

TEST_F(CencEnc, KeepsItsKeysToItself) {
  for (const char* name : {"key", "audio-key"}) {
    GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element_.get()), name);
    ASSERT_NE(spec, nullptr);
    EXPECT_EQ(spec->flags & G_PARAM_READABLE, 0) << name;
  }
}

// Of an application that has the keys of a key server.
Ref<GstContext> context_with_key() {
  auto context = Ref<GstContext>::adopt(gst_context_new("tarn.content-keys", TRUE));
  const auto bytes = Ref<GBytes>::adopt(g_bytes_new(key.data(), key.size()));
  gst_structure_set(gst_context_writable_structure(context.get()), "scheme", G_TYPE_STRING, "cenc", "kid",
                    G_TYPE_STRING, "101112131415161718191a1b1c1d1e1f", "key", G_TYPE_BYTES, bytes.get(),
                    nullptr);
  return context;
}

class CencEncContext : public CencEnc {
 protected:
  CencEncContext() {
    for (const char* name : {"key", "kid", "iv"}) set(name, "");
  }
  void expect_encryption() {
    start();
    begin();
    ASSERT_EQ(gst_harness_push(harness_, chunk(77).release()), GST_FLOW_OK);
    const ByteVector encrypted = pull();
    EXPECT_FALSE(read_tenc(output_header())->is_cbcs);
    EXPECT_EQ(decrypt_segment(encrypted, output_header(), key), ByteVector(160, 'x'));
  }
};

TEST_F(CencEncContext, HasItsKeysFromAContext) {
  const auto context = context_with_key();
  gst_element_set_context(element_.get(), context.get());
  expect_encryption();
}

TEST_F(CencEncContext, AsksForOneWhenItStarts) {
  const auto bus = Ref<GstBus>::adopt(gst_bus_new());
  gst_bus_set_sync_handler(
      bus.get(),
      [](GstBus*, GstMessage* message, gpointer) {
        const char* type = nullptr;
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_NEED_CONTEXT &&
            gst_message_parse_context_type(message, &type) != FALSE &&
            type == std::string{"tarn.content-keys"})
          gst_element_set_context(GST_ELEMENT(GST_MESSAGE_SRC(message)), context_with_key().get());
        return GST_BUS_PASS;
      },
      nullptr, nullptr);
  gst_element_set_bus(element_.get(), bus.get());
  expect_encryption();
  gst_element_set_bus(element_.get(), nullptr);
}

TEST_F(CencEncContext, DoesNotStartWithoutOne) {
  EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state(element_.get(), GST_STATE_NULL);
}

TEST_F(CencEncContext, TheKeyPropertyComesFirst) {
  const auto context = context_with_key();
  gst_element_set_context(element_.get(), context.get());
  set("key", "00");  // which is none
  EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state(element_.get(), GST_STATE_NULL);
}

TEST_F(CencEncContext, KeepsItsKeysToItself) {
  const auto context = context_with_key();
  gst_element_set_context(element_.get(), context.get());
  EXPECT_FALSE(Ref<GstContext>::adopt(gst_element_get_context(element_.get(), "tarn.content-keys")));
  // What GStreamer writes into its own log.
  const gstkit::TextPtr text{gst_structure_to_string(gst_context_get_structure(context.get()))};
  EXPECT_EQ(std::string{text.get()}.find("0a0b0c"), std::string::npos) << text.get();
}

TEST_F(CencEncContext, AKeyAsATextIsRefused) {
  auto context = Ref<GstContext>::adopt(gst_context_new("tarn.content-keys", TRUE));
  gst_structure_set(gst_context_writable_structure(context.get()), "kid", G_TYPE_STRING,
                    "101112131415161718191a1b1c1d1e1f", "iv", G_TYPE_STRING,
                    "202122232425262728292a2b2c2d2e2f", "key", G_TYPE_STRING, key_text, nullptr);
  gst_element_set_context(element_.get(), context.get());
  EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state(element_.get(), GST_STATE_NULL);
}

}  // namespace
}  // namespace tarn::test
