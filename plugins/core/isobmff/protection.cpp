// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/protection.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/isobmff/box_reader.h"
#include "core/isobmff/box_writer.h"
#include "core/isobmff/sample_groups.h"
#include "core/isobmff/senc.h"
#include "core/isobmff/sinf.h"
#include "core/isobmff/trun.h"

namespace tarn::isobmff {
namespace {

constexpr std::size_t full_box_header = 4;  // version and flags, after the box header
constexpr std::size_t stsd_entries = box_header_size + full_box_header + 4;

void patch_u32(ByteVector& out, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) out[at + i] = static_cast<std::uint8_t>(value >> (24U - 8U * i));
}
std::uint32_t u32_at(Bytes bytes, std::size_t at) { return Reader{bytes.subspan(at)}.u32(); }

// The first child of `type` between `from` and `end`, offsets of the whole.
Result<RawBox> find_child(Bytes bytes, std::size_t from, std::size_t end, FourCC type) {
  ReadContext context;
  const Bytes inside = bytes.first(end);
  std::size_t at = from;
  while (const auto box = read_box_header(inside, at, ErrorCode::malformed, context)) {
    if (box->type == type) return *box;
    at = box->end();
  }
  if (!context.ok()) return context.take_error();
  return malformed("no " + to_text(type) + " box");
}

Result<RawBox> find_child(Bytes bytes, const RawBox& parent, FourCC type) {
  return find_child(bytes, parent.offset + parent.header_size, parent.end(), type);
}

// Makes room for growth inside boxes, whose sizes are 32 bits wide.
class Growth {
 public:
  explicit Growth(ByteVector& out) : out_(out) {}

  Status grow(const RawBox& box, std::size_t by) {
    if (box.header_size != box_header_size) return unsupported(to_text(box.type) + ": a 64-bit size");
    const std::uint64_t size = std::uint64_t{box.size} + by;
    if (size > UINT32_MAX) return Error{ErrorCode::limit, to_text(box.type) + ": grows too large"};
    patch_u32(out_, box.offset, static_cast<std::uint32_t>(size));
    return {};
  }

 private:
  ByteVector& out_;
};

struct EntryPlace {
  std::vector<RawBox> ancestors;  // moov to stsd
  RawBox entry;
  FourCC encrypted_type = 0;
};

Result<EntryPlace> find_entry(Bytes clear) {
  EntryPlace place;
  RawBox box = TRY(find_child(clear, 0, clear.size(), fourcc("moov")));
  place.ancestors.push_back(box);
  for (const FourCC type : {fourcc("trak"), fourcc("mdia"), fourcc("minf"), fourcc("stbl"), fourcc("stsd")}) {
    box = TRY(find_child(clear, box, type));
    place.ancestors.push_back(box);
  }
  if (box.size < stsd_entries || u32_at(clear, box.offset + stsd_entries - 4) != 1) {
    return unsupported("stsd: not exactly one sample entry");
  }
  ReadContext context;
  const auto entry =
      read_box_header(clear.first(box.end()), box.offset + stsd_entries, ErrorCode::malformed, context);
  if (!context.ok()) return context.take_error();
  if (!entry) return malformed("stsd: no sample entry");
  place.entry = *entry;
  const RawBox minf = place.ancestors[3];
  if (find_child(clear, minf, fourcc("vmhd")).ok()) {
    place.encrypted_type = fourcc("encv");
  } else if (find_child(clear, minf, fourcc("smhd")).ok()) {
    place.encrypted_type = fourcc("enca");
  } else {
    return unsupported("CMAF header: neither video nor audio");
  }
  if (entry->type == fourcc("encv") || entry->type == fourcc("enca")) {
    return Error{ErrorCode::encrypted, "CMAF header: the track is encrypted already"};
  }
  return place;
}

Sinf describe(const ProtectionScheme& protection, FourCC original) {
  Sinf sinf;
  sinf.frma.data_format = original;
  sinf.schm.scheme_type = protection.scheme;
  Tenc& tenc = sinf.schi.tenc;
  const bool has_pattern = protection.scheme == fourcc("cbcs") || protection.scheme == fourcc("cens");
  tenc.version = has_pattern ? 1 : 0;
  tenc.pattern = static_cast<std::uint8_t>(protection.crypt_blocks << 4U | protection.skip_blocks);
  tenc.per_sample_iv_size = protection.per_sample_iv_size;
  tenc.kid = protection.kid;
  tenc.constant_iv = protection.constant_iv;
  return sinf;
}

// 23001-7 6: CencSampleEncryptionInformationGroupEntry
ByteVector group_entry(const ProtectionScheme& protection) {
  ByteVector entry;
  Writer out{entry};
  out.u8(0);
  out.u8(unsigned{protection.crypt_blocks} << 4U | protection.skip_blocks);
  out.u8(1);  // isProtected
  out.u8(protection.per_sample_iv_size);
  out.bytes(protection.kid);
  if (protection.per_sample_iv_size == 0) {
    out.u8(protection.constant_iv.size());
    out.bytes(protection.constant_iv);
  }
  return entry;
}

void append_groups(ByteVector& out, const ProtectionScheme& protection, std::size_t sample_count) {
  Sgpd sgpd;
  sgpd.grouping_type = fourcc("seig");
  sgpd.entry = group_entry(protection);
  sgpd.default_length = static_cast<std::uint32_t>(sgpd.entry.size());
  Sbgp sbgp;
  sbgp.grouping_type = fourcc("seig");
  sbgp.sample_count = static_cast<std::uint32_t>(sample_count);
  append_box(out, sgpd);
  append_box(out, sbgp);
}

// The traf's boxes that are added, with saio pointing into senc.
ByteVector auxiliary_boxes(const SampleAuxiliary& samples, std::size_t offset_in_moof) {
  Saiz saiz;
  saiz.sample_count = static_cast<std::uint32_t>(samples.sizes.size());
  const bool all_equal = std::all_of(samples.sizes.begin(), samples.sizes.end(),
                                     [&](std::uint8_t size) { return size == samples.sizes.front(); });
  if (all_equal) {
    saiz.default_sample_info_size = samples.sizes.front();
  } else {
    saiz.sizes = samples.sizes;
  }
  Senc senc;
  senc.flags = samples.has_subsamples ? Senc::use_subsamples : 0;
  senc.sample_count = saiz.sample_count;
  senc.entries = samples.entries;
  Saio saio;
  saio.offset =
      static_cast<std::uint32_t>(offset_in_moof + box_size(saiz) + box_size(saio) + Senc::entries_offset);
  ByteVector out;
  append_box(out, saiz);
  append_box(out, saio);
  append_box(out, senc);
  return out;
}

Status move_data_offsets(ByteVector& out, Bytes front, const RawBox& traf, std::size_t by) {
  ReadContext context;
  std::size_t at = traf.offset + traf.header_size;
  while (const auto box = read_box_header(front.first(traf.end()), at, ErrorCode::malformed, context)) {
    at = box->end();
    if (box->type == fourcc("senc") || box->type == fourcc("saiz") || box->type == fourcc("saio")) {
      return Error{ErrorCode::encrypted, "traf: is encrypted already"};
    }
    if (box->type != Trun::type) continue;
    const std::size_t fields = box->offset + box->header_size;
    if (box->size < box->header_size + 12) return malformed("trun: too short");
    if ((u32_at(front, fields) & Trun::data_offset_present) == 0) continue;
    const std::int64_t moved =
        std::int64_t{static_cast<std::int32_t>(u32_at(front, fields + 8))} + static_cast<std::int64_t>(by);
    if (moved > INT32_MAX) return Error{ErrorCode::limit, "trun: data offset out of range"};
    patch_u32(out, fields + 8, static_cast<std::uint32_t>(moved));
  }
  if (!context.ok()) return context.take_error();
  return {};
}

}  // namespace

