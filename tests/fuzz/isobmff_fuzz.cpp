// SPDX-License-Identifier: Apache-2.0
// Both parsers on anything; what parses must keep its promises and survive being written again.
#include <cstdint>
#include <cstdlib>

#include "box_mutator.h"
#include "core/isobmff/cmaf.h"
#include "core/isobmff/event_message.h"

namespace {

using namespace tarn;

void require(bool holds) {
  if (!holds) std::abort();
}

void chunks(Bytes bytes) {
  const auto parsed = isobmff::parse_chunks(bytes);
  if (!parsed.ok()) return;
  isobmff::ChunkHeader header{.track_id = parsed->track_id, .samples = {}};
  std::size_t payload = 0;
  require(parsed->samples.size() <= 100'000);
  for (const isobmff::ParsedSample& sample : parsed->samples) {
    require(std::size_t{sample.offset} + sample.size <= bytes.size());
    header.samples.push_back(
        {sample.size, sample.duration, static_cast<std::int32_t>(sample.pts - sample.dts), sample.sync});
    payload += sample.size;
  }
  if (payload > (std::size_t{1} << 20U)) return;
  ByteVector again = isobmff::write_chunk_header(header);
  again.resize(again.size() + payload);
  const auto reparsed = isobmff::parse_chunks(again);
  require(reparsed.ok() && reparsed->samples.size() == parsed->samples.size());
  for (std::size_t i = 0; i < header.samples.size(); ++i) {
    const isobmff::ParsedSample& sample = reparsed->samples[i];
    require(sample.size == header.samples[i].size && sample.duration == header.samples[i].duration &&
            sample.pts - sample.dts == header.samples[i].composition_offset &&
            sample.sync == header.samples[i].sync);
  }
}

void init(Bytes bytes) {
  const auto parsed = isobmff::parse_init(bytes);
  if (!parsed.ok()) return;
  const auto again = isobmff::write_init(parsed->info, parsed->language);
  if (!again.ok()) return;
  const auto reparsed = isobmff::parse_init(*again);
  require(reparsed.ok() && reparsed->info.config == parsed->info.config);
}

// What is read of an event is written and read again as it was; moving events changes no byte of the payload.
void events(Bytes bytes) {
  for (const isobmff::ChunkEvent& event : isobmff::events_of_chunks(bytes)) {
    ByteVector box;
    isobmff::append_event_box(box, event.box.message, event.box.timescale, event.box.time);
    const auto again = isobmff::parse_event_box(Bytes{box}.subspan(8));
    require(again && again->message == event.box.message && again->time == event.box.time);
  }
  const auto instances = isobmff::read_event_instances(bytes);
  require(isobmff::read_event_instances(isobmff::write_event_instances(instances)) == instances);
  std::vector<std::vector<Blob>> twice{{Blob::copy_of(bytes)}, {Blob::copy_of(bytes)}};
  isobmff::gather_events(twice);
  std::size_t size = 0;
  for (const auto& chunk : twice) {
    for (const Blob& part : chunk) size += part.size();
  }
  require(size <= 2 * bytes.size());
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned seed) {
  fuzz::Random random{seed};
  return fuzz::give(fuzz::mutate_boxes({data, data + size}, random, most), data, most);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chunks({data, size});
  init({data, size});
  events({data, size});
  return 0;
}
