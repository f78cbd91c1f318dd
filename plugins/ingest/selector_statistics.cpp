// SPDX-License-Identifier: Apache-2.0
#include "ingest/selector_statistics.h"

#include <string>

#include "gstkit/structure_io.h"

namespace tarn::ingest {
namespace {

using gstkit::StructurePtr;
using timeline::InputState;

const char* name_of(InputState state) {
  switch (state) {
    case InputState::never_seen:
      return "never-seen";
    case InputState::live:
      return "live";
    case InputState::late:
      return "late";
    case InputState::stalled:
      return "stalled";
    case InputState::ended:
      break;
  }
  return "ended";
}

std::string join(const std::vector<std::string>& keys) {
  std::string all;
  for (const std::string& key : keys) all += (all.empty() ? "" : ", ") + key;
  return all;
}

StructurePtr structure_of(const timeline::InputStatus& status, Monotonic now) {
  StructurePtr result{gst_structure_new_empty("tarn-input-stats")};
  gstkit::StructureWriter io{result.get()};
  io("state", std::string{name_of(status.state)});
  if (status.state != InputState::never_seen) {
    io("age", std::int64_t{(now - status.last_arrival).count()});
  }
  io("units", status.units);
  io("duplicates", status.duplicates);
  io("used", status.used);
  io("late", status.late);
  io("repaired", status.repaired);
  io("discarded", status.discarded);
  io("misaligned", status.misaligned);
  if (status.drift) io("drift", std::int64_t{status.drift->count()});
  return result;
}

}  // namespace

void SwitchHistory::add(const timeline::InputSwitched& switched, Utc time) {
  entries_.push_back({switched, time});
  if (entries_.size() > most) entries_.pop_front();
}

InputConditions conditions_of(const timeline::InputStatus& status) {
  return {.open_segments = status.open_segments,
          .pdt_rejected = status.pdt_rejected,
          .misaligned = status.misaligned,
          .misalignment = status.misalignment,
          .different_content = status.different_content,
          .different_gops = status.different_gops,
          .lagging = status.lagging,
          .missing_tracks = join(status.silent_tracks)};
}

std::vector<StructurePtr> changes_of(timeline::InputId input, const InputConditions& before,
                                     const InputConditions& now) {
  std::vector<StructurePtr> changes;
  const auto compare = [&](const char* name, bool was, bool is, bool same = true,
                           const std::string& tracks = {}, const std::string& reason = {}) {
    if (was == is && same) return;
    StructurePtr change{gst_structure_new_empty("tarn/input-condition")};
    gstkit::StructureWriter io{change.get()};
    io("input", input + 1);
    io("condition", std::string{name});
    io("state", std::string{is ? "set" : "cleared"});
    if (!tracks.empty()) io("tracks", tracks);
    if (!reason.empty()) io("reason", reason);
    changes.push_back(std::move(change));
  };
  compare("OPEN_SEGMENTS", before.open_segments, now.open_segments);
  compare("PDT_REJECTED", before.pdt_rejected, now.pdt_rejected);
  compare("MISALIGNED", before.misaligned, now.misaligned, true, {}, now.misalignment);
  compare("DIFFERENT_CONTENT", before.different_content, now.different_content);
  compare("DIFFERENT_GOPS", before.different_gops, now.different_gops);
  compare("LAGGING", before.lagging, now.lagging);
  compare("MISSING_TRACK", !before.missing_tracks.empty(), !now.missing_tracks.empty(),
          before.missing_tracks == now.missing_tracks, now.missing_tracks);
  return changes;
}

StructurePtr structure_of(const timeline::InputSwitched& switched) {
  StructurePtr result{gst_structure_new_empty("tarn/input-switched")};
  gstkit::StructureWriter io{result.get()};
  io("from", switched.from + 1);
  io("to", switched.to + 1);
  io("media-time", switched.media_time);
  io("reason", switched.reason);
  return result;
}

StructurePtr statistics_of(const timeline::Merger& merger, const SwitchHistory& switches, Monotonic now) {
  StructurePtr result{gst_structure_new_empty("tarn-ingest-stats")};
  for (timeline::InputId input = 0; input < 2; ++input) {
    const auto name = "ingest" + std::to_string(input + 1);
    const auto one = structure_of(merger.status(input, now), now);
    gst_structure_set(result.get(), name.c_str(), GST_TYPE_STRUCTURE, one.get(), nullptr);
  }
  GValue array = G_VALUE_INIT;
  g_value_init(&array, GST_TYPE_ARRAY);
  for (const auto& entry : switches.entries()) {
    const auto one = structure_of(entry.switched);
    gstkit::StructureWriter{one.get()}("time", entry.time);
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_STRUCTURE);
    gst_value_set_structure(&value, one.get());
    gst_value_array_append_and_take_value(&array, &value);
  }
  gst_structure_take_value(result.get(), "switches", &array);
  return result;
}

}  // namespace tarn::ingest
