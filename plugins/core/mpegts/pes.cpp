// SPDX-License-Identifier: Apache-2.0
#include "core/mpegts/pes.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace tarn::mpegts {
namespace {

// stream_id values whose packets have no optional header (Table 2-21): they carry no media.
bool is_plain(std::uint8_t stream_id) {
  switch (stream_id) {
    case 0xBC:  // program_stream_map
    case 0xBE:  // padding
    case 0xBF:  // private_stream_2
    case 0xF0:  // ECM
    case 0xF1:  // EMM
    case 0xF2:  // DSM-CC
    case 0xF8:  // H.222.1 type E
    case 0xFF:  // program_stream_directory
      return true;
    default:
      return false;
  }
}

std::int64_t read_timestamp(const std::uint8_t* p) {
  return static_cast<std::int64_t>(p[0] & 0x0EU) << 29U | static_cast<std::int64_t>(p[1]) << 22U |
         static_cast<std::int64_t>(p[2] & 0xFEU) << 14U | static_cast<std::int64_t>(p[3]) << 7U | p[4] >> 1U;
}

// The same packet once more (2.4.3.3). Only the PCR may differ.
bool is_duplicate(const std::uint8_t* a, const std::uint8_t* b) {
  if (std::memcmp(a, b, packet_header_size) != 0) return false;
  const bool has_pcr = (a[3] & 0x20U) != 0 && a[4] >= 7 && (a[5] & 0x10U) != 0;
  const std::size_t from = has_pcr ? packet_header_size + 8 : packet_header_size;
  return std::memcmp(a + from, b + from, packet_size - from) == 0;
}

}  // namespace

std::optional<PesHeader> parse_pes_header(Bytes bytes) {
  if (bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 1 || is_plain(bytes[3])) return std::nullopt;
  if ((bytes[6] & 0xC0U) != 0x80) return std::nullopt;
  PesHeader header;
  const std::size_t length = static_cast<std::size_t>(bytes[4]) << 8U | bytes[5];
  const std::size_t optional_size = bytes[8];
  header.header_size = pes_start_size + optional_size;
  if (length != 0) {
    if (length < optional_size + 3) return std::nullopt;
    header.payload_size = length - optional_size - 3;
  }
  header.scrambled = (bytes[6] & 0x30U) != 0;
  const unsigned flags = bytes[7] >> 6U;
  if ((flags & 2U) != 0 && optional_size >= 5) {
    header.times.given = true;
    header.times.pts = read_timestamp(bytes.data() + pes_start_size);
    header.times.dts = header.times.pts;
    if (flags == 3 && optional_size >= 10) {
      header.times.dts = read_timestamp(bytes.data() + pes_start_size + 5);
    }
  }
  return header;
}

void PesReader::push(const Packet& packet) {
  if (packet.transport_error || packet.bad_length) {
    ++findings_.damaged_packets;
    lose();
    seen_ = packet.has_payload;
    continuity_counter_ = packet.continuity_counter;
    last_ = packet.begin;
    return;
  }
  if (packet.scrambled) {
    findings_.refuse({ErrorCode::encrypted, "PID " + std::to_string(packet.pid) + " is scrambled"});
    return;
  }
  // Only packets with payload count (2.4.3.3).
  if (!packet.has_payload || !check_continuity(packet)) return;
  if (packet.unit_start) {
    end_packet();
    start(packet.payload);
  } else if (state_ == State::payload) {
    append(packet.payload);
  } else if (state_ == State::header) {
    gather_header(packet.payload);
  }
}

bool PesReader::check_continuity(const Packet& packet) {
  const auto expected = static_cast<std::uint8_t>((continuity_counter_ + 1U) & 0x0FU);
  if (seen_ && packet.continuity_counter != expected) {
    const bool repeated = packet.continuity_counter == continuity_counter_;
    if (repeated && !duplicated_ && is_duplicate(packet.begin, last_)) {
      duplicated_ = true;
      return false;
    }
    if (!packet.discontinuity) {
      ++findings_.continuity_errors;
      lose();
    } else if (!packet.unit_start) {
      lose();
    }
  }
  seen_ = true;
  duplicated_ = false;
  continuity_counter_ = packet.continuity_counter;
  last_ = packet.begin;
  return true;
}

void PesReader::lose() {
  if (state_ == State::payload) {
    if (bounded_ && left_ == 0) {
      sink_.seal();
    } else {
      sink_.drop();
    }
  }
  state_ = State::idle;
}

void PesReader::end_packet() {
  if (state_ == State::header && header_fill_ > 0) {
    ++findings_.damaged_packets;
  } else if (state_ == State::payload && bounded_ && left_ > 0) {
    findings_.truncated = true;
    sink_.cut();
  }
  state_ = State::idle;
}

void PesReader::finish(bool cut) {
  if (state_ == State::header) {
    findings_.truncated = true;
  } else if (state_ == State::payload && (bounded_ ? left_ > 0 : cut)) {
    findings_.truncated = true;
    sink_.cut();
  }
  state_ = State::idle;
}

void PesReader::start(Bytes payload) {
  header_fill_ = 0;
  if (payload.size() >= pes_start_size && payload.size() >= pes_start_size + payload[8]) {
    read_header(payload);
  } else {
    state_ = State::header;
    gather_header(payload);
  }
}

void PesReader::gather_header(Bytes payload) {
  const auto wanted = [this] {
    return header_fill_ < pes_start_size ? pes_start_size : pes_start_size + header_[pes_start_size - 1];
  };
  while (header_fill_ < wanted()) {
    const std::size_t count = std::min(payload.size(), wanted() - header_fill_);
    if (count == 0) return;
    std::memcpy(header_.data() + header_fill_, payload.data(), count);
    header_fill_ += count;
    payload = payload.subspan(count);
  }
  read_header(Bytes{header_}.first(header_fill_));
  if (state_ == State::payload) append(payload);
}

void PesReader::read_header(Bytes bytes) {
  const std::optional<PesHeader> header = parse_pes_header(bytes);
  state_ = State::idle;
  if (!header) {
    if (!is_plain(bytes[3])) ++findings_.damaged_packets;
    return;
  }
  if (header->scrambled) {
    findings_.refuse({ErrorCode::encrypted, "a PES packet is scrambled"});
    return;
  }
  state_ = State::payload;
  bounded_ = header->payload_size.has_value();
  left_ = header->payload_size.value_or(max_pes_size);
  times_ = header->times;
  sink_.begin(header->times);
  append(bytes.subspan(header->header_size));
}

void PesReader::append(Bytes payload) {
  if (payload.size() > left_) {
    if (!bounded_) {
      findings_.refuse({ErrorCode::limit, "a PES packet is larger than 8 MiB"});
      return;
    }
    payload = payload.first(left_);
  }
  left_ -= payload.size();
  if (!payload.empty()) sink_.append(payload);
}

}  // namespace tarn::mpegts
