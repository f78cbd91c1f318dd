// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/channel_meters.h"

#include "server/runtime/input_history.h"

namespace tarn::server {
namespace {

Metrics::Labels with(Metrics::Labels labels, const char* name, std::string_view value) {
  labels.emplace_back(name, value);
  return labels;
}

std::string_view name_of(UploadAnswer::Outcome outcome) {
  switch (outcome) {
    case UploadAnswer::Outcome::created:
      return "created";
    case UploadAnswer::Outcome::replaced:
      return "replaced";
    case UploadAnswer::Outcome::held:
      return "held";
    case UploadAnswer::Outcome::refused:
      break;
  }
  return "refused";
}

std::string_view reason_of(const std::optional<Error>& error) {
  constexpr std::array<std::string_view, 11> names{"malformed", "truncated", "unsupported", "encrypted",
                                                   "limit",     "invalid",   "not_found",   "conflict",
                                                   "io",        "no_space",  "internal"};
  return error ? names[static_cast<std::size_t>(error->code)] : names.back();
}

}  // namespace

std::string input_name(int input) { return input == 0 ? "ingest1" : "ingest2"; }

ChannelMeters::ChannelMeters(Metrics& metrics, const Channel& channel)
    : metrics_(metrics), channel_{{"group", channel.group}, {"channel", channel.name}} {
  for (int input = 0; input < 2; ++input) {
    bytes_[static_cast<std::size_t>(input)] =
        metrics.held_counter("tarn_ingest_bytes_total", with(channel_, "input", input_name(input)));
  }
  acknowledgements_ = metrics.held_histogram("tarn_ingest_acknowledgement_seconds", channel_);
  switches_ = metrics.held_counter("tarn_input_switches_total", channel_);
  sacrificed_ = metrics.held_counter("tarn_archive_sacrificed_bytes_total", channel_);
}

Metrics::Counter& ChannelMeters::lookup(const std::string& family, const Metrics::Labels& labels) {
  auto& counter = counters_[{family, labels}];
  if (!counter) counter = metrics_.held_counter(family, labels);
  return *counter;
}

void ChannelMeters::taken(const UploadedObject& object, const UploadAnswer& answer, Microseconds time) {
  const auto input = with(channel_, "input", input_name(object.input));
  const auto kind = with(input, "kind", is_playlist_name(object.name) ? "playlist" : "segment");
  ++lookup("tarn_ingest_objects_total", with(kind, "result", name_of(answer.outcome)));
  *bytes_[static_cast<std::size_t>(object.input)] += object.body.size();
  if (answer.outcome == UploadAnswer::Outcome::refused) {
    ++lookup("tarn_ingest_refusals_total", with(input, "reason", reason_of(answer.error)));
  }
  acknowledgements_->observe(time);
}

}  // namespace tarn::server
