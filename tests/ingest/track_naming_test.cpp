// SPDX-License-Identifier: Apache-2.0
#include "ingest/track_naming.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tarn::ingest {
namespace {

using testing::ElementsAre;

codecs::ElementaryStream sound(std::uint32_t id, std::uint32_t rate, std::uint32_t channels = 2,
                               codecs::Codec codec = codecs::Codec::aac) {
  codecs::StreamInfo info;
  info.codec = codec;
  info.timescale = info.sample_rate = rate;
  info.channels = static_cast<decltype(info.channels)>(channels);
  codecs::ElementaryStream stream;
  stream.id = id;
  stream.codec = codec;
  stream.configs.push_back(info);
  return stream;
}

codecs::MediaSegment segment(std::vector<codecs::ElementaryStream> streams) {
  codecs::MediaSegment made;
  made.streams = std::move(streams);
  return made;
}

// Two variants, each with sound of its own inside.
class MuxedSound : public testing::Test {
 protected:
  MuxedSound() {
    structure_.playlists.resize(2);
    structure_.variants.resize(2);
    structure_.variants[1].playlist = 1;
    naming_.begin_structure();
  }
  std::vector<std::string> keys() {
    std::vector<std::string> keys;
    for (const TrackSource& track : naming_.name(structure_, layouts_)) {
      const auto& info = track.description.info;
      keys.push_back(track.description.key + ' ' + std::to_string(info.sample_rate));
    }
    return keys;
  }
  void come(std::size_t playlist, std::vector<codecs::ElementaryStream> streams) {
    layouts_[playlist].add(segment(std::move(streams)));
  }

  StreamStructure structure_;
  std::vector<Layout> layouts_{2};
  TrackNaming naming_;
};

TEST_F(MuxedSound, OfOneKindIsOneTrack) {
  come(0, {sound(257, 48'000)});
  come(1, {sound(257, 48'000)});
  EXPECT_THAT(keys(), ElementsAre("a0 48000"));
}

TEST_F(MuxedSound, WhoseParametersChangeIsTheSameTrack) {
  come(0, {sound(257, 48'000)});
  come(1, {sound(257, 48'000)});
  EXPECT_THAT(keys(), ElementsAre("a0 48000"));
  for (auto& layout : layouts_) layout.clear();
  naming_.begin_session();
  come(0, {sound(257, 44'100)});
  come(1, {sound(257, 44'100)});
  EXPECT_THAT(keys(), ElementsAre("a0 44100"));
  for (auto& layout : layouts_) layout.clear();
  naming_.begin_session();
  come(0, {sound(257, 48'000, 6, codecs::Codec::ac3)});
  come(1, {sound(257, 48'000, 6, codecs::Codec::ac3)});
  EXPECT_THAT(keys(), ElementsAre("a0 48000"));
}

TEST_F(MuxedSound, ThatIsThereKeepsItsName) {
  come(0, {sound(257, 48'000)});
  EXPECT_THAT(keys(), ElementsAre("a0 48000"));
  come(1, {sound(257, 44'100)});
  EXPECT_THAT(keys(), ElementsAre("a0 48000", "a1 44100"));
  // One of both changes.
  layouts_[1].clear();
  naming_.begin_session();
  come(1, {sound(257, 32'000)});
  EXPECT_THAT(keys(), ElementsAre("a0 48000", "a1 32000"));
}

TEST_F(MuxedSound, TakesTheNameOfItsOwnPlaceOnly) {
  come(0, {sound(257, 48'000), sound(258, 48'000)});
  EXPECT_THAT(keys(), ElementsAre("a0 48000", "a1 48000"));
  layouts_[0].clear();
  naming_.begin_session();
  come(0, {sound(257, 48'000), sound(258, 44'100)});
  EXPECT_THAT(keys(), ElementsAre("a0 48000", "a1 44100"));
  layouts_[0].clear();
  naming_.begin_session();
  come(0, {sound(257, 44'100), sound(258, 44'100)});
  EXPECT_THAT(keys(), ElementsAre("a0 44100", "a1 44100"));
}

}  // namespace
}  // namespace tarn::ingest
