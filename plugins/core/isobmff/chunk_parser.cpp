// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "core/isobmff/box_reader.h"
#include "core/isobmff/cmaf.h"
#include "core/isobmff/moof.h"

namespace tarn::isobmff {
namespace {

constexpr std::size_t most_samples = ReadContext::most_entries;
constexpr std::int64_t latest_time = std::int64_t{1} << 62U;

class ChunkParser {
 public:
  explicit ChunkParser(Bytes bytes) : ChunkParser(bytes, bytes.size()) {}
  ChunkParser(Bytes bytes, std::size_t total_size) : bytes_(bytes), total_size_(total_size) {}

  Result<ParsedChunks> parse();
  Result<ParsedChunks> parse_front();

 private:
  Status moof(const RawBox& box);
  Status traf(const Traf& traf, std::size_t base);
  Status trun(const Tfhd& tfhd, const Trun& trun, std::size_t base);
  Status add(const Tfhd& tfhd, const Trun& trun, std::size_t index);
  Status mdat(const RawBox& box);

  Bytes bytes_;
  std::size_t total_size_;  // of the chunks; more than bytes_ when the payload is elsewhere
  ReadContext context_;
  ParsedChunks out_;
  std::size_t in_mdat_ = 0;  // samples whose mdat has been seen
  std::int64_t decode_time_ = 0;
  std::int64_t offset_ = 0;  // where the next sample's bytes begin
};

Result<ParsedChunks> ChunkParser::parse() {
  if (bytes_.size() > std::numeric_limits<std::uint32_t>::max()) {
    return Error{ErrorCode::limit, "chunks: more than 4 GiB"};
  }
  std::size_t at = 0;
  bool seen = false;
  while (const auto box = read_box_header(bytes_, at, ErrorCode::truncated, context_)) {
    at = box->end();
    if (box->type == Moof::type) {
      TRY(moof(*box));
      seen = true;
    } else if (box->type == fourcc("mdat")) {
      TRY(mdat(*box));
    }
  }
  if (!context_.ok()) return context_.take_error();
  if (!seen) return truncated("chunks: no moof box");
  if (in_mdat_ < out_.samples.size()) return truncated("chunks: a moof without its mdat");
  return std::move(out_);
}

Result<ParsedChunks> ChunkParser::parse_front() {
  auto box = read_box_header(bytes_, 0, ErrorCode::truncated, context_);
  while (box && box->type == fourcc("emsg")) {
    box = read_box_header(bytes_, box->end(), ErrorCode::truncated, context_);
  }
  if (!context_.ok()) return context_.take_error();
  if (!box || box->type != Moof::type) return malformed("chunk: no moof box at its beginning");
  TRY(moof(*box));
  Reader reader{bytes_.subspan(box->end())};
  std::uint64_t size = reader.u32();
  const bool is_mdat = reader.u32() == fourcc("mdat");
  if (size == 1) size = reader.u64();
  if (!reader.ok() || !is_mdat) return malformed("chunk: no mdat header after its moof box");
  if (reader.remaining() != 0 || size != total_size_ - box->end()) {
    return malformed("chunk: the mdat box does not end where its payload ends");
  }
  TRY(mdat({.type = fourcc("mdat"),
            .offset = box->end(),
            .header_size = reader.position(),
            .size = static_cast<std::size_t>(size)}));
  return std::move(out_);
}

Status ChunkParser::moof(const RawBox& box) {
  if (in_mdat_ < out_.samples.size()) return malformed("chunks: a moof without its mdat");
  Moof moof;
  read_box(bytes_, box, moof, context_);
  if (!context_.ok()) return context_.take_error();
  if (moof.trafs.size() != 1) {
    return unsupported("moof: " + std::to_string(moof.trafs.size()) + " tracks, not one");
  }
  out_.chunk_begins.push_back(out_.samples.size());
  return traf(moof.trafs.front(), box.offset);
}

Status ChunkParser::traf(const Traf& traf, std::size_t base) {
  if (out_.track_id != 0 && out_.track_id != traf.tfhd.track_id) {
    return unsupported("moof/traf/tfhd: chunks of several tracks");
  }
  out_.track_id = traf.tfhd.track_id;
  if ((traf.tfhd.flags & Tfhd::base_data_offset_present) != 0) {
    return unsupported("moof/traf/tfhd: base-data-offset");
  }
  if (traf.tfdt.base_media_decode_time > static_cast<std::uint64_t>(latest_time)) {
    return malformed("moof/traf/tfdt: decode time out of range");
  }
  decode_time_ = static_cast<std::int64_t>(traf.tfdt.base_media_decode_time);
  offset_ = static_cast<std::int64_t>(base);
  for (const Trun& run : traf.truns) TRY(trun(traf.tfhd, run, base));
  return {};
}

Status ChunkParser::trun(const Tfhd& tfhd, const Trun& trun, std::size_t base) {
  if (trun.entries.size() > most_samples - out_.samples.size()) {
    return Error{ErrorCode::limit, "chunks: more than 100000 samples"};
  }
  if (trun.has(Trun::data_offset_present)) offset_ = static_cast<std::int64_t>(base) + trun.data_offset;
  for (std::size_t i = 0; i < trun.entries.size(); ++i) TRY(add(tfhd, trun, i));
  return {};
}

Status ChunkParser::add(const Tfhd& tfhd, const Trun& trun, std::size_t index) {
  const Trun::Entry& entry = trun.entries[index];
  if (!trun.has(Trun::size_present) && (tfhd.flags & Tfhd::default_size_present) == 0) {
    return malformed("moof/traf/trun: no sample sizes");
  }
  std::uint32_t flags = trun.has(Trun::flags_present) ? entry.flags : tfhd.default_sample_flags;
  if (index == 0 && trun.has(Trun::first_sample_flags_present)) flags = trun.first_sample_flags;
  ParsedSample sample;
  sample.dts = decode_time_;
  sample.pts = decode_time_ + entry.composition_offset;
  sample.duration = trun.has(Trun::duration_present) ? entry.duration : tfhd.default_sample_duration;
  sample.size = trun.has(Trun::size_present) ? entry.size : tfhd.default_sample_size;
  sample.sync = (flags & is_non_sync_sample) == 0;
  const std::int64_t end = offset_ + sample.size;
  if (offset_ < 0 || end > static_cast<std::int64_t>(total_size_)) {
    const bool cut = offset_ >= 0;
    return Error{cut ? ErrorCode::truncated : ErrorCode::malformed,
                 "moof/traf/trun: sample " + std::to_string(index) + " lies outside the bytes"};
  }
  sample.offset = static_cast<std::uint32_t>(offset_);
  offset_ = end;
  decode_time_ += sample.duration;
  out_.samples.push_back(sample);
  return {};
}

// Every sample since the last mdat must lie in this one.
Status ChunkParser::mdat(const RawBox& box) {
  for (; in_mdat_ < out_.samples.size(); ++in_mdat_) {
    const ParsedSample& sample = out_.samples[in_mdat_];
    if (sample.offset < box.offset + box.header_size ||
        sample.offset + std::size_t{sample.size} > box.end()) {
      return malformed("chunks: sample " + std::to_string(in_mdat_) + " lies outside its mdat");
    }
  }
  return {};
}

}  // namespace

Result<ParsedChunks> parse_chunks(Bytes bytes) { return ChunkParser{bytes}.parse(); }

Result<ParsedChunks> parse_chunk_front(Bytes front, std::size_t total_size) {
  if (front.size() > total_size || total_size > std::numeric_limits<std::uint32_t>::max()) {
    return Error{ErrorCode::limit, "chunk: sizes do not fit"};
  }
  return ChunkParser{front, total_size}.parse_front();
}

}  // namespace tarn::isobmff
