// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "core/archive/archive.h"
#include "server/runtime/channel_runtime.h"
#include "server/runtime/endpoint_runtime.h"

// What a runtime needs around it, with clocks that the test moves and pipelines that only pretend.
namespace tarn::server {

class FakePackager : public Packager {
 public:
  struct Record {
    std::atomic<int> built{0};
    std::atomic<int> alive{0};
    std::atomic<int> requests{0};
    std::atomic<bool> fails{false};
    std::atomic<bool> lacks_memory{false};
    Blob media = Blob::copy_of(as_bytes("media"));
    std::shared_future<void> gate;  // when set, package() waits for it
    std::mutex mutex;
    std::vector<PackageRequest> seen;
  };
  explicit FakePackager(Record& record) : record_(record) {
    ++record_.built;
    ++record_.alive;
  }
  ~FakePackager() override { --record_.alive; }
  FakePackager(const FakePackager&) = delete;
  FakePackager& operator=(const FakePackager&) = delete;
  Result<std::vector<Blob>> package(const PackageRequest& request) override {
    if (record_.gate.valid()) record_.gate.wait();
    ++record_.requests;
    const std::lock_guard lock{record_.mutex};
    record_.seen.push_back(request);
    if (record_.lacks_memory) throw std::bad_alloc{};
    if (record_.fails) return Error{ErrorCode::internal, "broken"};
    return std::vector<Blob>{record_.media};
  }

 private:
  Record& record_;
};

class RuntimeTest : public ::testing::Test {
 protected:
  RuntimeTest()
      : log_(
            LogFormat::text, LogLevel::debug, [] { return Utc{}; },
            [this](std::string_view line) { logged_ += line; }),
        workers_(2) {}
  ~RuntimeTest() override { workers_.stop(); }

  [[nodiscard]] ChannelRuntime::Parts parts() {
    return {workers_, workers_, metrics_, log_,
            Clocks{[this] { return utc_.load(); }, [this] { return monotonic_.load(); }}};
  }

  // Slots of two seconds: video, 90 kHz, and audio, 48 kHz; the first call begins the stretch.
  void add_slots(archive::Archive& archive, int count) {
    using namespace timeline;
    if (next_slot_ == 1) {
      Stretch stretch;
      stretch.id = 1;
      stretch.first_slot = 1;
      stretch.start = Utc{std::chrono::seconds{1'700'000'000}};
      stretch.reference = 1;
      Track video;
      video.id = 1;
      video.description.key = "v0";
      video.description.info.codec_string = "avc1.64001F";
      video.description.info.width = 1280;
      video.description.info.height = 720;
      Track audio;
      audio.id = 2;
      audio.description.key = "a0";
      audio.description.info.codec = codecs::Codec::aac;
      audio.description.info.codec_string = "mp4a.40.2";
      audio.description.info.timescale = 48'000;
      audio.description.info.sample_rate = 48'000;
      audio.description.info.channels = 2;
      audio.description.info.samples_per_frame = 1024;
      for (Track* track : {&video, &audio}) track->description.variants = {VariantUse{}};
      stretch.tracks = {video, audio};
      ASSERT_TRUE(
          archive.begin_stretch(stretch, {Blob::copy_of(as_bytes("i1")), Blob::copy_of(as_bytes("i2"))})
              .ok());
    }
    for (int i = 0; i < count; ++i) add_slot(archive);
  }

  void add_slot(archive::Archive& archive) {
    const std::uint64_t slot = next_slot_++;
    const auto index = static_cast<std::int64_t>(slot - 1);
    const std::vector<Blob> bytes{Blob::copy_of(as_bytes("chunk"))};
    ASSERT_TRUE(archive.append({1, slot, index * 180'000, 180'000, true, bytes}).ok());
    ASSERT_TRUE(archive.append({2, slot, index * 96'000, 96'000, true, bytes}).ok());
    const Utc utc = Utc{std::chrono::seconds{1'700'000'000 + 2 * index}};
    ASSERT_TRUE(archive.list_slot({slot, 1, index * 180'000, index * 180'000 + 180'000, utc, {}}, utc).ok());
  }

  // Waits for what channel c1 has been given to do.
  void settle() {
    std::promise<void> done;
    workers_.submit("ingest/c1", [&] { done.set_value(); });
    done.get_future().wait();
  }

  std::atomic<Utc> utc_{Utc{}};
  std::atomic<Monotonic> monotonic_{Monotonic{}};
  std::string logged_;
  Metrics metrics_;
  EventLog log_;
  ContentCache cache_{1U << 20U};
  WorkerPool workers_;
  std::uint64_t next_slot_ = 1;
};

inline Monotonic after(int seconds) { return Monotonic{std::chrono::seconds{seconds}}; }

}  // namespace tarn::server
