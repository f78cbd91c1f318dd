// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/box_reader.h"

namespace tarn::isobmff {

void ReadContext::fail(ErrorCode code, std::string_view what) {
  if (error_) return;
  std::string message;
  for (std::size_t i = 0; i < depth_; ++i) {
    if (i > 0) message += '/';
    message += to_text(path_[i]);
  }
  if (depth_ > 0) message += ": ";
  message += what;
  error_ = Error{code, std::move(message)};
}

void ReadContext::count_box() {
  if (++boxes_ > most_boxes) fail(ErrorCode::limit, "more than 4096 boxes");
}

void ReadContext::enter(FourCC type) {
  if (depth_ == deepest) return fail(ErrorCode::limit, "boxes nested more than 12 deep");
  path_[depth_++] = type;
}

std::optional<RawBox> read_box_header(Bytes bytes, std::size_t offset, ErrorCode overrun,
                                      ReadContext& context) {
  if (offset == bytes.size() || !context.ok()) return std::nullopt;
  context.count_box();
  Reader reader{bytes.subspan(offset)};
  std::uint64_t size = reader.u32();
  RawBox box{.type = reader.u32(), .offset = offset, .header_size = box_header_size, .size = 0};
  if (size == 1) {
    size = reader.u64();
    box.header_size = large_box_header_size;
  } else if (size == 0) {  // to the end (14496-12 4.2)
    size = bytes.size() - offset;
  }
  const std::string place = " at byte " + std::to_string(offset);
  if (!reader.ok()) {
    context.fail(overrun, "box header cut short" + place);
  } else if (size < box.header_size) {
    context.fail(ErrorCode::malformed, to_text(box.type) + " box" + place + " is smaller than its header");
  } else if (size > bytes.size() - offset) {
    context.fail(overrun, to_text(box.type) + " box" + place + " goes past the end");
  }
  if (!context.ok()) return std::nullopt;
  box.size = static_cast<std::size_t>(size);
  return box;
}

void BoxReader::check(const char* name) {
  if (!reader_.ok()) context_.fail(ErrorCode::malformed, std::string{"too short for "} + name);
}

bool BoxReader::has_room(const char* name, std::size_t count, std::size_t entry_size) {
  if (!context_.ok()) return false;
  const std::size_t most = entry_size == 0 ? ReadContext::most_entries : reader_.remaining() / entry_size;
  if (count <= most && count <= ReadContext::most_entries) return true;
  const bool too_many = count > ReadContext::most_entries;
  context_.fail(too_many ? ErrorCode::limit : ErrorCode::malformed,
                (too_many ? "too many " : "too short for its ") + (std::to_string(count) + " ") + name);
  return false;
}

void BoxReader::index() {
  if (indexed_) return;
  indexed_ = true;
  std::size_t at = reader_.position();
  while (const auto child = read_box_header(payload_, at, ErrorCode::malformed, context_)) {
    children_.push_back(*child);
    at = child->end();
  }
}

const RawBox* BoxReader::find(FourCC type) {
  index();
  if (!context_.ok()) return nullptr;
  for (const RawBox& child : children_) {
    if (child.type == type) return &child;
  }
  return nullptr;
}

}  // namespace tarn::isobmff
