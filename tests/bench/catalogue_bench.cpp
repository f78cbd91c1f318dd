// SPDX-License-Identifier: Apache-2.0
// What a long archive costs, in virtual time: a catalogue of SLOTS slots of 2 s with a new stretch every day
// is opened, asked for manifests, and turned over slot by slot as retention does. No media: chunks are names.
// usage: catalogue_bench DIRECTORY SLOTS TURNS
// Prints one JSON line: memory, medians of times in microseconds. DIRECTORY is made and must not exist.
//        catalogue_bench fill CATALOGUE SLOTS TRACKS SECONDS ENDPOINT…
// Only makes a catalogue, whose programme begins at SECONDS since 1970, for tests of a server.
#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/archive/composed_archive.h"
#include "core/archive/salvage.h"
#include "core/archive/sqlite_catalogue.h"
#include "core/base/text.h"
#include "core/dash/render.h"
#include "core/hls/render.h"
#include "server/runtime/collection_plan.h"

namespace {

using namespace tarn;
using namespace tarn::archive;

constexpr std::uint32_t video_scale = 90'000;
constexpr std::uint32_t audio_scale = 48'000;
constexpr std::int64_t gop_seconds = 2;
constexpr std::uint64_t slots_per_stretch = 43'200;  // a day
constexpr std::uint64_t slots_per_volume = 300;      // ten minutes
constexpr std::uint64_t batch = 20'000;

// What the programme is: rungs of video and their audio, which is the last track.
timeline::TrackId tracks = 4;
Utc begin_of_time{Microseconds{1'700'000'000'000'000}};

// Where the bytes would be: what is measured is what the archive knows about them.
class NoChunks final : public ChunkStore {
 public:
  std::vector<std::uint32_t> recover(std::uint32_t) override { return {}; }
  Result<timeline::ChunkLocation> append(const VolumeHead& head, const ChunkLabel& label,
                                         std::span<const Blob> parts) override {
    const auto volume = static_cast<std::uint32_t>(label.slot / slots_per_volume * tracks + head.track);
    return timeline::ChunkLocation{volume, static_cast<std::uint32_t>(parts.front().size()), 0};
  }
  Status sync() override { return {}; }
  Result<std::vector<Blob>> read(const timeline::Chunk&) override { return not_found("no bytes"); }
  [[nodiscard]] Result<Salvage> salvage() const override { return Salvage{}; }
  Status remove(std::uint32_t) override { return {}; }
  [[nodiscard]] std::uint64_t bytes() const override { return 0; }
};

template <class T>
T need(Result<T> result) {
  if (result.ok()) return std::move(result).value();
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}
void need(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.error().message.c_str());
  std::exit(1);
}

Utc utc_of(std::uint64_t slot) {
  return begin_of_time + std::chrono::seconds{(static_cast<std::int64_t>(slot) - 1) * gop_seconds};
}
std::int64_t start_of(std::uint64_t slot, std::uint32_t scale) {
  return static_cast<std::int64_t>(slot) * gop_seconds * scale;
}
std::uint32_t stretch_of(std::uint64_t slot) {
  return static_cast<std::uint32_t>((slot - 1) / slots_per_stretch + 1);
}
// What differs from slot to slot in a way that nothing predicts, as sizes do.
std::uint64_t noise(std::uint64_t number, std::uint64_t limit) {
  number = (number ^ (number >> 30U)) * 0xbf58476d1ce4e5b9U;
  number = (number ^ (number >> 27U)) * 0x94d049bb133111ebU;
  return (number ^ (number >> 31U)) % limit;
}

std::uint32_t scale_of(timeline::TrackId track) { return track == tracks ? audio_scale : video_scale; }

// Audio is cut between its frames.
std::int64_t chunk_start(std::uint64_t slot, timeline::TrackId track) {
  const std::int64_t start = start_of(slot, scale_of(track));
  constexpr std::int64_t frame = 1024;
  return track == tracks ? (start + frame - 1) / frame * frame : start;
}

timeline::Stretch make_stretch(std::uint32_t id) {
  timeline::Stretch stretch;
  stretch.id = id;
  stretch.first_slot = (id - 1) * slots_per_stretch + 1;
  stretch.start = utc_of(stretch.first_slot);
  stretch.start_time = start_of(stretch.first_slot, video_scale);
  stretch.reference = 1;
  for (timeline::TrackId track = 1; track <= tracks; ++track) {
    const bool is_audio = track == tracks;
    timeline::Track& made = stretch.tracks.emplace_back();
    made.id = track;
    made.config = 1;
    made.description.key = is_audio ? "a0" : "v" + std::to_string(track - 1);
    codecs::StreamInfo& info = made.description.info;
    info.codec = is_audio ? codecs::Codec::aac : codecs::Codec::h264;
    info.codec_string = is_audio ? "mp4a.40.2" : "avc1.64001F";
    info.timescale = scale_of(track);
    info.width = is_audio ? 0 : 640 * track;
    info.height = is_audio ? 0 : 360 * track;
    info.sample_rate = is_audio ? audio_scale : 0;
    info.channels = is_audio ? 2 : 0;
    for (std::uint32_t variant = 0; variant + 1 < tracks; ++variant) {
      if (is_audio || variant == track - 1) made.description.variants.push_back({variant, 5'000'000, 0});
    }
  }
  return stretch;
}

timeline::SlotListed make_listing(std::uint64_t number) {
  timeline::SlotListed listed;
  listed.number = number;
  listed.stretch = stretch_of(number);
  listed.start = start_of(number, video_scale);
  listed.end = start_of(number + 1, video_scale);
  listed.utc = utc_of(number);
  return listed;
}

timeline::Slot make_slot(std::uint64_t number) {
  const timeline::SlotListed listed = make_listing(number);
  timeline::Slot slot;
  slot.number = number;
  slot.stretch = listed.stretch;
  slot.start = listed.start;
  slot.end = listed.end;
  slot.utc = listed.utc;
  for (timeline::TrackId track = 1; track <= tracks; ++track) {
    timeline::Chunk chunk;
    chunk.track = track;
    chunk.start = chunk_start(number, track);
    chunk.duration = chunk_start(number + 1, track) - chunk.start;
    chunk.serial = number * tracks + track;
    const std::uint64_t in_volume = number % slots_per_volume;
    const std::uint64_t varies = noise(chunk.serial, 100'000);
    const auto size = static_cast<std::uint32_t>(350'000 * track + varies);
    chunk.location = {static_cast<std::uint32_t>(number / slots_per_volume * tracks + track), size,
                      in_volume * 450'000 * track + 3 * varies};
    slot.chunks.push_back(chunk);
  }
  return slot;
}

// As a month of writing leaves it: one slot a segment in two endpoints.
void fill(const std::string& path, std::uint64_t slots, const std::vector<std::string>& endpoints) {
  const auto catalogue = need(open_sqlite_catalogue(path, Absent::create));
  std::uint32_t last_stretch = 0;
  for (std::uint64_t first = 1; first <= slots; first += batch) {
    Change change;
    if (first == 1) {
      for (timeline::TrackId track = 1; track <= tracks; ++track) {
        change.inits.push_back({track, 1, Blob::copy_of(as_bytes("init" + std::to_string(track)))});
      }
      change.availability_start = begin_of_time;
      change.serial_limit = (slots + 2) * tracks;
    }
    for (std::uint64_t number = first; number < first + batch && number <= slots; ++number) {
      if (stretch_of(number) != last_stretch) change.stretches.push_back(make_stretch(++last_stretch));
      change.slots.push_back(make_slot(number));
      for (const std::string& name : endpoints) {
        EndpointChange& endpoint = change.endpoints[name];
        const bool breaks = number % slots_per_stretch == 1 && number > 1;
        endpoint.cuts.push_back({number, number, 1, last_stretch, 1,
                                 utc_of(number + 1) + Microseconds{noise(number, 50'000)}, breaks,
                                 last_stretch - 1});
        if (number != 1) continue;
        endpoint.head = StoredEndpoint{};
        endpoint.head->channel_segment_duration = gop_seconds;
        endpoint.head->last_generation = 1;
        endpoint.generations = {{1, 1, gop_seconds, gop_seconds, utc_of(1)}};
      }
    }
    need(catalogue->commit(change));
  }
}

double megabytes_resident() {
  std::ifstream file{"/proc/self/statm"};
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  file >> size >> resident;
  return static_cast<double>(resident) * 4096 / 1e6;
}

double timed(const auto& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begun).count();
}

double quantile(std::vector<double> values, double which) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1,
                         static_cast<std::size_t>(which * static_cast<double>(values.size())))];
}

// Of the processor, so that a busy machine says the same.
double timed_of_processor(const auto& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
  };
  const double begun = now();
  work();
  return now() - begun;
}

double median_of(int rounds, const auto& work) {
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) times.push_back(timed_of_processor(work));
  return quantile(times, 0.5);
}

// Of both endpoints' manifests: `query` as a client would send it.
double manifest_time(const Archive& archive, bool is_dash, const std::string& query, int rounds) {
  timeline::OutputSettings settings;
  settings.endpoint = is_dash ? "dash" : "hls";
  settings.protocol = is_dash ? timeline::Protocol::dash : timeline::Protocol::hls;
  settings.segment_duration = gop_seconds;
  const auto asked = need(timeline::parse_window_query(query));
  const timeline::WindowLimits limits{std::chrono::hours{24 * 31}, std::chrono::hours{24}};
  return median_of(rounds, [&] {
    const auto timeline = archive.timeline();
    const Utc now = timeline->find(timeline->end_slot() - 1)->utc + std::chrono::seconds{gop_seconds};
    const auto& presentation = *timeline->presentation(settings.endpoint);
    const auto window = need(timeline::resolve_window(*timeline, presentation, asked, limits, now));
    const std::string text =
        is_dash ? need(dash::render_mpd(*timeline, settings, "", window))
                : need(hls::render_media(*timeline, settings, "v1a" + std::to_string(tracks), window));
    if (text.size() < 100) std::exit(1);
  });
}

// Of what a collection task looks at every two seconds: the whole range, or what has come since `known`.
double plan_time(const Archive& archive, std::uint64_t first, std::uint64_t last, Utc known, int rounds) {
  timeline::OutputSettings settings;
  settings.endpoint = "hls";
  settings.protocol = timeline::Protocol::hls_cmaf;
  settings.segment_duration = gop_seconds;
  return median_of(rounds, [&] {
    const auto plan = need(server::plan_collection(*archive.timeline(), settings, utc_of(first),
                                                   utc_of(last) + std::chrono::hours{24}, {false, known}));
    if (plan.media.empty()) std::exit(1);
  });
}

struct Turned {
  std::vector<double> listing;
  std::vector<double> trimming;
};

// The newest slot comes and the oldest goes, `turns` times.
Turned turn_over(Archive& archive, std::uint64_t slots, std::uint64_t turns) {
  Turned turned;
  turned.listing.reserve(turns);
  turned.trimming.reserve(turns);
  const Blob bytes = Blob::copy_of(as_bytes("a chunk"));
  (void)archive.resume();
  for (std::uint64_t number = slots + 1; number <= slots + turns; ++number) {
    turned.listing.push_back(timed([&] {
      if (stretch_of(number) != stretch_of(number - 1)) {
        std::vector<Blob> inits;
        for (timeline::TrackId track = 1; track <= tracks; ++track) {
          inits.push_back(Blob::copy_of(as_bytes("init" + std::to_string(track))));
        }
        need(archive.begin_stretch(make_stretch(stretch_of(number)), inits));
      }
      for (timeline::TrackId track = 1; track <= tracks; ++track) {
        need(archive.append({track,
                             number,
                             start_of(number, scale_of(track)),
                             gop_seconds * scale_of(track),
                             true,
                             {bytes}}));
      }
      need(archive.list_slot(make_listing(number), utc_of(number + 1)));
    }));
    // What ends at `oldest` is kept.
    const Utc oldest = utc_of(number - slots + 1) + Microseconds{1};
    turned.trimming.push_back(timed([&] { need(archive.trim(oldest)); }));
  }
  const auto timeline = archive.timeline();
  if (timeline->end_slot() - timeline->first_slot() != slots) {
    std::fprintf(stderr, "%lu slots are left of %lu\n",
                 static_cast<unsigned long>(timeline->end_slot() - timeline->first_slot()),
                 static_cast<unsigned long>(slots));
    std::exit(1);
  }
  return turned;
}

// Medians of the first and the last tenth of what was done: whether it becomes dearer.
double first_tenth(const std::vector<double>& values) {
  return quantile({values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 10 + 1)},
                  0.5);
}
double last_tenth(const std::vector<double>& values) {
  return quantile({values.end() - static_cast<std::ptrdiff_t>(values.size() / 10 + 1), values.end()}, 0.5);
}

