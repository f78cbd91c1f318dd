// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/status_json.h"

#include <initializer_list>
#include <set>

#include "core/base/text.h"
#include "core/timeline/gaps.h"
#include "server/model/json.h"
#include "server/runtime/input_state.h"

namespace tarn::server {
namespace {

JsonPtr count(std::uint64_t value) { return json_number(static_cast<std::int64_t>(value)); }

JsonPtr event_json(const std::optional<InputHistory::Event>& event, const std::string& what) {
  if (!event) return json_null();
  JsonObjectBuilder out;
  out.add("at", format_utc_seconds(event->at)).add(what, event->text);
  return out.take();
}

JsonPtr number_or_text(const std::string& value) {
  const auto number = parse_i64(value);
  return number ? json_number(*number) : json_text(value);
}

// What the elements count; the state and the drift (µs) that the merger sees go beside the rest.
void add_statistics(const std::vector<std::pair<std::string, std::string>>& statistics,
                    const std::optional<std::string>& failing, JsonObjectBuilder& out) {
  JsonObjectBuilder counters;
  for (const auto& [name, value] : statistics) {
    if (name != "state" && name != "drift") counters.add(name, number_or_text(value));
  }
  const auto [state, reason, drift] = input_state(statistics, failing);
  out.add("state", state.empty() ? json_null() : json_text(state))
      .add("stateReason", reason ? json_text(*reason) : json_null())
      .add("drift", drift ? json_number(drift->count()) : json_null())
      .add("statistics", counters.take());
}

JsonPtr input_json(const Channel& channel, const ChannelRuntime::State& state, std::size_t index,
                   Monotonic now) {
  const InputHistory& input = state.inputs[index];
  const Microseconds patience = std::chrono::seconds{channel.segment_duration} * 3;
  JsonObjectBuilder out;
  out.add("id", channel.inputs[index].id)
      .add("connected", json_boolean(input.is_connected(now, patience)))
      .add("active", json_boolean(state.active_input == channel.inputs[index].id))
      .add("lastSegment", event_json(input.last_segment(), "name"))
      .add("lastError", event_json(input.last_error(), "error"))
      .add("objects", count(input.objects()))
      .add("refused", count(input.refused()))
      .add("bytes", count(input.bytes()))
      .add("bitrate", count(input.bitrate(now)));
  add_statistics(state.input_statistics[index],
                 input.is_connected(now, patience) ? input.failing() : std::nullopt, out);
  JsonArrayBuilder conditions;
  for (const auto& [code, condition] : state.conditions[index]) {
    JsonObjectBuilder one;
    one.add("code", code).add("since", format_utc_seconds(condition.since));
    if (!condition.reason.empty()) one.add("reason", condition.reason);
    conditions.add(one.take());
  }
  out.add("conditions", conditions.take());
  return out.take();
}

JsonPtr track_json(const timeline::Track& track) {
  const auto& info = track.description.info;
  JsonObjectBuilder out;
  out.add("id", count(track.id))
      .add("kind", codecs::kind_of(info.codec) == codecs::Kind::video   ? "VIDEO"
                   : codecs::kind_of(info.codec) == codecs::Kind::audio ? "AUDIO"
                                                                        : "TEXT")
      .add("codec", codecs::name_of(info.codec))
      .add("codecString", info.codec_string);
  if (codecs::kind_of(info.codec) == codecs::Kind::video) {
    out.add("width", count(info.width)).add("height", count(info.height));
  }
  if (codecs::kind_of(info.codec) == codecs::Kind::audio) {
    out.add("sampleRate", count(info.sample_rate)).add("channels", count(info.channels));
  }
  if (!track.description.language.empty()) out.add("language", track.description.language);
  return out.take();
}

JsonPtr tracks_json(const timeline::Timeline& timeline) {
  JsonArrayBuilder out;
  if (!timeline.stretches.empty()) {
    for (const timeline::Track& track : timeline.stretches.rbegin()->second->tracks) {
      out.add(track_json(track));
    }
  }
  return out.take();
}

constexpr std::size_t gaps_told = 20;

JsonPtr gaps_json(const timeline::Timeline& timeline) {
  JsonArrayBuilder out;
  for (const timeline::Gap& gap : timeline::recent_gaps(timeline, gaps_told)) {
    JsonArrayBuilder tracks;
    for (const timeline::TrackId track : gap.tracks) tracks.add(count(track));
    JsonObjectBuilder one;
    one.add("start", format_utc(gap.start))
        .add("end", format_utc(gap.end))
        .add("reason", gap.tracks.empty() ? "OUTAGE" : "MISSING")
        .add("tracks", tracks.take())
        .add("recovered", json_boolean(gap.recovered));
    out.add(one.take());
  }
  return out.take();
}

JsonPtr timeline_json(const timeline::Timeline& timeline) {
  if (timeline.empty()) return json_null();
  const auto first = timeline.find(timeline.first_slot());
  const auto last = timeline.find(timeline.end_slot() - 1);
  const timeline::Stretch* stretch = timeline.stretch(last->stretch);
  const timeline::Track* ruler = stretch == nullptr ? nullptr : stretch->find(stretch->reference);
  Utc end = last->utc;
  if (ruler != nullptr) end += to_microseconds(last->end - last->start, ruler->description.info.timescale);
  JsonObjectBuilder out;
  out.add("start", format_utc(first->utc))
      .add("end", format_utc(end))
      .add("slots", count(timeline.end_slot() - timeline.first_slot()))
      .add("stretches", count(timeline.stretches.size()))
      .add("ended", json_boolean(timeline.ended.has_value()))
      .add("gaps", gaps_json(timeline));
  return out.take();
}

JsonPtr switches_json(const ChannelRuntime::State& state) {
  JsonArrayBuilder out;
  for (const auto& entry : state.switches) {
    JsonObjectBuilder one;
    one.add("at", format_utc_seconds(entry.at))
        .add("from", entry.from)
        .add("to", entry.to)
        .add("reason", entry.reason);
    out.add(one.take());
  }
  return out.take();
}

JsonPtr errors_json(const std::deque<InputHistory::Event>& errors) {
  JsonArrayBuilder out;
  for (const auto& error : errors) out.add(event_json(error, "error"));
  return out.take();
}

JsonPtr texts_json(const std::vector<std::string>& texts) {
  JsonArrayBuilder out;
  for (const std::string& text : texts) out.add(json_text(text));
  return out.take();
}

// Never a key.
JsonPtr key_ids_json(std::initializer_list<const drm::ContentKeys*> all) {
  JsonArrayBuilder ids;
  std::set<std::string> seen;
  for (const drm::ContentKeys* keys : all) {
    if (keys == nullptr) continue;
    for (const drm::TrackKeys* track : {&keys->video, &keys->audio}) {
      const std::string id = drm::to_text(track->key.kid);
      if (seen.insert(id).second) ids.add(json_text(id));
    }
  }
  return ids.take();
}

JsonPtr keys_json(const KeyStatus& status) {
  JsonObjectBuilder out;
  out.add("state", status.keys                 ? "READY"
                   : status.last_error.empty() ? "WAITING"
                                               : "FAILED")
      .add("keyIds", key_ids_json({status.keys.get(), status.previous.get()}))
      .add("nextKeyIds", key_ids_json({status.next.get()}))
      .add("requests", count(status.requests))
      .add("lastRequestAt",
           status.last_request ? json_text(format_utc_seconds(*status.last_request)) : json_null())
      .add("lastError", status.last_error.empty() ? json_null() : json_text(status.last_error));
  return out.take();
}

// Why nothing is stored.
JsonPtr storage_error(const ChannelRuntime::State& state, const archive::Archive& archive) {
  const Status health = archive.health();
  if (!health) return json_text(health.error().message);
  return state.storage_error.empty() ? json_null() : json_text(state.storage_error);
}

// S30: days that were lowered hold for another while.
JsonPtr retention_json(const KeptContent& kept, const std::optional<Utc>& sacrificed_before,
                       const Clocks& clocks) {
  const Monotonic now = clocks.monotonic();
  const auto grace = kept.days.grace(now);
  JsonObjectBuilder out;
  out.add("timeShiftDays", count(kept.days.set_to()))
      .add("keptDays", count(kept.days.at(now)))
      .add("keptUntil", grace ? json_text(format_utc_seconds(clocks.utc() + *grace)) : json_null())
      .add("quotaBytes", kept.quota ? count(*kept.quota) : json_null())
      .add("sacrificedBefore",
           sacrificed_before ? json_text(format_utc_seconds(*sacrificed_before)) : json_null());
  return out.take();
}

}  // namespace

std::string channel_status_json(const Channel& channel, const ChannelRuntime::State& state,
                                const archive::Archive& archive, const KeptContent& kept,
                                const Delivered& delivered, const Clocks& clocks) {
  const Monotonic now = clocks.monotonic();
  const auto timeline = archive.timeline();
  const auto statistics = archive.statistics();
  JsonArrayBuilder inputs;
  for (std::size_t i = 0; i < channel.inputs.size(); ++i) inputs.add(input_json(channel, state, i, now));
  JsonObjectBuilder stored;
  stored.add("chunks", count(statistics.chunks))
      .add("bytes", count(statistics.bytes))
      .add("error", storage_error(state, archive))
      .add("repairs", texts_json(archive.repairs()));
  JsonObjectBuilder playback;
  playback.add("requests", count(delivered.requests))
      .add("failed", count(delivered.failed))
      .add("bytes", count(delivered.bytes));
  JsonObjectBuilder out;
  out.add("inputs", inputs.take())
      .add("activeInput", state.active_input.empty() ? json_null() : json_text(state.active_input))
      .add("switchCount", count(state.switch_count))
      .add("switches", switches_json(state))
      .add("tracks", tracks_json(*timeline))
      .add("timeline", timeline_json(*timeline))
      .add("archive", stored.take())
      .add("playback", playback.take())
      .add("retention", retention_json(kept, state.sacrificed_before, clocks))
      .add("errors", errors_json(state.errors));
  return print_json(out.take().get());
}

std::string endpoint_status_json(const Endpoint& endpoint, const EndpointRuntime::State& state,
                                 const timeline::Timeline& timeline, const std::optional<KeyStatus>& keys) {
  const timeline::Presentation* presentation = timeline.presentation(endpoint.id);
  JsonObjectBuilder out;
  out.add("pipeline", state.pipeline ? "RUNNING" : "IDLE")
      .add("requests", count(state.requests))
      .add("packagedSegments", count(state.packaged))
      .add("failures", count(state.failures))
      .add("lastError", state.last_error.empty() ? json_null() : json_text(state.last_error))
      .add("segments", count(presentation == nullptr ? 0 : presentation->cuts.size()))
      .add("generation", count(presentation == nullptr || presentation->generations.empty()
                                   ? 0
                                   : presentation->generations.back().number))
      .add("drm", keys ? keys_json(*keys) : json_null());
  return print_json(out.take().get());
}

std::string broken_status(const std::string& error) {
  JsonObjectBuilder out;
  out.add("error", error);
  return print_json(out.take().get());
}

}  // namespace tarn::server
