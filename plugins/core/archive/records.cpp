// SPDX-License-Identifier: Apache-2.0
#include "core/archive/records.h"

#include <limits>

#include "core/archive/crc32c.h"

namespace tarn::archive {
namespace {

constexpr std::uint8_t slot_version = 1;
constexpr std::uint8_t stretch_version = 2;
constexpr std::size_t checksum_size = 4;

// Numbers in groups of seven bits, least significant first, the top bit set on all but the last.
class Packer {
 public:
  explicit Packer(ByteVector& out) : out_(out) {}
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) out_.push_back(static_cast<std::uint8_t>(value | 0x80U));
    out_.push_back(static_cast<std::uint8_t>(value));
  }
  // Small for values near zero of either sign.
  void signed_number(std::int64_t value) {
    const auto bits = static_cast<std::uint64_t>(value);
    number(bits << 1U ^ (value < 0 ? ~std::uint64_t{0} : 0));
  }
  void bytes(Bytes data) {
    number(data.size());
    out_.insert(out_.end(), data.begin(), data.end());
  }
  void text(std::string_view data) { bytes(as_bytes(data)); }

 private:
  ByteVector& out_;
};

class Unpacker {
 public:
  explicit Unpacker(Bytes bytes) : reader_(bytes) {}
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t group = reader_.u8();
      value |= std::uint64_t{group & 0x7FU} << shift;
      if ((group & 0x80U) == 0) return value;
    }
    reader_.fail();
    return 0;
  }
  std::uint32_t number32() {
    const std::uint64_t value = number();
    if (value > std::numeric_limits<std::uint32_t>::max()) reader_.fail();
    return static_cast<std::uint32_t>(value);
  }
  std::int64_t signed_number() {
    const std::uint64_t bits = number();
    return static_cast<std::int64_t>(bits >> 1U ^ ((bits & 1U) != 0 ? ~std::uint64_t{0} : 0));
  }
  Bytes bytes() { return reader_.take(number()); }
  std::string text() { return std::string{as_text(bytes())}; }
  // A count of items of at least `least` bytes each; never more than there is room for.
  std::size_t count(std::size_t least) {
    const std::uint64_t value = number();
    if (value > reader_.remaining() / least) reader_.fail();
    return reader_.ok() ? static_cast<std::size_t>(value) : 0;
  }
  void fail() { reader_.fail(); }
  [[nodiscard]] bool ok() const { return reader_.ok(); }
  [[nodiscard]] bool at_end() const { return reader_.ok() && reader_.remaining() == 0; }

 private:
  Reader reader_;
};

// Differences wrap around instead of overflowing; adding them wraps back.
std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

std::int64_t to_record(Utc time) { return time.time_since_epoch().count(); }
Utc utc_from_record(std::int64_t value) { return Utc{Microseconds{value}}; }

void close_record(ByteVector& out) { Writer{out}.u32(crc32c(out)); }

struct OpenRecord {
  std::uint8_t version = 0;
  Bytes fields;
};
Result<OpenRecord> open_record(const std::string& name, Bytes bytes, std::uint8_t newest) {
  if (bytes.size() < 1 + checksum_size) return truncated(name + ": record cut short");
  const Bytes body = bytes.first(bytes.size() - checksum_size);
  if (Reader{bytes.last(checksum_size)}.u32() != crc32c(body)) {
    return malformed(name + ": checksum does not match");
  }
  if (body[0] == 0 || body[0] > newest) {
    return unsupported(name + ": record version " + std::to_string(body[0]) + ", expected at most " +
                       std::to_string(newest));
  }
  return OpenRecord{body[0], body.subspan(1)};
}

void pack_info(const codecs::StreamInfo& info, Packer& packer) {
  packer.text(codecs::name_of(info.codec));
  packer.number(info.timescale);
  packer.bytes(info.config);
  packer.text(info.codec_string);
  for (const std::uint32_t value :
       {info.width, info.height, info.sar_width, info.sar_height, info.frame_rate_numerator,
        info.frame_rate_denominator, info.sample_rate, info.channels, info.samples_per_frame}) {
    packer.number(value);
  }
}

