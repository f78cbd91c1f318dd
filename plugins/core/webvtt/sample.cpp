// SPDX-License-Identifier: Apache-2.0
#include "core/webvtt/sample.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>

namespace tarn::webvtt {
namespace {

// Of the box that says when a cue is: start and end, 64 bits each.
constexpr std::array<std::uint8_t, 16> whole_cue{0x6b, 0x1f, 0x3a, 0xd2, 0x90, 0x5e, 0x4c, 0x07,
                                                 0xa4, 0x18, 0x2d, 0xc9, 0x5b, 0x70, 0xe3, 0x44};
constexpr std::size_t whole_cue_bytes = whole_cue.size() + 16;

// What many long cues at the same time would multiply to is not written.
constexpr std::size_t most_sample_bytes = std::size_t{4} << 20U;

class Box {
 public:
  Box(Writer& out, std::string_view type) : out_(out), at_(out.position()) {
    out.u32(0);
    out.text(type);
  }
  ~Box() { out_.patch_u32(at_, static_cast<std::uint32_t>(out_.position() - at_)); }
  Box(const Box&) = delete;
  Box& operator=(const Box&) = delete;

 private:
  Writer& out_;
  std::size_t at_;
};

void write_text_box(Writer& out, std::string_view type, std::string_view text) {
  if (text.empty()) return;
  const Box box{out, type};
  out.text(text);
}

void write_cue(Writer& out, const Cue& cue) {
  const Box vttc{out, "vttc"};
  write_text_box(out, "iden", cue.id);
  write_text_box(out, "sttg", cue.settings);
  {
    const Box payl{out, "payl"};
    out.text(cue.payload);
  }
  const Box uuid{out, "uuid"};
  out.bytes(whole_cue);
  out.u64(static_cast<std::uint64_t>(cue.start));
  out.u64(static_cast<std::uint64_t>(cue.end));
}

// The next box of `reader`: its type and payload.
struct Read {
  std::string_view type;
  Bytes payload;
};
Result<Read> next_box(Reader& reader) {
  const std::uint32_t size = static_cast<std::uint32_t>(reader.u32());
  const Bytes type = reader.take(4);
  if (!reader.ok() || size < 8) return malformed("wvtt sample: a box is cut");
  const Bytes payload = reader.take(size - 8);
  if (!reader.ok()) return malformed("wvtt sample: a box is longer than the sample");
  return Read{as_text(type), payload};
}

Result<Cue> read_cue(Bytes bytes, std::int64_t start, std::int64_t end) {
  Cue cue{start, end, {}, {}, {}};
  Reader reader{bytes};
  while (reader.remaining() > 0) {
    const Read box = TRY(next_box(reader));
    if (box.type == "iden") cue.id = std::string{as_text(box.payload)};
    if (box.type == "sttg") cue.settings = std::string{as_text(box.payload)};
    if (box.type == "payl") cue.payload = std::string{as_text(box.payload)};
    const bool is_whole = box.type == "uuid" && box.payload.size() == whole_cue_bytes &&
                          std::equal(whole_cue.begin(), whole_cue.end(), box.payload.begin());
    if (!is_whole) continue;
    Reader times{box.payload.subspan(whole_cue.size())};
    cue.start = static_cast<std::int64_t>(times.u64());
    cue.end = static_cast<std::int64_t>(times.u64());
  }
  return cue;
}

template <class T>
void add_once(std::vector<T>& to, T what) {
  if (std::find(to.begin(), to.end(), what) == to.end()) to.push_back(std::move(what));
}

std::int64_t next_multiple(std::int64_t time) {
  const std::int64_t over = (time % longest_sample + longest_sample) % longest_sample;
  return time - over + longest_sample;
}

}  // namespace

bool comes_before(const Cue& a, const Cue& b) {
  return std::tie(a.start, a.end, a.id, a.payload, a.settings) <
         std::tie(b.start, b.end, b.id, b.payload, b.settings);
}

std::vector<Sample> write_samples(const std::vector<Cue>& cues, const std::vector<std::string>& blocks,
                                  std::int64_t begin, std::int64_t end, ByteVector& data,
                                  const std::vector<std::int64_t>& cuts) {
  std::vector<Cue> shown;
  for (const Cue& cue : cues) {
    if (cue.start < end && cue.end > begin) shown.push_back(cue);
  }
  std::sort(shown.begin(), shown.end(), comes_before);
  shown.erase(std::unique(shown.begin(), shown.end()), shown.end());
  std::set<std::int64_t> bounds{begin, end};
  for (const std::int64_t cut : cuts) {
    if (cut > begin && cut < end) bounds.insert(cut);
  }
  for (const Cue& cue : shown) {
    if (cue.start > begin) bounds.insert(cue.start);
    if (cue.end < end) bounds.insert(cue.end);
  }
  for (std::int64_t at = next_multiple(begin); at < end; at += longest_sample) bounds.insert(at);
  std::vector<Sample> samples;
  Writer out{data};
  for (auto at = bounds.begin(); std::next(at) != bounds.end(); ++at) {
    Sample sample{*at, *std::next(at) - *at, static_cast<std::uint32_t>(data.size()), 0};
    if (samples.empty()) {
      for (const std::string& block : blocks) write_text_box(out, "vtta", block);
    }
    bool is_empty = true;
    for (const Cue& cue : shown) {
      if (cue.start >= sample.start + sample.duration) break;
      if (cue.end <= sample.start || data.size() > most_sample_bytes) continue;
      write_cue(out, cue);
      is_empty = false;
    }
    if (is_empty) const Box vtte{out, "vtte"};
    sample.size = static_cast<std::uint32_t>(data.size()) - sample.offset;
    samples.push_back(sample);
  }
  return samples;
}

Status read_sample(Bytes sample, std::int64_t start, std::int64_t duration, std::vector<Cue>& cues,
                   std::vector<std::string>& blocks) {
  Reader reader{sample};
  while (reader.remaining() > 0) {
    const Read box = TRY(next_box(reader));
    if (box.type == "vttc") add_once(cues, TRY(read_cue(box.payload, start, start + duration)));
    if (box.type == "vtta") add_once(blocks, std::string{as_text(box.payload)});
  }
  return {};
}

}  // namespace tarn::webvtt
