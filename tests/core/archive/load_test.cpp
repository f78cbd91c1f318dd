// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <thread>

#include "core/archive/sqlite_catalogue.h"
#include "programme.h"

// Size and concurrency: much in the catalogue, readers beside the writer.
namespace tarn::archive {
namespace {

constexpr std::uint64_t many_slots = 100'000;

Change many() {
  Change change;
  constexpr timeline::TrackId tracks = 6;
  timeline::Stretch stretch = make_stretch(1, 1);
  const timeline::Track track = stretch.tracks[0];
  stretch.tracks.clear();
  for (timeline::TrackId id = 1; id <= tracks; ++id) {
    stretch.tracks.push_back(track);
    stretch.tracks.back().id = id;
    stretch.tracks.back().config = 1;
    change.inits.push_back({id, 1, text_blob("init")});
  }
  change.stretches = {stretch};
  change.serial_limit = many_slots * tracks + 1;
  std::uint64_t serial = 1;
  for (std::uint64_t number = 1; number <= many_slots; ++number) {
    const timeline::SlotListed listed = make_listing(number, 1);
    timeline::Slot& slot = change.slots.emplace_back();
    slot.number = number;
    slot.stretch = 1;
    slot.start = listed.start;
    slot.end = listed.end;
    slot.utc = listed.utc;
    for (timeline::TrackId id = 1; id <= tracks; ++id) {
      const NewChunk chunk = make_chunk(1 + (id + 1) % 2, number);
      slot.chunks.push_back(
          {id,
           true,
           chunk.start,
           chunk.duration,
           serial++,
           {static_cast<std::uint32_t>(number / 300 * tracks + id), 1'250'000, 50'000'000}});
    }
  }
  EndpointChange& endpoint = change.endpoints["e"];
  endpoint.head = StoredEndpoint{};
  endpoint.head->channel_segment_duration = 6;
  endpoint.head->last_generation = 1;
  endpoint.generations = {{1, 1, 6, 6}};
  for (std::uint64_t n = 0; n < many_slots / 3; ++n) {
    endpoint.cuts.push_back({n + 1, 3 * n + 1, 3, 1, 1, listing_time(3 * n + 3)});
  }
  return change;
}

TEST(Load, AHundredThousandSlots) {
  const ScratchDirectory scratch;
  open_or_fail(scratch.path("a")).reset();
  const std::string database = scratch.path("a") + "/catalogue.db";
  {
    auto catalogue = open_sqlite_catalogue(database, Absent::refuse);
    ASSERT_TRUE(catalogue.ok());
    ASSERT_TRUE((*catalogue)->commit(many()).ok());
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto archive = open_or_fail(scratch.path("a"));
  const auto took =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  const std::uintmax_t bytes = std::filesystem::file_size(database);
  std::cout << "100,000 slots of 6 tracks: opened in " << took.count() << " ms, catalogue "
            << bytes / many_slots << " bytes a slot\n";
  // The promise is 5 s; sanitizers and busy machines get more. What is out of all proportion fails.
  EXPECT_LT(took.count(), 60'000);
  EXPECT_EQ(archive->timeline()->end_slot(), many_slots + 1);
  EXPECT_EQ(archive->timeline()->presentation("e")->cuts.size(), many_slots / 3);
  EXPECT_EQ(archive->resume().next_slot, many_slots + 1);
  write_slots(*archive, many_slots + 1, many_slots + 1);
  EXPECT_EQ(archive->timeline()->presentation("e")->cuts.size(), many_slots / 3);
  write_slots(*archive, many_slots + 2, many_slots + 2);
  EXPECT_EQ(archive->timeline()->presentation("e")->cuts.back().number, many_slots / 3 + 1);
}

TEST(Load, ReadersSeeWholeStatesWhileTheWriterWritesAndRetentionTrims) {
  const ScratchDirectory scratch;
  const auto archive = open_or_fail(scratch.path("a"));
  archive->set_cache_limit(200);
  begin(*archive);
  ASSERT_TRUE(archive->set_presentation("e", 4, 4, programme_start).ok());
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> faults{0};
  const auto reader = [&] {
    while (!is_over) {
      const auto timeline = archive->timeline();
      if (timeline->empty()) continue;
      for (std::uint64_t n = timeline->first_slot(); n < timeline->end_slot(); ++n) {
        const timeline::SlotView slot = *timeline->find(n);
        for (const timeline::Chunk& chunk : slot.chunks) {
          const auto bytes = archive->read(chunk);
          const bool is_gone = !bytes.ok() && bytes.error().code == ErrorCode::not_found;
          const bool is_right = bytes.ok() && as_text(bytes->bytes()) == chunk_text(chunk.track, n);
          if (!is_right && !is_gone) ++faults;
          ++reads;
        }
      }
      for (const timeline::Cut& cut : timeline->presentation("e")->cuts) {
        if (timeline->find(cut.first_slot) == nullptr) ++faults;
      }
      if (!archive->init(1, 1).ok()) ++faults;
      (void)archive->statistics();
    }
  };
  std::thread one{reader};
  std::thread two{reader};
  std::atomic<std::uint64_t> heard{0};
  const std::uint64_t listener = archive->add_listener([&] { ++heard; });
  for (std::uint64_t slot = 1; slot <= 300; ++slot) {
    if (slot % 15 == 0) {
      begin(*archive, static_cast<std::uint32_t>(slot), slot);
      EXPECT_TRUE(archive->trim(utc_of_slot(slot - 10)).ok());
    }
    const std::uint64_t stretch = slot < 15 ? 1 : slot / 15 * 15;
    EXPECT_TRUE(write_slot(*archive, slot, static_cast<std::uint32_t>(stretch)).ok());
    while (slot == 1 && reads == 0) std::this_thread::yield();
  }
  archive->remove_listener(listener);
  is_over = true;
  one.join();
  two.join();
  EXPECT_EQ(faults, 0U);
  EXPECT_GT(reads, 0U);
  EXPECT_GE(heard, 300U);
}

TEST(Load, ArchivesAreOpenedAndClosedByManyThreadsAtOnce) {
  const ScratchDirectory scratch;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        const auto opened = Archive::open(scratch.path("a/" + std::to_string(round)));
        EXPECT_TRUE(opened.ok()) << opened.error().message;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace tarn::archive