codecs::StreamInfo unpack_info(Unpacker& unpacker) {
  codecs::StreamInfo info;
  if (!codecs::parse_codec(unpacker.text(), info.codec)) unpacker.fail();
  info.timescale = unpacker.number32();
  if (info.timescale == 0) unpacker.fail();
  const Bytes config = unpacker.bytes();
  info.config.assign(config.begin(), config.end());
  info.codec_string = unpacker.text();
  for (std::uint32_t* value :
       {&info.width, &info.height, &info.sar_width, &info.sar_height, &info.frame_rate_numerator,
        &info.frame_rate_denominator, &info.sample_rate, &info.channels, &info.samples_per_frame}) {
    *value = unpacker.number32();
  }
  return info;
}

constexpr std::uint64_t flag_default = 1;
constexpr std::uint64_t flag_autoselect = 2;
constexpr std::uint64_t flag_forced = 4;

// What version 1 did not have.
void pack_details(const timeline::TrackDescription& description, Packer& packer) {
  for (const std::uint32_t value :
       {description.info.colour_primaries, description.info.transfer_characteristics,
        description.info.matrix_coefficients, description.info.joc_complexity}) {
    packer.number(value);
  }
  packer.text(description.characteristics);
  packer.number(description.captions.size());
  for (const timeline::Captions& captions : description.captions) {
    packer.text(captions.instream_id);
    packer.text(captions.language);
    packer.text(captions.name);
    packer.number((captions.is_default ? flag_default : 0) | (captions.is_autoselect ? flag_autoselect : 0));
  }
}

void unpack_details(timeline::TrackDescription& description, Unpacker& unpacker) {
  for (std::uint32_t* value : {&description.info.colour_primaries, &description.info.transfer_characteristics,
                               &description.info.matrix_coefficients, &description.info.joc_complexity}) {
    *value = unpacker.number32();
  }
  description.characteristics = unpacker.text();
  for (std::size_t left = unpacker.count(4); left > 0; --left) {
    timeline::Captions& captions = description.captions.emplace_back();
    captions.instream_id = unpacker.text();
    captions.language = unpacker.text();
    captions.name = unpacker.text();
    const std::uint64_t flags = unpacker.number();
    captions.is_default = (flags & flag_default) != 0;
    captions.is_autoselect = (flags & flag_autoselect) != 0;
  }
}

void pack_track(const timeline::Track& track, Packer& packer) {
  const timeline::TrackDescription& description = track.description;
  packer.number(track.id);
  packer.number(track.config);
  packer.text(description.key);
  pack_info(description.info, packer);
  packer.text(description.language);
  packer.text(description.name);
  packer.number((description.is_default ? flag_default : 0) |
                (description.is_autoselect ? flag_autoselect : 0) |
                (description.is_forced ? flag_forced : 0));
  packer.number(description.variants.size());
  for (const timeline::VariantUse& use : description.variants) {
    packer.number(use.variant);
    packer.number(use.bandwidth);
    packer.number(use.average_bandwidth);
  }
  pack_details(description, packer);
}

timeline::Track unpack_track(std::uint8_t version, Unpacker& unpacker) {
  timeline::Track track;
  timeline::TrackDescription& description = track.description;
  track.id = unpacker.number32();
  track.config = unpacker.number32();
  description.key = unpacker.text();
  description.info = unpack_info(unpacker);
  description.language = unpacker.text();
  description.name = unpacker.text();
  const std::uint64_t flags = unpacker.number();
  description.is_default = (flags & flag_default) != 0;
  description.is_autoselect = (flags & flag_autoselect) != 0;
  description.is_forced = (flags & flag_forced) != 0;
  for (std::size_t left = unpacker.count(3); left > 0; --left) {
    timeline::VariantUse& use = description.variants.emplace_back();
    use.variant = unpacker.number32();
    use.bandwidth = unpacker.number();
    use.average_bandwidth = unpacker.number();
  }
  if (version >= 2) unpack_details(description, unpacker);
  return track;
}

}  // namespace

ByteVector write_stretch(const timeline::Stretch& stretch) {
  ByteVector out{stretch_version};
  Packer packer{out};
  packer.number(stretch.id);
  packer.number(stretch.first_slot);
  packer.signed_number(to_record(stretch.start));
  packer.signed_number(stretch.start_time);
  packer.number(stretch.reference);
  packer.number(stretch.tracks.size());
  for (const timeline::Track& track : stretch.tracks) pack_track(track, packer);
  close_record(out);
  return out;
}