std::string iso(Utc time) { return format_utc(time); }

}  // namespace

int main(int count, char** arguments) {
  if (count > 6 && std::string{arguments[1]} == "fill") {
    tracks = static_cast<timeline::TrackId>(parse_u64(arguments[4]).value_or(2));
    begin_of_time = Utc{std::chrono::seconds{parse_i64(arguments[5]).value_or(0)}};
    fill(arguments[2], parse_u64(arguments[3]).value_or(0), {arguments + 6, arguments + count});
    return 0;
  }
  if (count != 4) return 2;
  const std::string directory = arguments[1];
  const std::uint64_t slots = parse_u64(arguments[2]).value_or(0);
  const std::uint64_t turns = parse_u64(arguments[3]).value_or(0);
  if (slots < 100 || turns == 0 || !std::filesystem::create_directories(directory)) return 2;
  const std::string path = directory + "/catalogue.db";
  fill(path, slots, {"hls", "dash"});

  malloc_trim(0);
  const double before = megabytes_resident();
  std::shared_ptr<ComposedArchive> archive;
  const double opening = timed([&] {
    archive = std::make_shared<ComposedArchive>(directory, std::make_unique<NoChunks>(),
                                                need(open_sqlite_catalogue(path, Absent::refuse)), 1 << 20);
    need(archive->load());
  });
  const double loaded = megabytes_resident() - before;
  const auto stored = std::filesystem::file_size(path);

  const double live_hls = manifest_time(*archive, false, "", 101);
  const double live_dash = manifest_time(*archive, true, "", 101);
  // The last whole day before the last hour, or what there is of it.
  const std::uint64_t end = slots > 1800 ? slots - 1800 : slots;
  const std::uint64_t start = end > slots_per_stretch ? end - slots_per_stretch : 1;
  const std::string day = "start=" + iso(utc_of(start)) + "&end=" + iso(utc_of(end));
  const double day_hls = manifest_time(*archive, false, day, 11);
  const double day_dash = manifest_time(*archive, true, day, 11);

  const double plan_day = plan_time(*archive, start, slots, Utc{}, 11);
  const double plan_new = plan_time(*archive, start, slots, utc_of(slots), 101);

  malloc_trim(0);
  const Turned turned = turn_over(*archive, slots, turns);
  const double own = static_cast<double>(2 * turns * sizeof(double)) / 1e6;  // what was measured
  const double after = megabytes_resident() - before - own;
  std::printf(
      "{\"slots\": %lu, \"open_us\": %.0f, \"loaded_mb\": %.1f, \"stored_bytes\": %lu, \"live_hls_us\": "
      "%.1f, "
      "\"live_dash_us\": %.1f, \"day_hls_us\": %.0f, \"day_dash_us\": %.0f, \"plan_day_us\": %.0f, "
      "\"plan_new_us\": %.1f, "
      "\"list_us\": %.1f, "
      "\"list_p99_us\": "
      "%.1f, \"trim_us\": %.1f, \"trim_p99_us\": %.1f, \"list_first_us\": %.1f, \"list_last_us\": %.1f, "
      "\"trim_first_us\": %.1f, \"trim_last_us\": %.1f, \"turned_mb\": %.1f}\n",
      static_cast<unsigned long>(slots), opening, loaded, static_cast<unsigned long>(stored), live_hls,
      live_dash, day_hls, day_dash, plan_day, plan_new, quantile(turned.listing, 0.5),
      quantile(turned.listing, 0.99), quantile(turned.trimming, 0.5), quantile(turned.trimming, 0.99),
      first_tenth(turned.listing), last_tenth(turned.listing), first_tenth(turned.trimming),
      last_tenth(turned.trimming), after);
  std::filesystem::remove_all(directory);
  return 0;
}
