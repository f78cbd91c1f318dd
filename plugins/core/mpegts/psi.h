// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codecs/aac.h"
#include "core/codecs/stream_info.h"

// Program specific information, ISO/IEC 13818-1 2.4.4.
namespace tarn::mpegts {

inline constexpr std::size_t max_section_size = 4096;
inline constexpr std::size_t max_elementary_streams = 32;

// Puts the sections of one PID together out of packet payloads.
class SectionGatherer {
 public:
  // Calls on_section(Bytes) for each section that is whole and whose CRC is right; gives the number
  // of sections that had to be thrown away.
  template <class OnSection>
  unsigned push(Bytes payload, bool unit_start, OnSection&& on_section) {
    if (payload.empty()) return 0;
    if (!unit_start) return started_ ? add(payload, on_section) : 0;
    const std::size_t pointer = payload[0];
    if (1 + pointer > payload.size()) return abandon() + 1;
    unsigned bad = started_ ? add(payload.subspan(1, pointer), on_section) : 0;
    bad += abandon();
    started_ = true;
    return bad + add(payload.subspan(1 + pointer), on_section);
  }
  // A packet was lost: what was begun cannot be finished.
  unsigned abandon() {
    const bool lost = started_ && !gathered_.empty();
    gathered_.clear();
    started_ = false;
    return lost ? 1 : 0;
  }

 private:
  template <class OnSection>
  unsigned add(Bytes bytes, OnSection& on_section) {
    gathered_.insert(gathered_.end(), bytes.begin(), bytes.end());
    unsigned bad = 0;
    Bytes section;
    while (started_ && take(section, bad)) {
      if (!section.empty()) on_section(section);
      gathered_.erase(gathered_.begin(), gathered_.begin() + static_cast<std::ptrdiff_t>(taken_));
    }
    return bad;
  }
  // Looks at the next section; empty when its CRC is wrong. False: more bytes are needed, or none follow.
  bool take(Bytes& section, unsigned& bad);

  ByteVector gathered_;
  std::size_t taken_ = 0;
  bool started_ = false;
};

// What the descriptors of an elementary stream say (2.6; EN 300 468 6.2 and annexes D and H).
struct Descriptors {
  std::string language;                                       // ISO_639_language_descriptor, or empty
  std::uint32_t registration = 0;                             // format_identifier
  bool ac3 = false;                                           // DVB AC-3_descriptor
  bool eac3 = false;                                          // DVB enhanced_AC-3_descriptor
  bool id3 = false;                                           // metadata_descriptor: ID3
  codecs::aac::Extension aac = codecs::aac::Extension::none;  // a profile of HE-AAC is named
};

struct ElementaryInfo {
  std::uint16_t pid = 0;
  std::uint8_t stream_type = 0;
  Descriptors descriptors;
};

struct ProgramMap {
  std::uint16_t program_number = 0;
  std::vector<ElementaryInfo> streams;
};

// PID of the PMT of the first program; Error unsupported when the section is no current PAT with one.
Result<std::uint16_t> parse_pat(Bytes section);
// Error unsupported when the section is not a current PMT; limit above max_elementary_streams.
Result<ProgramMap> parse_pmt(Bytes section);

// Table 2-34, and those of ATSC A/53 for AC-3
inline constexpr std::uint8_t stream_type_mpeg1_audio = 0x03;
inline constexpr std::uint8_t stream_type_mpeg2_audio = 0x04;
inline constexpr std::uint8_t stream_type_private = 0x06;
inline constexpr std::uint8_t stream_type_aac = 0x0F;  // ADTS
inline constexpr std::uint8_t stream_type_latm = 0x11;
inline constexpr std::uint8_t stream_type_metadata = 0x15;  // in PES packets
inline constexpr std::uint8_t stream_type_h264 = 0x1B;
inline constexpr std::uint8_t stream_type_hevc = 0x24;
inline constexpr std::uint8_t stream_type_ac3 = 0x81;
inline constexpr std::uint8_t stream_type_splice_info = 0x86;  // SCTE 35 8.1
inline constexpr std::uint8_t stream_type_eac3_hdmv = 0x84;
inline constexpr std::uint8_t stream_type_eac3 = 0x87;
inline constexpr std::uint32_t registration_ac3 = 0x41432D33;          // "AC-3"
inline constexpr std::uint32_t registration_eac3 = 0x45414333;         // "EAC3"
inline constexpr std::uint32_t registration_hevc = 0x48455643;         // "HEVC"
inline constexpr std::uint32_t registration_splice_info = 0x43554549;  // "CUEI"
inline constexpr std::uint32_t metadata_format_id3 = 0x49443320;       // "ID3 "

// What Tarn carries; nothing for any other stream.
std::optional<codecs::Codec> codec_of(const ElementaryInfo& info);
// "H.265", "SCTE-35" …; "private" for what has no name here.
std::string_view stream_type_name(std::uint8_t type);
// Types of Apple's SAMPLE-AES streams.
bool is_encrypted_type(std::uint8_t type);

}  // namespace tarn::mpegts