Result<ByteVector> protect_init(Bytes clear, const ProtectionScheme& protection,
                                std::span<const ByteVector> pssh) {
  const EntryPlace place = TRY(find_entry(clear));
  Sinf sinf = describe(protection, place.entry.type);
  ByteVector added;
  append_box(added, sinf);
  std::size_t pssh_size = 0;
  for (const ByteVector& box : pssh) pssh_size += box.size();

  ByteVector out{clear.begin(), clear.end()};
  Growth growth{out};
  TRY(growth.grow(place.entry, added.size()));
  patch_u32(out, place.entry.offset + 4, place.encrypted_type);
  for (std::size_t i = 1; i < place.ancestors.size(); ++i) {
    TRY(growth.grow(place.ancestors[i], added.size()));
  }
  const RawBox& moov = place.ancestors.front();
  TRY(growth.grow(moov, added.size() + pssh_size));
  out.reserve(out.size() + added.size() + pssh_size);
  auto at = out.begin() + static_cast<std::ptrdiff_t>(moov.end());
  for (const ByteVector& box : pssh) at = out.insert(at, box.begin(), box.end()) + std::ssize(box);
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(place.entry.end()), added.begin(), added.end());
  return out;
}

Result<ByteVector> protect_chunk_front(Bytes front, const SampleAuxiliary& samples,
                                       const ProtectionScheme* group) {
  if (samples.entries.empty() && group == nullptr) return ByteVector{front.begin(), front.end()};
  const RawBox moof = TRY(find_child(front, 0, front.size(), fourcc("moof")));
  const RawBox traf = TRY(find_child(front, moof, fourcc("traf")));
  const std::size_t end = traf.end();
  if (find_child(front, end, moof.end(), fourcc("traf")).ok()) {
    return unsupported("moof: several tracks");
  }
  ByteVector added;
  if (!samples.entries.empty()) added = auxiliary_boxes(samples, end - moof.offset);
  if (group != nullptr) append_groups(added, *group, samples.sizes.size());
  ByteVector out{front.begin(), front.end()};
  TRY(move_data_offsets(out, front, traf, added.size()));
  Growth growth{out};
  TRY(growth.grow(traf, added.size()));
  TRY(growth.grow(moof, added.size()));
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(end), added.begin(), added.end());
  return out;
}

}  // namespace tarn::isobmff
