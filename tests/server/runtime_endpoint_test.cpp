// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/cmaf.h"
#include "tests/server/runtime_fixture.h"

namespace tarn::server {
namespace {

class EndpointRuntimeTest : public RuntimeTest {
 protected:
  EndpointRuntimeTest() : archive_(archive::Archive::in_memory()) { make(timeline::Protocol::hls_cmaf); }

  void make(timeline::Protocol protocol) {
    EndpointRuntime::Settings settings;
    settings.label = "g/c/e";
    settings.output.endpoint = "e";
    settings.output.protocol = protocol;
    settings.output.segment_duration = 2;
    settings.time_url = "http://127.0.0.1/time";
    settings_ = settings;
    endpoint_ = std::make_shared<EndpointRuntime>(
        EndpointRuntime::Parts{workers_, cache_, metrics_, log_, [] { return "ingest2"; }}, settings,
        archive_, [this](const Packaging& packaging) -> Result<std::unique_ptr<Packager>> {
          packagings_.push_back(packaging);
          return std::unique_ptr<Packager>{std::make_unique<FakePackager>(record_)};
        });
  }
  void allow_windows(Microseconds shift = std::chrono::hours{24},
                     Microseconds longest = std::chrono::hours{24}) {
    utc_ = Utc{std::chrono::seconds{1'700'000'600}};
    settings_.windows = {shift, longest};
    endpoint_->set_settings(settings_);
  }
  void fill(int slots) {
    ASSERT_TRUE(archive_->set_presentation("e", 2, 2, Utc{}).ok());
    add_slots(*archive_, slots);
  }
  std::future<Fetched> start(const std::string& file, Monotonic now = {}) {
    auto promise = std::make_shared<std::promise<Fetched>>();
    const auto mark = file.find('?');
    const auto window = timeline::parse_window_query(mark == std::string::npos ? "" : file.substr(mark + 1));
    endpoint_->fetch({file.substr(0, mark), window.value(), now, utc_.load()},
                     [promise](const Fetched& f) { promise->set_value(f); });
    return promise->get_future();
  }
  Fetched fetch(const std::string& file, Monotonic now = {}) { return start(file, now).get(); }
  std::uint64_t renders() { return metrics_.counter("tarn_manifest_renders_total", {}); }

  std::shared_ptr<archive::Archive> archive_;
  FakePackager::Record record_;
  std::vector<Packaging> packagings_;
  EndpointRuntime::Settings settings_;
  std::shared_ptr<EndpointRuntime> endpoint_;
  std::weak_ptr<const Content> first_;
};

TEST_F(EndpointRuntimeTest, HasNoContentBeforeTheFirstSegment) {
  for (const char* file : {"manifest.m3u8", "manifest-v1.m3u8"}) {
    const Fetched got = fetch(file);
    EXPECT_EQ(got.content, nullptr);
    EXPECT_EQ(got.absence, Fetched::Absence::no_content) << file;
  }
  EXPECT_EQ(fetch("other.txt").absence, Fetched::Absence::not_found);
  EXPECT_EQ(fetch("manifest.mpd").absence, Fetched::Absence::not_found);
}

TEST_F(EndpointRuntimeTest, RendersAManifestOncePerStateOfTheTimeline) {
  fill(4);
  const Fetched first = fetch("manifest-v1.m3u8");
  ASSERT_NE(first.content, nullptr) << first.reason;
  EXPECT_EQ(first.content->content_type, "application/vnd.apple.mpegurl");
  EXPECT_EQ(first.content->max_age, 1U);
  EXPECT_EQ(fetch("manifest-v1.m3u8").content, first.content);
  EXPECT_EQ(renders(), 1U);
  add_slot(*archive_);
  const Fetched second = fetch("manifest-v1.m3u8");
  EXPECT_NE(second.content->etag, first.content->etag);
  EXPECT_EQ(renders(), 2U);
  endpoint_->set_settings(settings_);
  EXPECT_EQ(fetch("manifest-v1.m3u8").content->etag, second.content->etag);
  EXPECT_EQ(renders(), 3U);
}

TEST_F(EndpointRuntimeTest, ManifestsSayHowFreshTheyAreAndWhoFeedsThem) {
  using Facts = std::vector<std::pair<std::string, std::string>>;
  fill(3);
  EXPECT_EQ(fetch("manifest.m3u8").content->facts,
            (Facts{{"X-Tarn-Media-Time", "2023-11-14T22:13:26.000Z"}, {"X-Tarn-Active-Input", "ingest2"}}));
  add_slot(*archive_);
  EXPECT_EQ(fetch("manifest-v1.m3u8").content->facts.at(0).second, "2023-11-14T22:13:28.000Z");
  EXPECT_TRUE(fetch("g1-v1-1.m4s").content->facts.empty());
}

TEST_F(EndpointRuntimeTest, PackagesASegmentOnceForAllWhoAskForIt) {
  fill(4);
  std::promise<void> gate;
  record_.gate = gate.get_future().share();
  std::vector<std::future<Fetched>> waiting;
  for (int i = 0; i < 50; ++i) waiting.push_back(start("g1-v1-1.m4s"));
  gate.set_value();
  for (auto& answer : waiting) {
    const Fetched got = answer.get();
    ASSERT_NE(got.content, nullptr) << got.reason;
    EXPECT_EQ(got.content->content_type, "video/mp4");
    EXPECT_EQ(got.content->size, 5U);
  }
  EXPECT_EQ(record_.requests, 1);
  EXPECT_NE(fetch("g1-v1-1.m4s").content, nullptr);
  EXPECT_EQ(record_.requests, 1);
  ASSERT_EQ(record_.seen.size(), 1U);
  EXPECT_EQ(record_.seen[0].tracks, std::vector<timeline::TrackId>{1});
  EXPECT_EQ(record_.seen[0].first_slot, 1U);
  EXPECT_EQ(record_.seen[0].slot_count, 1U);
  EXPECT_TRUE(record_.seen[0].segment_type);
}

TEST_F(EndpointRuntimeTest, ServesHeadersWithTheTypeOfTheirTrack) {
  fill(2);
  const Fetched header = fetch("g1-a2-i1.mp4");
  ASSERT_NE(header.content, nullptr) << header.reason;
  EXPECT_EQ(header.content->content_type, "audio/mp4");
  EXPECT_EQ(record_.seen.at(0).header->track, 2U);
  EXPECT_EQ(fetch("g1-a2-i2.mp4").content, nullptr);
  EXPECT_EQ(fetch("g2-a2-i1.mp4").content, nullptr);
}

TEST_F(EndpointRuntimeTest, HasOneSpellingForEachSegment) {
  fill(2);
  for (const char* file :
       {"g1-a1-1.m4s", "g1-v01-1.m4s", "g1-v1-01.m4s", "g2-v1-1.m4s", "g1-v9-1.m4s", "g1-v1-0.m4s",
        "g1-v1-1.ts", "g1-v1a2-1.m4s", "g1-v1-s1-t0.m4s", "g1-v1-18446744073709551616.m4s"}) {
    const Fetched got = fetch(file);
    EXPECT_EQ(got.content, nullptr) << file;
    EXPECT_EQ(got.absence, Fetched::Absence::not_found) << file;
  }
  EXPECT_EQ(record_.requests, 0);
}

TEST_F(EndpointRuntimeTest, KnowsWhatIsNotThereYet) {
  fill(2);
  EXPECT_EQ(fetch("g1-v1-3.m4s").absence, Fetched::Absence::not_yet);
  EXPECT_EQ(fetch("g1-v1-1000.m4s").absence, Fetched::Absence::not_found);
}

TEST_F(EndpointRuntimeTest, KnowsWhatIsNotThereYetByTime) {
  make(timeline::Protocol::dash);
  fill(2);
  for (const char* file : {"g1-v1-s1-t360000.m4s", "g1-v1-s1-t540000.m4s", "g1-a2-s1-t192000.m4s"}) {
    EXPECT_EQ(fetch(file).absence, Fetched::Absence::not_yet) << file;
  }
  for (const char* file : {"g1-v1-s1-t360000000.m4s", "g1-v1-s1-t180001.m4s", "g1-v1-s2-t360000.m4s",
                           "g2-v1-s1-t360000.m4s", "g1-v9-s1-t360000.m4s"}) {
    EXPECT_EQ(fetch(file).absence, Fetched::Absence::not_found) << file;
  }
}

TEST_F(EndpointRuntimeTest, ServesTransportStreamsToHlsOnly) {
  make(timeline::Protocol::hls);
  fill(2);
  const Fetched got = fetch("g1-v1a2-1.ts");
  ASSERT_NE(got.content, nullptr) << got.reason;
  EXPECT_EQ(got.content->content_type, "video/mp2t");
  EXPECT_FALSE(record_.seen.at(0).segment_type);
  EXPECT_EQ(fetch("g1-v1-1.m4s").content, nullptr);
  EXPECT_EQ(fetch("g1-v1-i1.mp4").content, nullptr);
}

TEST_F(EndpointRuntimeTest, AddressesDashSegmentsByTime) {
  make(timeline::Protocol::dash);
  fill(2);
  EXPECT_NE(fetch("g1-v1-s1-t180000.m4s").content, nullptr);
  EXPECT_EQ(fetch("g1-v1-s1-t180001.m4s").content, nullptr);
  EXPECT_EQ(fetch("g1-v1-2.m4s").content, nullptr);
  const Fetched mpd = fetch("manifest.mpd");
  ASSERT_NE(mpd.content, nullptr);
  EXPECT_EQ(mpd.content->content_type, "application/dash+xml");
  EXPECT_NE(as_text(mpd.content->parts[0].bytes()).find("http://127.0.0.1/time"), std::string_view::npos);
}

TEST_F(EndpointRuntimeTest, BuildsItsPipelineAtTheFirstRequestAndLetsItGoAfterAMinute) {
  fill(4);
  EXPECT_EQ(record_.built, 0);
  (void)fetch("g1-v1-1.m4s", after(100));
  (void)fetch("g1-v1-2.m4s", after(110));
  EXPECT_EQ(record_.built, 1);
  EXPECT_TRUE(endpoint_->state().pipeline);
  endpoint_->tick(after(169));
  EXPECT_TRUE(endpoint_->state().pipeline);
  endpoint_->tick(after(170));
  (void)fetch("g1-v1-3.m4s", after(180));  // runs after the teardown, on the same strand
  EXPECT_EQ(record_.built, 2);
  EXPECT_EQ(record_.alive, 1);
}

TEST_F(EndpointRuntimeTest, RebuildsAPipelineThatFailed) {
  fill(4);
  record_.fails = true;
  EXPECT_EQ(fetch("g1-v1-1.m4s").absence, Fetched::Absence::failed);
  EXPECT_EQ(endpoint_->state().last_error, "g1-v1-1.m4s: broken");
  record_.fails = false;
  EXPECT_NE(fetch("g1-v1-1.m4s").content, nullptr);
  EXPECT_EQ(record_.built, 2);
  EXPECT_EQ(endpoint_->state().failures, 1U);
}

TEST_F(EndpointRuntimeTest, AnswersWithoutMemoryAndRebuildsThePipeline) {
  fill(4);
  record_.lacks_memory = true;
  const Fetched answer = fetch("g1-v1-1.m4s");
  EXPECT_EQ(answer.absence, Fetched::Absence::failed);
  EXPECT_EQ(answer.reason, "out of memory");
  record_.lacks_memory = false;
  EXPECT_NE(fetch("g1-v1-1.m4s").content, nullptr);
  EXPECT_EQ(record_.built, 2);
}

TEST_F(EndpointRuntimeTest, ServesNothingFromMemoryThatIsNoLongerKept) {
  fill(10);
  EXPECT_NE(fetch("g1-v1-1.m4s").content, nullptr);
  ASSERT_TRUE(archive_->trim(Utc{std::chrono::seconds{1'700'000'010}}).ok());
  EXPECT_EQ(fetch("g1-v1-1.m4s").absence, Fetched::Absence::not_found);
}

// Semantics S10.
TEST_F(EndpointRuntimeTest, HasNothingToEncryptBeforeThereIsAKey) {
  fill(4);
  settings_.output.is_encrypted = true;
  endpoint_->set_settings(settings_);
  for (const char* file :
       {"manifest.m3u8", "manifest-v1.m3u8", "g1-v1-0.m4s", "g1-v1-i1.mp4", "g1-v1-99.m4s"}) {
    const Fetched got = fetch(file);
    EXPECT_EQ(got.content, nullptr) << file;
    EXPECT_EQ(got.absence, Fetched::Absence::no_key) << file;
  }
  // Half of it is nothing either.
  settings_.output.protection = std::make_shared<const timeline::Protection>();
  endpoint_->set_settings(settings_);
  EXPECT_EQ(fetch("g1-v1-0.m4s").absence, Fetched::Absence::no_key);
  settings_.protection = std::make_shared<const crypto::StreamProtection>();
  endpoint_->set_settings(settings_);
  EXPECT_NE(fetch("manifest.m3u8").content, nullptr);
}

TEST_F(EndpointRuntimeTest, GivesUpThePipelineWhenTheKeysAreOthers) {
  fill(4);
  ASSERT_NE(fetch("g1-v1-1.m4s").content, nullptr);
  settings_.output.is_encrypted = true;
  settings_.output.protection = std::make_shared<const timeline::Protection>();
  settings_.protection = std::make_shared<const crypto::StreamProtection>();
  endpoint_->set_settings(settings_);
  ASSERT_NE(fetch("g1-v1-2.m4s").content, nullptr);
  ASSERT_EQ(packagings_.size(), 2U);
  EXPECT_EQ(packagings_[0].protection, nullptr);
  EXPECT_EQ(packagings_[1].protection, settings_.protection.at(Utc{}));
}

// The content begins 20 s into a minute: its 21st segment has the keys of the next one.
TEST_F(EndpointRuntimeTest, PackagesEverythingWithTheKeysOfItsPeriod) {
  ASSERT_TRUE(archive_->set_presentation("e", 2, 2, Utc{}, 60).ok());
  add_slots(*archive_, 20);
  const std::uint64_t first = timeline::key_period_at(60, Utc{std::chrono::seconds{1'700'000'000}});
  std::vector<timeline::KeyPeriods<crypto::StreamProtection>::Entry> keys;
  std::vector<timeline::KeyPeriods<timeline::Protection>::Entry> signalling;
  for (const std::uint64_t period : {first, first + 1}) {
    keys.push_back({period, std::make_shared<const crypto::StreamProtection>()});
    signalling.push_back({period, std::make_shared<const timeline::Protection>()});
  }
  settings_.output.is_encrypted = true;
  settings_.output.protection = {60, signalling};
  settings_.protection = {60, keys};
  endpoint_->set_settings(settings_);
  EXPECT_EQ(fetch("g2-v1-i1.mp4").absence, Fetched::Absence::not_found) << "there is no such generation";
  add_slots(*archive_, 5);
  for (const char* file :
       {"g1-v1-18.m4s", "g1-v1-20.m4s", "g1-v1-i1.mp4", "g2-v1-21.m4s", "g2-v1-i1.mp4", "g2-a2-25.m4s"}) {
    ASSERT_NE(fetch(file).content, nullptr) << file;
  }
  EXPECT_EQ(fetch("g1-v1-21.m4s").content, nullptr);
  EXPECT_EQ(fetch("g2-v1-20.m4s").content, nullptr);
  ASSERT_EQ(packagings_.size(), 2U) << "one pipeline for each key";
  EXPECT_EQ(packagings_[0].protection, keys[0].value);
  EXPECT_EQ(packagings_[1].protection, keys[1].value);
}

// Which period a generation is of shows with its first segment only.
TEST_F(EndpointRuntimeTest, HasNoHeaderOfAGenerationThatHasNotBegun) {
  ASSERT_TRUE(archive_->set_presentation("e", 2, 2, Utc{}, 60).ok());
  add_slots(*archive_, 4);
  ASSERT_TRUE(archive_->set_presentation("e", 4, 2, Utc{}, 60).ok());
  settings_.output.is_encrypted = true;
  settings_.output.protection = {60, {{0, std::make_shared<const timeline::Protection>()}}};
  settings_.protection = {60, {{0, std::make_shared<const crypto::StreamProtection>()}}};
  endpoint_->set_settings(settings_);
  EXPECT_EQ(fetch("g2-v1-i1.mp4").absence, Fetched::Absence::not_yet);
  add_slots(*archive_, 2);
  EXPECT_NE(fetch("g2-v1-i1.mp4").content, nullptr);
}

// A segment whose first picture ends eight bytes before its end.
Blob with_picture() {
  ByteVector bytes = isobmff::write_chunk_header(
      {.samples = {{.size = 16, .duration = 90'000, .sync = true}, {.size = 8, .duration = 90'000}}});
  bytes.resize(bytes.size() + 24);
  return Blob::of(std::move(bytes));
}

class IFramesTest : public EndpointRuntimeTest {
 protected:
  void SetUp() override {
    record_.media = with_picture();
    settings_.output.i_frames = true;
    allow_windows();
    fill(4);
  }
  std::string playlist(const std::string& query = "") {
    const Fetched got = fetch("manifest-v1-iframes.m3u8" + query);
    return got.content == nullptr ? got.reason : std::string{as_text(got.content->parts.at(0).bytes())};
  }
  static int count(const std::string& text, const std::string& part) {
    int times = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++times;
    return times;
  }
  const std::string range_ = "#EXT-X-BYTERANGE:" + std::to_string(with_picture().size() - 8) + "@0\n";
};

TEST_F(IFramesTest, PackageWhatTheyHaveToKnowOnce) {
  EXPECT_EQ(count(playlist(), range_), 3);
  EXPECT_EQ(record_.requests, 3);
  add_slot(*archive_);
  EXPECT_EQ(count(playlist(), range_), 3);
  EXPECT_EQ(record_.requests, 4);
  ASSERT_NE(fetch("g1-v1-5.m4s").content, nullptr);
  EXPECT_EQ(record_.requests, 4) << "live viewers want it next";
}

TEST_F(IFramesTest, LongWindowsTakeNoPlaceFromWhatViewersWant) {
  EXPECT_EQ(count(playlist("?start=1700000000&vodend=1700000008"), range_), 4);
  EXPECT_EQ(record_.requests, 4);
  ASSERT_NE(fetch("g1-v1-1.m4s").content, nullptr);
  EXPECT_EQ(record_.requests, 5);
}

TEST_F(IFramesTest, WhatHasNoPictureIsAGapAndNotAskedForAgain) {
  record_.media = Blob::copy_of(as_bytes("nothing of the kind"));
  EXPECT_EQ(count(playlist("?start=1700000000&vodend=1700000008"), "#EXT-X-GAP\n"), 4);
  add_slot(*archive_);
  EXPECT_EQ(count(playlist("?start=1700000000&vodend=1700000008"), "#EXT-X-GAP\n"), 4);
  EXPECT_EQ(record_.requests, 4);
}

TEST_F(IFramesTest, APipelineThatRanOutOfMemoryIsNotUsedAgain) {
  record_.lacks_memory = true;
  EXPECT_EQ(count(playlist(), "#EXT-X-GAP\n"), 3);
  EXPECT_EQ(record_.built, 3);
  record_.lacks_memory = false;
  ASSERT_NE(fetch("g1-v1-3.m4s").content, nullptr);
  EXPECT_EQ(record_.built, 4);
}

// Nothing leaves in the clear because the settings changed while a playlist was made.
TEST_F(IFramesTest, PackageUnderTheSettingsOfTheirRequest) {
  settings_.output.is_encrypted = true;
  settings_.output.protection = std::make_shared<const timeline::Protection>();
  settings_.protection = std::make_shared<const crypto::StreamProtection>();
  endpoint_->set_settings(settings_);
  std::promise<void> gate;
  record_.gate = gate.get_future().share();
  auto waiting = start("manifest-v1-iframes.m3u8");
  auto without_keys = settings_;
  without_keys.output.protection = nullptr;
  without_keys.protection = nullptr;
  endpoint_->set_settings(without_keys);
  gate.set_value();
  EXPECT_EQ(waiting.get().content, nullptr) << "there are no keys any more";
  EXPECT_EQ(record_.requests, 3);
  ASSERT_EQ(packagings_.size(), 1U);
  EXPECT_EQ(packagings_[0].protection, settings_.protection.at(Utc{}));
}

TEST_F(EndpointRuntimeTest, AWindowIsRenderedOncePerStateHoweverItIsSpelled) {
  allow_windows();
  fill(10);
  const Fetched first = fetch("manifest-v1.m3u8?start=1700000004&vodend=1700000010");
  ASSERT_NE(first.content, nullptr) << first.reason;
  EXPECT_EQ(first.content->max_age, 1U);
  EXPECT_EQ(fetch("manifest-v1.m3u8?vodend=2023-11-14T23:13:30%2B01:00&start=1700000004.0").content,
            first.content);
  EXPECT_EQ(renders(), 1U);
  const Fetched live = fetch("manifest-v1.m3u8");
  EXPECT_NE(live.content->etag, first.content->etag);
  add_slot(*archive_);
  const Fetched later = fetch("manifest-v1.m3u8?start=1700000004&vodend=1700000010");
  EXPECT_EQ(later.content->etag, first.content->etag) << "what is complete stays what it is";
}

TEST_F(EndpointRuntimeTest, WindowsThatCannotBeGivenAreToldApart) {
  allow_windows(std::chrono::hours{1}, std::chrono::seconds{8});
  fill(10);
  const Fetched too_long = fetch("manifest-v1.m3u8?start=1700000000&vodend=1700000010");
  EXPECT_EQ(too_long.content, nullptr);
  EXPECT_EQ(too_long.absence, Fetched::Absence::bad_window);
  for (const char* query : {"start=1600000000&vodend=1600000001", "start=1700000010&vodend=1700000050",
                            "offset=7200", "start=1700000030"}) {
    const Fetched outside = fetch(std::string{"manifest-v1.m3u8?"} + query);
    EXPECT_EQ(outside.content, nullptr) << query;
    EXPECT_EQ(outside.absence, Fetched::Absence::outside) << query;
    EXPECT_NE(outside.reason.find("2023-11-14T22:13:20"), std::string::npos) << outside.reason;
  }
}

TEST_F(EndpointRuntimeTest, MayRatherSayThatItIsStale) {
  allow_windows();
  fill(10);
  const auto newest = std::chrono::seconds{1'700'000'018};  // when the last slot was listed
  for (const bool strict : {false, true}) {
    settings_.error_on_stale = strict;
    endpoint_->set_settings(settings_);
    utc_ = Utc{newest + std::chrono::seconds{6}};
    EXPECT_NE(fetch("manifest-v1.m3u8").content, nullptr) << "three segments of 2 s";
    EXPECT_EQ(fetch("manifest-v1.m3u8").reuse == nullptr, strict) << "time makes it stale";
    utc_ = Utc{newest + std::chrono::milliseconds{6'001}};
    const Fetched late = fetch("manifest-v1.m3u8");
    EXPECT_EQ(late.content == nullptr, strict);
    if (!strict) continue;
    EXPECT_EQ(late.absence, Fetched::Absence::stale);
    EXPECT_NE(late.reason.find("2023-11-14T22:13:38"), std::string::npos) << late.reason;
    EXPECT_NE(fetch("manifest-v1.m3u8?start=1700000004&vodend=1700000010").content, nullptr);
    EXPECT_NE(fetch("g1-v1-10.m4s").content, nullptr);
    add_slot(*archive_);
    EXPECT_NE(fetch("manifest-v1.m3u8").content, nullptr) << "it goes on";
  }
}

// Two qualities, audio and subtitles; a slot of 2 s has what `present` says, by id.
class Ladder {
 public:
  explicit Ladder(archive::Archive& archive) : archive_(archive) {
    timeline::Stretch stretch;
    stretch.id = 1;
    stretch.first_slot = 1;
    stretch.start = Utc{std::chrono::seconds{1'700'000'000}};
    stretch.reference = 1;
    stretch.tracks = {track(1, "v0", codecs::Codec::h264), track(2, "v1", codecs::Codec::h264),
                      track(3, "a0", codecs::Codec::aac), track(4, "t0", codecs::Codec::webvtt)};
    stretch.tracks[0].description.variants = {{.variant = 0, .bandwidth = 1'000'000, .average_bandwidth = 0}};
    stretch.tracks[1].description.variants = {{.variant = 1, .bandwidth = 5'000'000, .average_bandwidth = 0}};
    const Blob init = Blob::copy_of(as_bytes("init"));
    EXPECT_TRUE(archive.begin_stretch(stretch, {init, init, init, init}).ok());
  }
  void add(const std::vector<timeline::TrackId>& present) {
    const auto index = static_cast<std::int64_t>(next_ - 1);
    std::vector<timeline::TrackId> missing{1, 2, 3, 4};
    for (const timeline::TrackId id : present) {
      EXPECT_TRUE(
          archive_.append({id, next_, index * 180'000, 180'000, true, {Blob::copy_of(as_bytes("x"))}}).ok());
      std::erase(missing, id);
    }
    const Utc utc = Utc{std::chrono::seconds{1'700'000'000 + 2 * index}};
    EXPECT_TRUE(
        archive_.list_slot({next_++, 1, index * 180'000, index * 180'000 + 180'000, utc, missing}, utc).ok());
  }

 private:
  static timeline::Track track(timeline::TrackId id, const std::string& key, codecs::Codec codec) {
    timeline::Track track;
    track.id = id;
    track.description.key = key;
    track.description.info.codec = codec;
    track.description.info.timescale = 90'000;
    track.description.variants = {{.variant = 0, .bandwidth = 0, .average_bandwidth = 0},
                                  {.variant = 1, .bandwidth = 0, .average_bandwidth = 0}};
    return track;
  }

  archive::Archive& archive_;
  std::uint64_t next_ = 1;
};

TEST_F(EndpointRuntimeTest, MayRatherSayThatATrackIsMissing) {
  settings_.error_on_stale = true;
  endpoint_->set_settings(settings_);
  utc_ = Utc{std::chrono::seconds{1'700'000'010}};
  ASSERT_TRUE(archive_->set_presentation("e", 2, 2, Utc{}).ok());
  Ladder ladder{*archive_};
  for (int i = 0; i < 4; ++i) ladder.add({1, 2, 3, 4});
  EXPECT_NE(fetch("manifest-v1.m3u8").content, nullptr);
  ladder.add({1, 2, 3});
  EXPECT_NE(fetch("manifest-v1.m3u8").content, nullptr) << "nobody speaks";
  ladder.add({1, 2, 4});
  const Fetched mute = fetch("manifest-v1.m3u8");
  EXPECT_EQ(mute.absence, Fetched::Absence::stale);
  EXPECT_EQ(mute.reason, "the newest segment has nothing of a0");
  ladder.add({1, 3});
  EXPECT_EQ(fetch("manifest.m3u8").reason, "the newest segment has nothing of v1");
  settings_.output.max_video_bitrate = 2'000'000;
  endpoint_->set_settings(settings_);
  EXPECT_NE(fetch("manifest.m3u8").content, nullptr) << "it does not offer v1";
  ladder.add({2, 3});
  EXPECT_EQ(fetch("manifest.m3u8").reason, "the newest segment has nothing of v0");
  ladder.add({1, 2, 3, 4});
  EXPECT_NE(fetch("manifest.m3u8").content, nullptr) << "all is there again";
}

// Days that another endpoint needs are not this one's.
TEST_F(EndpointRuntimeTest, WhatIsOlderThanItKeepsIsNotServed) {
  fill(60);
  const char* first = "g1-v1-1.m4s";
  EXPECT_EQ(fetch(first).absence, Fetched::Absence::not_found);
  EXPECT_NE(fetch("g1-v1-40.m4s").content, nullptr);
  allow_windows(std::chrono::hours{24});
  EXPECT_NE(fetch(first).content, nullptr);
  allow_windows(Microseconds{0});
  EXPECT_EQ(fetch(first).absence, Fetched::Absence::not_found) << "not from the cache either";
}

// Semantics S30: a channel that nothing comes for any more keeps its live window, and no more than its days.
TEST_F(EndpointRuntimeTest, WhatIsTooOldOfASilentChannelIsNotServed) {
  using std::chrono::seconds;
  fill(1000);  // until 2000 s
  allow_windows(seconds{1000});
  utc_ = Utc{seconds{1'700'002'000}};
  const std::string window = "manifest-v1.m3u8?start=1700001900";
  endpoint_->tick(after(0));
  endpoint_->tick(after(100));
  const Fetched manifest = fetch(window);
  const Fetched segment = fetch("g1-v1-900.m4s");
  ASSERT_TRUE(manifest.content && segment.content);
  EXPECT_TRUE(manifest.reuse->is_current() && segment.reuse->is_current());
  utc_ = Utc{seconds{1'700'009'000}};
  endpoint_->tick(after(120));
  EXPECT_TRUE(segment.reuse->is_current()) << "for half a minute";
  endpoint_->tick(after(131));
  EXPECT_FALSE(manifest.reuse->is_current() || segment.reuse->is_current());
  EXPECT_EQ(fetch(window).absence, Fetched::Absence::outside);
  EXPECT_EQ(fetch("g1-v1-900.m4s").content, nullptr);
  const Fetched live = fetch("manifest-v1.m3u8");
  ASSERT_TRUE(live.content);
  for (const char* name : {"g1-v1-998.m4s", "g1-v1-1000.m4s", "g1-v1-i1.mp4"}) {
    EXPECT_TRUE(fetch(name).content) << name;
  }
  add_slots(*archive_, 1);
  const Fetched next = fetch("g1-v1-1001.m4s");
  ASSERT_TRUE(next.reuse);
  endpoint_->tick(after(200));
  EXPECT_TRUE(next.reuse->is_current()) << "something has come since the last look";
}

TEST_F(EndpointRuntimeTest, ManyWindowsAreForgottenNotPiledUp) {
  allow_windows();
  fill(400);
  for (int i = 0; i < 3000; ++i) {
    const auto got = fetch("manifest-v1.m3u8?start=1700000000." + std::to_string(100'000 + i));
    ASSERT_NE(got.content, nullptr) << got.reason;
    if (i > 0) continue;
    first_ = got.content;
  }
  EXPECT_TRUE(first_.expired()) << "nobody holds the first of 3000 manifests of 10 kB any more";
}

}  // namespace
}  // namespace tarn::server
