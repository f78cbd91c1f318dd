// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/object_kind.h"
#include "ingest/object_path.h"
#include "ingest/object_shelf.h"

namespace tarn::ingest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> paths(const char* playlist, const char* uri) {
  const auto name = ObjectName::resolve(playlist, uri);
  return name.ok() ? name->paths() : std::vector<std::string>{"error: " + name.error().message};
}

TEST(ObjectPath, ComponentsAreChecked) {
  for (const char* const good : {"manifest.m3u8", "hd/seg-7.ts", "a/b/c/d/e/f/g/h"}) {
    EXPECT_TRUE(check_object_path(good).ok()) << good;
  }
  for (const char* const bad : {"", "/a", "a/", "a//b", "..", "../a", "a/../b", ".hidden", "a b", "a%2e",
                                "a/b/c/d/e/f/g/h/i", "a\nb"}) {
    EXPECT_FALSE(check_object_path(bad).ok()) << bad;
  }
}

TEST(ObjectName, IsRelativeToThePlaylistsFolder) {
  EXPECT_THAT(paths("manifest.m3u8", "seg0.ts"), ElementsAre("seg0.ts"));
  EXPECT_THAT(paths("hd/media.m3u8", "seg0.ts"), ElementsAre("hd/seg0.ts"));
  EXPECT_THAT(paths("hd/media.m3u8", "./x/seg0.ts"), ElementsAre("hd/x/seg0.ts"));
  EXPECT_THAT(paths("hd/media.m3u8", "../sd/seg0.ts"), ElementsAre("sd/seg0.ts"));
}

TEST(ObjectName, QueryAndFragmentDoNotCount) {
  EXPECT_THAT(paths("m.m3u8", "seg0.ts?token=a/b#t=1"), ElementsAre("seg0.ts"));
}

TEST(ObjectName, PercentEncodingIsDecoded) {
  EXPECT_THAT(paths("m.m3u8", "seg%5F0.ts"), ElementsAre("seg_0.ts"));
}

TEST(ObjectName, AbsoluteUrisAreKnownByTheirEnd) {
  EXPECT_THAT(paths("m.m3u8", "http://h:80/v1/c/hd/0.ts?x"),
              ElementsAre("v1/c/hd/0.ts", "c/hd/0.ts", "hd/0.ts", "0.ts"));
  EXPECT_THAT(paths("m.m3u8", "/c/0.ts"), ElementsAre("c/0.ts", "0.ts"));
  EXPECT_THAT(paths("m.m3u8", "//h/0.ts"), ElementsAre("0.ts"));
  const auto name = ObjectName::resolve("m.m3u8", "https://h/v1/g/1/c/hd/0.ts");
  ASSERT_TRUE(name.ok());
  EXPECT_TRUE(name->matches("hd/0.ts"));
  EXPECT_FALSE(name->matches("d/0.ts"));
}

TEST(ObjectName, WhatLeadsOutOrCannotBeUploadedIsRefused) {
  for (const char* const bad :
       {"../seg.ts", "%2e%2e/seg.ts", "a b.ts", "http://host", "http://host/", "x%zz.ts", "é.ts"}) {
    EXPECT_THAT(paths("m.m3u8", bad), ElementsAre(HasSubstr("error: URI"))) << bad;
  }
}

std::string transport_packets(int count) {
  std::string packet(188, '\0');
  packet.front() = 0x47;
  std::string text;
  for (int i = 0; i < count; ++i) text += packet;
  return text;
}

TEST(ObjectKind, IsSeenByNameThenByContent) {
  const auto kind = [](const char* path, std::string_view content) {
    return recognise(path, as_bytes(content));
  };
  using namespace std::string_view_literals;
  EXPECT_EQ(kind("manifest", "#EXTM3U\n"), ObjectKind::playlist);
  EXPECT_EQ(kind("manifest", "\xef\xbb\xbf#EXTM3U\n"), ObjectKind::playlist);
  EXPECT_EQ(kind("m.m3u8", "<html>"), ObjectKind::playlist);
  EXPECT_EQ(kind("x", transport_packets(8)), ObjectKind::transport_stream);
  EXPECT_EQ(kind("x.ts", "<html>"), ObjectKind::transport_stream);
  EXPECT_EQ(kind("x.ts",
                 "\0\0\0\x18"
                 "ftypcmfc"sv),
            ObjectKind::fragmented_mp4);
  EXPECT_EQ(kind("x",
                 "\0\0\0\x18"
                 "styp"sv),
            ObjectKind::fragmented_mp4);
  EXPECT_EQ(kind("x",
                 "\0\0\0\x18"
                 "moof"sv),
            ObjectKind::fragmented_mp4);
  EXPECT_EQ(kind("x.aac", "ID3\4"), ObjectKind::packed_audio);
  EXPECT_EQ(kind("x.aac", "\xff\xf1\x50"), ObjectKind::packed_audio);
  EXPECT_EQ(kind("x.vtt", "WEBVTT\n"), ObjectKind::web_vtt);
  EXPECT_EQ(kind("m.mpd",
                 "<?xml version=\"1.0\"?>\n<!-- packager -->\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\">"),
            ObjectKind::dash_manifest);
  EXPECT_EQ(kind("m.mpd", "<html>"), ObjectKind::unknown);
  EXPECT_EQ(kind("m.mpd", "<" + std::string(2000, ' ') + "<MPD"), ObjectKind::unknown);
  EXPECT_EQ(kind("x.jpg", "\xff\xd8"), ObjectKind::unknown);
  EXPECT_EQ(kind("x", ""), ObjectKind::unknown);
}

