// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/metric_list.h"

namespace tarn::server {
namespace {

struct Description {
  const char* name;
  Metrics::Kind kind;
  const char* help;
};

constexpr auto counter = Metrics::Kind::counter;
constexpr auto gauge = Metrics::Kind::gauge;
constexpr auto histogram = Metrics::Kind::histogram;

// One line each: tests/house/metrics.py reads them.
// clang-format off
constexpr Description descriptions[] = {
    {"tarn_build_info", gauge, "1, with the version of the server."},
    {"process_start_time_seconds", gauge, "When the process started, in seconds since 1970."},
    {"process_cpu_seconds_total", counter, "CPU time of the process, user and system."},
    {"process_resident_memory_bytes", gauge, "Memory of the process that is in RAM."},
    {"process_virtual_memory_bytes", gauge, "Address space of the process."},
    {"process_open_fds", gauge, "Open file descriptors."},
    {"process_max_fds", gauge, "Limit of open file descriptors."},
    {"process_threads", gauge, "Threads of the process."},

    {"tarn_http_connections", gauge, "Open connections of clients."},
    {"tarn_http_requests_total", counter, "Requests answered; status 0: the client left before."},
    {"tarn_http_refusals_total", counter, "Connections and requests turned away before any handler, by reason."},
    {"tarn_http_request_bytes_total", counter, "Bytes of request bodies received."},
    {"tarn_http_response_bytes_total", counter, "Bytes of response bodies."},
    {"tarn_http_request_duration_seconds", histogram, "From a request's head to the end of its answer, by kind."},

    {"tarn_ingest_objects_total", counter, "Playlists and segments received, by kind and result."},
    {"tarn_ingest_bytes_total", counter, "Bytes of playlists and segments received; to bill from."},
    {"tarn_ingest_refusals_total", counter, "Playlists and segments that were refused, by reason."},
    {"tarn_ingest_acknowledgement_seconds", histogram, "From an object's last byte to its answer."},
    {"tarn_input_connected", gauge, "1: something came within three segments' time."},
    {"tarn_input_active", gauge, "1: the timeline is made of this input."},
    {"tarn_input_bitrate_bits", gauge, "Bits a second of segments over the last half minute."},
    {"tarn_input_state", gauge, "1: never-seen, live, late, stalled, failing or ended, by state."},
    {"tarn_input_drift_seconds", gauge, "How much later than the other input's its last common GOP came."},
    {"tarn_input_condition", gauge, "1 while the input sends in a way that costs quality, by condition."},
    {"tarn_input_switches_total", counter, "Changes of a channel's active input."},

    {"tarn_timeline_lag_seconds", gauge, "Now minus the UTC at which the channel's content ends."},
    {"tarn_timeline_start_seconds", gauge, "UTC of the oldest content, in seconds since 1970."},
    {"tarn_channel_running", gauge, "0: the channel was stopped, and takes nothing."},
    {"tarn_archive_failed", gauge, "1: the channel's storage has failed, nothing is acknowledged any more."},
    {"tarn_archive_bytes", gauge, "Bytes of the channel's content on disk."},
    {"tarn_archive_chunks", gauge, "Chunks of the channel's content."},
    {"tarn_archive_sacrificed_bytes_total", counter, "Bytes of content that --archive-quota had no room for."},
    {"tarn_log_dropped_total", counter, "Lines that the log had no room for because nobody read it."},
    {"tarn_retention_lag_seconds", gauge, "How much more is kept than is asked for."},

    {"tarn_playback_requests_total", counter, "Requests for an endpoint, by kind and class of the status."},
    {"tarn_playback_refusals_total", counter, "Requests for an endpoint that were refused, by X-Tarn-Reason."},
    {"tarn_delivered_bytes_total", counter, "Bytes of complete answers for an endpoint; to bill from."},
    {"tarn_packaged_bytes_total", counter, "Bytes of segments and headers that were packaged; to bill from."},
    {"tarn_packaged_segments_total", counter, "Segments and headers that were packaged."},
    {"tarn_packaging_failures_total", counter, "Segments, headers and manifests that could not be made."},
    {"tarn_packaging_duration_seconds", histogram, "Time to package one segment or header, by protocol."},
    {"tarn_packaging_pipelines", gauge, "1: the endpoint has a packaging pipeline now."},
    {"tarn_manifest_renders_total", counter, "Manifests written anew."},
    {"tarn_segment_cache_bytes", gauge, "Packaged segments in memory."},
    {"tarn_segment_cache_limit_bytes", gauge, "What packaged segments in memory may take."},
    {"tarn_segment_cache_hits_total", counter, "Segments and headers served from memory."},
    {"tarn_segment_cache_misses_total", counter, "Segments and headers that were packaged."},

    {"tarn_key_requests_total", counter, "Requests to key servers by outcome."},
    {"tarn_collection_tasks", gauge, "Collection tasks that are remembered, by state."},
    {"tarn_collection_tasks_retrying", gauge, "Collection tasks that wait out an error of their store."},
};
// clang-format on

}  // namespace

void describe_metrics(Metrics& metrics) {
  for (const Description& description : descriptions) {
    metrics.describe(description.name, description.kind, description.help);
  }
}

}  // namespace tarn::server