Result<timeline::Stretch> parse_stretch(Bytes bytes) {
  constexpr std::size_t least_track = 20;
  const OpenRecord record = TRY(open_record("stretch", bytes, stretch_version));
  Unpacker unpacker{record.fields};
  timeline::Stretch stretch;
  stretch.id = unpacker.number32();
  stretch.first_slot = unpacker.number();
  stretch.start = utc_from_record(unpacker.signed_number());
  stretch.start_time = unpacker.signed_number();
  stretch.reference = unpacker.number32();
  for (std::size_t left = unpacker.count(least_track); left > 0 && unpacker.ok(); --left) {
    stretch.tracks.push_back(unpack_track(record.version, unpacker));
    const std::size_t size = stretch.tracks.size();
    if (size > 1 && stretch.tracks[size - 1].id <= stretch.tracks[size - 2].id) unpacker.fail();
  }
  if (!unpacker.at_end()) return malformed("stretch: fields do not fit the record");
  if (stretch.find(stretch.reference) == nullptr) return malformed("stretch: no reference track");
  return stretch;
}

// A chunk's numbers are written as differences to its neighbours, which are small.
ByteVector write_slot(const timeline::Slot& slot) {
  ByteVector out{slot_version};
  Packer packer{out};
  packer.number(slot.stretch);
  packer.signed_number(slot.start);
  packer.signed_number(minus(slot.end, slot.start));
  packer.signed_number(to_record(slot.utc));
  packer.number(slot.chunks.size());
  timeline::TrackId track = 0;
  std::int64_t start = slot.start;
  std::int64_t serial = 0;
  for (const timeline::Chunk& chunk : slot.chunks) {
    packer.number((std::uint64_t{chunk.track} - track) << 1U | (chunk.independent ? 1U : 0U));
    packer.signed_number(minus(chunk.start, start));
    packer.signed_number(chunk.duration);
    packer.signed_number(minus(static_cast<std::int64_t>(chunk.serial), serial));
    packer.number(chunk.location.volume);
    packer.number(chunk.location.offset);
    packer.number(chunk.location.size);
    track = chunk.track;
    start = chunk.start;
    serial = static_cast<std::int64_t>(chunk.serial);
  }
  close_record(out);
  return out;
}

Result<timeline::Slot> parse_slot(std::uint64_t number, Bytes bytes) {
  constexpr std::size_t least_chunk = 7;
  const std::string name = "slot " + std::to_string(number);
  const OpenRecord record = TRY(open_record(name, bytes, slot_version));
  Unpacker unpacker{record.fields};
  timeline::Slot slot;
  slot.number = number;
  slot.stretch = unpacker.number32();
  slot.start = unpacker.signed_number();
  slot.end = plus(slot.start, unpacker.signed_number());
  slot.utc = utc_from_record(unpacker.signed_number());
  const std::size_t count = unpacker.count(least_chunk);
  slot.chunks.reserve(count);
  std::uint64_t track = 0;
  std::int64_t start = slot.start;
  std::int64_t serial = 0;
  for (std::size_t i = 0; i < count && unpacker.ok(); ++i) {
    const std::uint64_t step = unpacker.number();
    if (step >> 1U == 0 || step >> 1U > std::numeric_limits<timeline::TrackId>::max() - track) {
      unpacker.fail();
      break;
    }
    track += step >> 1U;
    start = plus(start, unpacker.signed_number());
    timeline::Chunk& chunk = slot.chunks.emplace_back();
    chunk.track = static_cast<timeline::TrackId>(track);
    chunk.independent = (step & 1U) != 0;
    chunk.start = start;
    chunk.duration = unpacker.signed_number();
    serial = plus(serial, unpacker.signed_number());
    chunk.serial = static_cast<std::uint64_t>(serial);
    chunk.location.volume = unpacker.number32();
    chunk.location.offset = unpacker.number();
    chunk.location.size = unpacker.number32();
  }
  if (!unpacker.at_end()) return malformed(name + ": fields do not fit the record");
  return slot;
}

}  // namespace tarn::archive