TEST(Digest, EveryByteAndTheLengthCount) {
  const ByteVector bytes(1001, 7);
  const std::uint64_t digest = digest_of(bytes);
  EXPECT_EQ(digest_of(bytes), digest);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    ByteVector other = bytes;
    other[i] ^= 1U;
    EXPECT_NE(digest_of(other), digest) << i;
  }
  EXPECT_NE(digest_of(Bytes{bytes}.first(1000)), digest);
  EXPECT_NE(digest_of(ByteVector(8, 0)), digest_of(ByteVector(9, 0)));
  EXPECT_NE(digest_of({}), 0U);
}

TEST(Digest, LargeContentIsSampledFromBeginningToEnd) {
  const ByteVector bytes(1'000'001, 7);
  const std::uint64_t digest = digest_of(bytes);
  for (const std::size_t at : {std::size_t{0}, bytes.size() / 256 * 128, bytes.size() - 1}) {
    ByteVector other = bytes;
    other[at] ^= 1U;
    EXPECT_NE(digest_of(other), digest) << at;
  }
  EXPECT_NE(digest_of(Bytes{bytes}.first(1'000'000)), digest);
}

UploadedSegment upload(const char* path, std::uint64_t digest, std::uint64_t size = 10, int second = 0) {
  return {.path = path,
          .digest = digest,
          .size = size,
          .media = std::make_shared<codecs::MediaSegment>(),
          .arrival = Monotonic{std::chrono::seconds{second}}};
}

TEST(Shelf, RemembersWhatWasTaken) {
  ObjectShelf shelf{{}};
  using Placed = ObjectShelf::Placed;
  EXPECT_EQ(shelf.put(upload("a", 1)), Placed::held);
  EXPECT_EQ(shelf.put(upload("a", 1)), Placed::repeated);
  EXPECT_EQ(shelf.put(upload("a", 2)), Placed::replaced);
  EXPECT_EQ(shelf.held(), 1U);
  EXPECT_EQ(shelf.take(ObjectName{"a"}).digest, 2U);
  EXPECT_EQ(shelf.held_bytes(), 0U);
  EXPECT_EQ(shelf.put(upload("a", 2)), Placed::repeated);
  EXPECT_EQ(shelf.find_waiting(ObjectName{"a"}), nullptr) << "kept aside until a playlist asks for it";
  ASSERT_NE(shelf.find(ObjectName{"a"}), nullptr);
  shelf.drop_repeat(ObjectName{"a"});
  EXPECT_EQ(shelf.find(ObjectName{"a"}), nullptr);
  EXPECT_EQ(shelf.put(upload("a", 3)), Placed::replaced);
}

TEST(Shelf, DropsTheOldestBeyondItsLimits) {
  ObjectShelf shelf{{.segments = 3, .bytes = 100, .remembered = 10}};
  for (const char* const path : {"d", "c", "b", "a"}) shelf.put(upload(path, 1));
  EXPECT_EQ(shelf.held(), 3U);
  EXPECT_EQ(shelf.find(ObjectName{"d"}), nullptr);
  shelf.put(upload("big", 1, 95));
  EXPECT_EQ(shelf.held(), 1U);
  EXPECT_EQ(shelf.dropped(), 4U);
  shelf.put(upload("huge", 1, 1000));
  EXPECT_NE(shelf.find(ObjectName{"huge"}), nullptr) << "one always fits";
}

TEST(Shelf, DropsWhatNobodyAskedForInTime) {
  ObjectShelf shelf{{}};
  shelf.put(upload("a", 1, 10, 1));
  shelf.put(upload("b", 1, 10, 5));
  shelf.drop_older_than(Monotonic{std::chrono::seconds{5}});
  EXPECT_EQ(shelf.find(ObjectName{"a"}), nullptr);
  EXPECT_NE(shelf.find(ObjectName{"b"}), nullptr);
}

TEST(Shelf, RemembersABoundedNumberOfNames) {
  ObjectShelf shelf{{.segments = 3, .bytes = 100, .remembered = 2}};
  for (const char* const path : {"a", "b", "c"}) {
    shelf.put(upload(path, 1));
    (void)shelf.take(ObjectName{path});
  }
  EXPECT_EQ(shelf.put(upload("b", 1)), ObjectShelf::Placed::repeated);
  EXPECT_EQ(shelf.put(upload("a", 1)), ObjectShelf::Placed::held);
}

}  // namespace
}  // namespace tarn::ingest
