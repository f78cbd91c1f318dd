// SPDX-License-Identifier: Apache-2.0
#include "programme.h"

#include <unistd.h>

#include <cstdlib>
#include <sstream>

namespace tarn::archive {
namespace {

void describe(const timeline::Stretch& stretch, Archive& archive, std::ostream& out) {
  out << "stretch " << stretch.id << " from " << stretch.first_slot << " at " << format_utc(stretch.start)
      << " = " << stretch.start_time << " of track " << stretch.reference << "\n";
  for (const timeline::Track& track : stretch.tracks) {
    const timeline::TrackDescription& d = track.description;
    out << "  track " << track.id << " " << d.key << " " << codecs::name_of(d.info.codec) << " "
        << d.info.codec_string << " " << d.info.timescale << " " << d.info.width << "x" << d.info.height
        << " " << d.info.sample_rate << " " << d.info.channels << " " << hex(d.info.config) << " "
        << d.language << d.name << d.is_default << d.is_autoselect;
    for (const auto& use : d.variants) {
      out << " v" << use.variant << ":" << use.bandwidth << "/" << use.average_bandwidth;
    }
    const auto init = archive.init(track.id, track.config);
    out << " init " << track.config << " = " << (init.ok() ? as_text(init->bytes()) : "missing") << "\n";
  }
}

}  // namespace

std::string describe(Archive& archive) {
  const auto timeline = archive.timeline();
  std::ostringstream out;
  out << "available from " << format_utc(timeline->availability_start) << "\n";
  if (timeline->ended) out << "ended " << format_utc(*timeline->ended) << "\n";
  for (const auto& [id, stretch] : timeline->stretches) describe(*stretch, archive, out);
  for (std::uint64_t n = timeline->empty() ? 0 : timeline->first_slot();
       !timeline->empty() && n < timeline->end_slot(); ++n) {
    const timeline::SlotView slot = *timeline->find(n);
    out << "slot " << slot.number << " of " << slot.stretch << " " << slot.start << "-" << slot.end << " "
        << format_utc(slot.utc) << "\n";
    for (const timeline::Chunk& chunk : slot.chunks) {
      out << "  chunk " << chunk.serial << " of track " << chunk.track << " " << chunk.start << "+"
          << chunk.duration << (chunk.independent ? " independent " : " ") << read_text(archive, chunk)
          << "\n";
    }
  }
  for (const auto& [slot, anchor] : timeline->anchors) {
    out << "clock set in slot " << slot << " of " << anchor.stretch << " " << anchor.time << " = "
        << format_utc(anchor.utc) << "\n";
  }
  for (const auto& [name, presentation] : timeline->presentations) {
    out << "endpoint " << name << " " << presentation->endpoint << "\n";
    for (const auto& g : presentation->generations) {
      out << "  generation " << g.number << " from " << g.from_slot << " " << g.segment_duration
          << " s, target " << g.target_duration << "\n";
    }
    for (const auto& c : presentation->cuts) {
      out << "  cut " << c.number << " " << c.first_slot << "+" << c.slot_count << " stretch " << c.stretch
          << " generation " << c.generation << " " << format_utc(c.recorded)
          << (c.discontinuity ? " after " : " in ") << c.discontinuity_sequence << "\n";
    }
  }
  return out.str();
}

ScratchDirectory::ScratchDirectory() {
  // In memory where that is: what these tests ask for is right on any file system, and disks are slow.
  const std::filesystem::path memory = "/dev/shm";
  const bool has_memory = ::access(memory.c_str(), W_OK) == 0;
  std::string pattern =
      ((has_memory ? memory : std::filesystem::temp_directory_path()) / "tarn-archive-XXXXXX").string();
  const char* const made = ::mkdtemp(pattern.data());
  if (made == nullptr) std::abort();
  root_ = made;
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(root_, ignored);
}

std::string ScratchDirectory::copy(const std::string& from, const std::string& to) const {
  std::filesystem::copy(from, path(to), std::filesystem::copy_options::recursive);
  return path(to);
}

}  // namespace tarn::archive
