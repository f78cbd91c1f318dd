// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/event_message.h"

#include <utility>

#include "core/isobmff/box_reader.h"
#include "core/isobmff/fourcc.h"

namespace tarn::isobmff {
namespace {

using codecs::EventMessage;

constexpr FourCC event_type = fourcc("emsg");
constexpr FourCC instance_type = fourcc("emib");
constexpr std::uint64_t latest_time = std::uint64_t{1} << 60U;

// A string of the specification: up to a zero byte.
std::string read_string(Reader& in) {
  std::string text;
  while (const std::uint8_t byte = in.u8()) {
    if (text.size() == codecs::max_event_scheme_size) in.fail();
    text.push_back(static_cast<char>(byte));
  }
  return text;
}

void write_string(Writer& out, std::string_view text) {
  out.text(text);
  out.u8(0);
}

std::size_t begin_box(Writer& out, FourCC type, std::uint8_t version) {
  const std::size_t start = out.position();
  out.u32(0);
  out.u32(type);
  out.u32(std::uint32_t{version} << 24U);
  return start;
}

void end_box(Writer& out, std::size_t start) {
  out.patch_u32(start, static_cast<std::uint32_t>(out.position() - start));
}

bool take_data(Reader& in, EventMessage& message) {
  if (!in.ok() || in.remaining() > codecs::max_event_size || message.scheme_id_uri.empty()) return false;
  const Bytes data = in.rest();
  message.data.assign(data.begin(), data.end());
  return true;
}

// Where the emsg boxes at the beginning end, and the payload begins.
struct Front {
  std::size_t events = 0;
  std::size_t size = 0;
};
std::optional<Front> front_of(Bytes chunk) {
  ReadContext context;
  Front front;
  std::size_t at = 0;
  while (const auto box = read_box_header(chunk, at, ErrorCode::truncated, context)) {
    if (box->type == event_type && at == front.events) front.events = box->end();
    at = box->end();
    if (box->type == fourcc("moof")) break;
  }
  // The mdat may be longer than what is here.
  Reader mdat{chunk.subspan(at)};
  const bool is_large = mdat.u32() == 1;
  if (mdat.u32() != fourcc("mdat") || !mdat.ok()) return std::nullopt;
  front.size = at + (is_large ? large_box_header_size : box_header_size);
  if (front.size > chunk.size()) return std::nullopt;
  return front;
}

}  // namespace

std::optional<EventBox> parse_event_box(Bytes payload) {
  Reader in{payload};
  const std::uint32_t version = in.u32() >> 24U;
  EventBox box;
  std::uint64_t time = 0;
  if (version == 0) {
    box.is_relative = true;
    box.message.scheme_id_uri = read_string(in);
    box.message.value = read_string(in);
    box.timescale = in.u32();
    time = in.u32();
    box.message.duration = in.u32();
    box.message.id = in.u32();
  } else if (version == 1) {
    box.timescale = in.u32();
    time = in.u64();
    box.message.duration = in.u32();
    box.message.id = in.u32();
    box.message.scheme_id_uri = read_string(in);
    box.message.value = read_string(in);
  } else {
    return std::nullopt;
  }
  if (box.timescale == 0 || time > latest_time || !take_data(in, box.message)) return std::nullopt;
  box.time = static_cast<std::int64_t>(time);
  return box;
}

void append_event_box(ByteVector& out, const EventMessage& message, std::uint32_t timescale,
                      std::int64_t time) {
  Writer writer{out};
  const std::size_t start = begin_box(writer, event_type, 1);
  writer.u32(timescale);
  writer.u64(static_cast<std::uint64_t>(time));
  writer.u32(message.duration);
  writer.u32(message.id);
  write_string(writer, message.scheme_id_uri);
  write_string(writer, message.value);
  writer.bytes(message.data);
  end_box(writer, start);
}

std::vector<ChunkEvent> events_of_chunks(Bytes chunks) {
  std::vector<ChunkEvent> events;
  ReadContext context;
  std::size_t at = 0;
  std::size_t chunk = 0;
  while (const auto box = read_box_header(chunks, at, ErrorCode::truncated, context)) {
    at = box->end();
    if (box->type == fourcc("moof")) ++chunk;
    if (box->type != event_type) continue;
    auto parsed =
        parse_event_box(chunks.subspan(box->offset + box->header_size, box->size - box->header_size));
    if (parsed) events.push_back({std::move(*parsed), chunk});
  }
  return events;
}

void gather_events(std::vector<std::vector<Blob>>& chunks) {
  ByteVector later;
  for (std::size_t i = 1; i < chunks.size(); ++i) {
    if (chunks[i].empty()) continue;
    Blob& front = chunks[i].front();
    const auto found = front_of(front.bytes());
    if (!found || found->events == 0) continue;
    const Bytes events = front.bytes().first(found->events);
    later.insert(later.end(), events.begin(), events.end());
    front = front.slice(found->events, front.size() - found->events);
  }
  if (later.empty() || chunks.front().empty()) return;
  std::vector<Blob>& first = chunks.front();
  const Blob whole = first.front();
  const auto found = front_of(whole.bytes());
  if (!found) return;
  const Bytes before = whole.bytes().first(found->size);
  later.insert(later.begin(), before.begin(), before.begin() + static_cast<std::ptrdiff_t>(found->events));
  later.insert(later.end(), before.begin() + static_cast<std::ptrdiff_t>(found->events), before.end());
  first.front() = Blob::of(std::move(later));
  if (found->size < whole.size()) {
    first.insert(first.begin() + 1, whole.slice(found->size, whole.size() - found->size));
  }
}

ByteVector write_event_instances(std::span<const EventMessage> messages) {
  ByteVector out;
  Writer writer{out};
  for (const EventMessage& message : messages) {
    const std::size_t start = begin_box(writer, instance_type, 0);
    writer.u32(0);
    writer.u64(static_cast<std::uint64_t>(message.delta));
    writer.u32(message.duration);
    writer.u32(message.id);
    write_string(writer, message.scheme_id_uri);
    write_string(writer, message.value);
    writer.bytes(message.data);
    end_box(writer, start);
  }
  return out;
}

std::vector<EventMessage> read_event_instances(Bytes boxes) {
  std::vector<EventMessage> messages;
  ReadContext context;
  std::size_t at = 0;
  while (const auto box = read_box_header(boxes, at, ErrorCode::malformed, context)) {
    at = box->end();
    if (box->type != instance_type) continue;
    Reader in{boxes.subspan(box->offset + box->header_size, box->size - box->header_size)};
    if (in.u32() >> 24U != 0) continue;
    EventMessage message;
    in.skip(4);
    message.delta = in.i64();
    message.duration = in.u32();
    message.id = in.u32();
    message.scheme_id_uri = read_string(in);
    message.value = read_string(in);
    const auto latest = static_cast<std::int64_t>(latest_time);
    if (message.delta > latest || message.delta < -latest || !take_data(in, message)) continue;
    messages.push_back(std::move(message));
  }
  return messages;
}

}  // namespace tarn::isobmff
