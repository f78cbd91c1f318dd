// SPDX-License-Identifier: Apache-2.0
// Files that others encrypted: our inverse opens them, so it may judge our encryption too.
#include <gtest/gtest.h>

#include <string>

#include "core/base/text.h"
#include "core/crypto/track_encryptor.h"
#include "decryptor.h"
#include "support/command.h"
#include "support/shared_files.h"

namespace tarn::crypto {
namespace {

struct Vector {
  const char* encrypted;
  const char* clear;
  const char* key;
};

class SharedVector : public testing::TestWithParam<Vector> {
 protected:
  void SetUp() override {
    const auto shared = test::shared_files();
    if (!shared) GTEST_SKIP() << "no shared vectors";
    encrypted_ = test::read_file(*shared / "vectors" / "drm" / GetParam().encrypted);
    clear_ = test::read_file(*shared / "vectors" / "drm" / GetParam().clear);
    key_ = *parse_hex(GetParam().key);
  }
  std::string encrypted_;
  std::string clear_;
  ByteVector key_;
};

ByteVector media_of(Bytes file) {
  ByteVector out;
  for (const Bytes sample : test::first_track_samples(file))
    out.insert(out.end(), sample.begin(), sample.end());
  return out;
}

TEST_P(SharedVector, IsOpenedByOurInverse) {
  const ByteVector opened = test::decrypt_segment(as_bytes(encrypted_), as_bytes(encrypted_), key_);
  ASSERT_GT(opened.size(), 5'000U);
  EXPECT_EQ(opened, media_of(as_bytes(clear_)));
}

// What another encryptor took for the slice headers.
TEST(SharedVectors, HaveTheEncryptedRangesThatWeMake) {
  const auto shared = test::shared_files();
  if (!shared) GTEST_SKIP() << "no shared vectors";
  const std::string encrypted = test::read_file(*shared / "vectors" / "drm" / "cbcs.mp4");
  const std::string clear = test::read_file(*shared / "vectors" / "drm" / "cbcsdec.mp4");
  codecs::StreamInfo info;
  const auto avcc = test::find_box(as_bytes(clear), "avcC");
  ASSERT_TRUE(avcc);
  info.config.assign(avcc->begin(), avcc->end());
  auto mapper = SubsampleMapper::make(info, Scheme::cbcs);
  ASSERT_TRUE(mapper.ok()) << mapper.error().message;
  const auto theirs = test::all_protections(as_bytes(encrypted), 0);
  const auto samples = test::first_track_samples(as_bytes(clear));
  ASSERT_EQ(theirs.size(), samples.size());
  ASSERT_GT(samples.size(), 100U);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::vector<Subsample> ours;
    ASSERT_TRUE(mapper->map(samples[i], ours).ok());
    std::size_t at = 0;
    for (const auto& [open, cipher] : theirs[i].subsamples) {
      if (cipher < 16) continue;
      while (at < ours.size() && ours[at].cipher == 0) ++at;
      ASSERT_LT(at, ours.size()) << i;
      EXPECT_EQ(ours[at++].cipher, cipher) << "sample " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Files, SharedVector,
    testing::Values(Vector{"cbcs.mp4", "cbcsdec.mp4", "22bdb0063805260307ee5045c0f3835a"},
                    Vector{"cbcs_audio.mp4", "cbcs_audiodec.mp4", "5ffd93861fa776e96cccd934898fc1c8"},
                    Vector{"prog_8s_enc_dashinit.mp4", "prog_8s_dec_dashinit.mp4",
                           "63cb5f7184dd4b689a5c5ff11ee6a328"}),
    [](const auto& info) {
      return std::string{info.param.encrypted}.substr(0, std::string{info.param.encrypted}.find('.'));
    });

}  // namespace
}  // namespace tarn::crypto
