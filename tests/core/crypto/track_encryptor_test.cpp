// SPDX-License-Identifier: Apache-2.0
#include "core/crypto/track_encryptor.h"

#include <gtest/gtest.h>

#include <numeric>

#include "../codecs/h264_builder.h"
#include "core/codecs/avc.h"
#include "decryptor.h"

namespace tarn::crypto {
namespace {

const Block key{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
const Block kid{0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
                0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};
const Block iv{0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80,
               0x90, 0xa0, 0xb0, 0xc0, 0xd0, 0xe0, 0xf0, 0xff};

TrackKey track_key(Scheme scheme) { return {scheme, key, kid, scheme == Scheme::cbcs ? iv : Block{}}; }

codecs::StreamInfo video_info() {
  return codecs::avc::stream_info(test::make_sps({}), test::make_pps()).value();
}
codecs::StreamInfo audio_info() {
  codecs::StreamInfo info;
  info.codec = codecs::Codec::aac;
  info.timescale = info.sample_rate = 48'000;
  info.channels = 2;
  info.config = {0x11, 0x90};
  return info;
}

void append_nal(ByteVector& sample, Bytes nal) {
  Writer writer{sample};
  writer.u32(nal.size());
  writer.bytes(nal);
}
ByteVector noise(std::size_t size, std::uint8_t seed) {
  ByteVector bytes(size);
  std::uint32_t state = seed + 1U;
  for (auto& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(state >> 24U);
  }
  return bytes;
}
ByteVector slice(std::size_t size, bool idr) {
  return test::make_slice({.header = static_cast<std::uint8_t>(idr ? 0x65 : 0x41),
                           .type = idr ? 7U : 5U,
                           .size = size,
                           .seed = idr ? 1U : 2U});
}

struct TestChunk {
  std::vector<Blob> parts;
  ByteVector payload;
};
TestChunk make_chunk(const std::vector<ByteVector>& samples) {
  isobmff::ChunkHeader header{.sequence_number = 7, .base_media_decode_time = 90'000, .samples = {}};
  TestChunk chunk;
  for (const ByteVector& sample : samples) {
    header.samples.push_back({.size = static_cast<std::uint32_t>(sample.size()),
                              .duration = 3600,
                              .sync = header.samples.empty()});
    chunk.payload.insert(chunk.payload.end(), sample.begin(), sample.end());
  }
  chunk.parts = {Blob::of(isobmff::write_chunk_header(header)), Blob::of(chunk.payload)};
  return chunk;
}
std::vector<ByteVector> video_samples() {
  std::vector<ByteVector> samples(4);
  append_nal(samples[0], noise(70'000, 9));  // not a slice: its first byte says 0 or something unknown
  samples[0][4] = 0x06;                      // SEI
  append_nal(samples[0], slice(5000, true));
  append_nal(samples[1], slice(3, false));  // too small for a block
  append_nal(samples[2], slice(1600, false));
  append_nal(samples[2], slice(1601, false));
  append_nal(samples[3], {});
  return samples;
}

class Encryption : public testing::TestWithParam<Scheme> {};

TEST_P(Encryption, ComesBackFromVideoAsItWas) {
  auto encryptor = TrackEncryptor::make(video_info(), track_key(GetParam()));
  ASSERT_TRUE(encryptor.ok());
  const auto init = encryptor->header(isobmff::write_init(video_info(), "und").value(), {});
  ASSERT_TRUE(init.ok()) << init.error().message;
  const TestChunk clear = make_chunk(video_samples());
  const auto chunk = encryptor->chunk(clear.parts, 42);
  ASSERT_TRUE(chunk.ok()) << chunk.error().message;
  const auto parsed = isobmff::parse_chunks(chunk->bytes());
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  ASSERT_EQ(parsed->samples.size(), 4U);
  EXPECT_EQ(test::decrypt_segment(chunk->bytes(), *init, key), clear.payload);
  // The middle of a slice is not what it was; SEI and NAL headers are.
  const Bytes payload = chunk->bytes().last(clear.payload.size());
  EXPECT_TRUE(std::equal(payload.begin(), payload.begin() + 70'009, clear.payload.begin()));
  EXPECT_NE(
      Bytes(payload).subspan(70'100, 16)[0] == clear.payload[70'100] &&
          std::equal(payload.begin() + 70'032, payload.begin() + 75'000, clear.payload.begin() + 70'032),
      true);
}

TEST_P(Encryption, ComesBackFromAudioAsItWas) {
  auto encryptor = TrackEncryptor::make(audio_info(), track_key(GetParam()));
  ASSERT_TRUE(encryptor.ok());
  const auto init = encryptor->header(isobmff::write_init(audio_info(), "und").value(), {});
  ASSERT_TRUE(init.ok());
  const TestChunk clear = make_chunk({noise(341, 1), noise(16, 2), noise(15, 3), noise(320, 4)});
  const auto chunk = encryptor->chunk(clear.parts, 43);
  ASSERT_TRUE(chunk.ok());
  EXPECT_EQ(test::decrypt_segment(chunk->bytes(), *init, key), clear.payload);
  EXPECT_NE(as_text(chunk->bytes().last(clear.payload.size())), as_text(clear.payload));
}

TEST_P(Encryption, GivesTheSameBytesFromOneMemoryAndFromMany) {
  auto encryptor = TrackEncryptor::make(video_info(), track_key(GetParam()));
  ASSERT_TRUE(encryptor.ok());
  const TestChunk clear = make_chunk(video_samples());
  ByteVector whole(clear.parts[0].bytes().begin(), clear.parts[0].bytes().end());
  whole.insert(whole.end(), clear.payload.begin(), clear.payload.end());
  std::vector<Blob> split{clear.parts[0]};
  std::size_t at = 0;
  for (const ByteVector& sample : video_samples()) {
    split.push_back(clear.parts[1].slice(at, sample.size()));
    at += sample.size();
  }
  const auto one = encryptor->chunk(std::vector{Blob::of(whole)}, 5);
  const auto two = encryptor->chunk(clear.parts, 5);
  const auto many = encryptor->chunk(split, 5);
  ASSERT_TRUE(one.ok() && two.ok() && many.ok());
  EXPECT_EQ(as_text(one->bytes()), as_text(two->bytes()));
  EXPECT_EQ(as_text(many->bytes()), as_text(two->bytes()));
}

// 23001-7 clause 6: what the header says of the key, said in the chunk.
TEST_P(Encryption, SaysInChunksWhichKeyTheyHaveWhereKeysChange) {
  for (const bool is_video : {true, false}) {
    const codecs::StreamInfo info = is_video ? video_info() : audio_info();
    TrackKey changing = track_key(GetParam());
    auto plain = TrackEncryptor::make(info, changing);
    changing.changes = true;
    auto encryptor = TrackEncryptor::make(info, changing);
    ASSERT_TRUE(plain.ok() && encryptor.ok());
    const auto init = encryptor->header(isobmff::write_init(info, "und").value(), {});
    ASSERT_TRUE(init.ok());
    const TestChunk clear = make_chunk(is_video ? video_samples() : std::vector{noise(341, 1), noise(16, 2)});
    const auto chunk = encryptor->chunk(clear.parts, 42);
    ASSERT_TRUE(chunk.ok()) << chunk.error().message;
    EXPECT_EQ(test::decrypt_segment(chunk->bytes(), *init, key), clear.payload);
    const auto parsed = isobmff::parse_chunks(chunk->bytes());
    ASSERT_TRUE(parsed.ok()) << parsed.error().message;

    const auto tenc = test::find_box(*init, "tenc");
    const auto sgpd = test::find_box(chunk->bytes(), "sgpd");
    const auto sbgp = test::find_box(chunk->bytes(), "sbgp");
    ASSERT_TRUE(tenc && sgpd && sbgp);
    EXPECT_EQ(as_text(sgpd->subspan(4, 4)), "seig");
    // After version, flags and a reserved byte tenc goes on as the entry does; its pattern is 0 in version 0.
    EXPECT_EQ(as_text(sgpd->subspan(17)), as_text(tenc->subspan(5)));
    EXPECT_EQ(Reader{sgpd->subspan(8)}.u32(), sgpd->size() - 16);
    EXPECT_EQ(as_text(*sbgp),
              (std::string{"\0\0\0\0seig\0\0\0\1\0\0\0", 15} +
               std::string{static_cast<char>(is_video ? 4 : 2)} + std::string{"\0\1\0\1", 4}));
    EXPECT_FALSE(test::find_box(plain->chunk(clear.parts, 42)->bytes(), "sgpd"));
  }
}

INSTANTIATE_TEST_SUITE_P(Schemes, Encryption, testing::Values(Scheme::cenc, Scheme::cbcs),
                         [](const auto& info) { return info.param == Scheme::cenc ? "cenc" : "cbcs"; });

// Semantics S8.
TEST(CencIvs, AreSerialAndSampleIndex) {
  auto encryptor = TrackEncryptor::make(audio_info(), track_key(Scheme::cenc));
  ASSERT_TRUE(encryptor.ok());
  const TestChunk clear = make_chunk({noise(100, 1), noise(100, 1)});
  const auto chunk = encryptor->chunk(clear.parts, 0x123456789ABC);
  ASSERT_TRUE(chunk.ok());
  const auto samples = test::read_senc(chunk->bytes(), 8);
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0].iv, (ByteVector{0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0, 0}));
  EXPECT_EQ(samples[1].iv, (ByteVector{0x12, 0x34, 0x56, 0x78, 0x9A, 0xBC, 0, 1}));
  EXPECT_FALSE(encryptor->chunk(clear.parts, std::uint64_t{1} << 48U).ok());
}

TEST(CencSubsamples, AreWholeBlocksAndKeepEverythingButSlicesClear) {
  auto mapper = SubsampleMapper::make(video_info(), Scheme::cenc);
  ASSERT_TRUE(mapper.ok());
  std::size_t encrypted = 0;
  for (const ByteVector& sample : video_samples()) {
    std::vector<Subsample> map;
    ASSERT_TRUE(mapper->map(sample, map).ok());
    std::size_t sum = 0;
    for (const Subsample& part : map) {
      EXPECT_EQ(part.cipher % 16, 0U);
      sum += part.clear + part.cipher;
      encrypted += part.cipher;
    }
    EXPECT_EQ(sum, sample.size());
  }
  EXPECT_GT(encrypted, 8000U);
  EXPECT_LT(encrypted, 9000U);
}

TEST(CencSubsamples, OfADamagedSampleAreAnError) {
  auto mapper = SubsampleMapper::make(video_info(), Scheme::cbcs);
  ASSERT_TRUE(mapper.ok());
  std::vector<Subsample> map;
  EXPECT_FALSE(mapper->map(ByteVector{0, 0, 0, 9, 1}, map).ok());
  EXPECT_FALSE(mapper->map(ByteVector{0, 0}, map).ok());
}

TEST(ProtectedHeader, HasPsshAndStaysOneBoxAfterAnother) {
  const auto encryptor = TrackEncryptor::make(video_info(), track_key(Scheme::cbcs));
  ASSERT_TRUE(encryptor.ok());
  ByteVector pssh;
  Writer writer{pssh};
  writer.u32(32);
  writer.text("pssh");
  writer.zeros(24);
  const auto init =
      encryptor->header(isobmff::write_init(video_info(), "und").value(), std::vector{pssh, pssh});
  ASSERT_TRUE(init.ok());
  std::size_t end = 0;
  isobmff::ReadContext context;
  while (const auto box = isobmff::read_box_header(*init, end, ErrorCode::malformed, context))
    end = box->end();
  EXPECT_TRUE(context.ok());
  EXPECT_EQ(end, init->size());
  const auto track = test::read_tenc(*init);
  ASSERT_TRUE(track);
  EXPECT_TRUE(track->is_cbcs);
  EXPECT_EQ(track->crypt, 1U);
  EXPECT_EQ(track->skip, 9U);
  EXPECT_EQ(track->kid, ByteVector(kid.begin(), kid.end()));
  EXPECT_EQ(track->constant_iv, ByteVector(iv.begin(), iv.end()));
  EXPECT_EQ(as_text(Bytes(*init).last(32)), as_text(pssh));
  EXPECT_EQ(isobmff::parse_init(*init).error().code, ErrorCode::encrypted);
  EXPECT_EQ(encryptor->header(*init, {}).error().code, ErrorCode::encrypted);
  for (std::size_t cut = 0; cut < init->size(); cut += 7) {
    (void)encryptor->header(Bytes(*init).first(cut), {});  // ends, whatever it says
  }
}

TEST(ProtectedChunk, RefusesBytesThatNoSampleAccountsFor) {
  auto encryptor = TrackEncryptor::make(audio_info(), track_key(Scheme::cbcs));
  ASSERT_TRUE(encryptor.ok());
  isobmff::ChunkHeader header{.samples = {{.size = 64, .duration = 1024, .sync = true}}};
  ByteVector front = isobmff::write_chunk_header(header);
  // The mdat is made longer than its one sample.
  const std::size_t mdat = front.size() - 8;
  front[mdat + 3] = static_cast<std::uint8_t>(front[mdat + 3] + 16);
  EXPECT_FALSE(encryptor->chunk(std::vector{Blob::of(front), Blob::of(noise(80, 1))}, 1).ok());
}

}  // namespace
}  // namespace tarn::crypto
