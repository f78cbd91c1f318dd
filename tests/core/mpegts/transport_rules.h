// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "tests/core/mpegts/ts_builder.h"

// The rules of ETSI TR 101 290 (first and second priority) that a file can break, and Tarn's own about
// counters, checked packet by packet without the code under test.
namespace tarn::test {

struct TransportReport {
  std::map<std::uint16_t, unsigned> payload_packets;
  std::vector<std::uint64_t> pcrs;  // 27 MHz
  std::uint16_t pcr_pid = 0x1FFF;
  unsigned tables = 0;
  unsigned random_access = 0;
};

inline void check_section(Bytes payload, std::uint8_t table) {
  ASSERT_EQ(payload[0], 0) << "pointer_field";
  const Bytes section = payload.subspan(1);
  ASSERT_EQ(section[0], table);
  const std::size_t size = 3 + (static_cast<std::size_t>(section[1] & 0x0FU) << 8U | section[2]);
  ASSERT_LE(size, section.size());
  EXPECT_EQ(section_crc(section.first(size)), 0U) << "CRC";
  for (const std::uint8_t byte : section.subspan(size)) ASSERT_EQ(byte, 0xFF);
}

inline TransportReport check_transport_stream(Bytes bytes) {
  constexpr std::uint64_t max_pcr_interval = 40 * 27'000;
  TransportReport report;
  std::map<std::uint16_t, std::uint8_t> counters;
  EXPECT_EQ(bytes.size() % 188, 0U);
  for (std::size_t at = 0; at + 188 <= bytes.size(); at += 188) {
    const Bytes p = bytes.subspan(at, 188);
    const std::string where = "packet " + std::to_string(at / 188);
    EXPECT_EQ(p[0], 0x47) << where;
    EXPECT_EQ(p[1] & 0x80, 0) << where << ": transport_error_indicator";
    EXPECT_EQ(p[3] & 0xC0, 0) << where << ": scrambled";
    const auto pid = static_cast<std::uint16_t>((p[1] & 0x1FU) << 8U | p[2]);
    const bool has_field = (p[3] & 0x20U) != 0;
    const bool has_payload = (p[3] & 0x10U) != 0;
    std::size_t offset = 4;
    if (has_field) {
      offset += 1U + p[4];
      EXPECT_LE(p[4], has_payload ? 182 : 183) << where;
      if (p[4] > 0 && (p[5] & 0x40U) != 0) ++report.random_access;
      if (p[4] > 0 && (p[5] & 0x10U) != 0) {
        std::uint64_t base = 0;
        for (std::size_t i = 6; i < 10; ++i) base = base << 8U | p[i];
        base = base << 1U | p[10] >> 7U;
        report.pcrs.push_back(base * 300 + ((p[10] & 1U) << 8U | p[11]));
        report.pcr_pid = pid;
      }
    }
    if (has_payload) {
      const auto counter = static_cast<std::uint8_t>(p[3] & 0x0FU);
      EXPECT_EQ(counter, counters.count(pid) == 0 ? 0 : (counters[pid] + 1) % 16) << where << ": continuity";
      counters[pid] = counter;
      ++report.payload_packets[pid];
      EXPECT_LT(offset, 188U) << where;
    } else {
      EXPECT_EQ(p[3] & 0x0F, counters.count(pid) == 0 ? 15 : counters[pid])
          << where << ": counts without payload";
    }
    if (at < 2 * 188U) {
      EXPECT_EQ(pid, at == 0 ? 0 : 0x1000) << "PAT first, then the PMT";
    }
    if (pid == 0 || pid == 0x1000) {
      check_section(p.subspan(offset), pid == 0 ? 0 : 2);
      report.tables += pid == 0 ? 1 : 0;
    }
  }
  for (const auto& [pid, count] : report.payload_packets) {
    EXPECT_EQ(count % 16, 0U) << "payload packets of PID " << pid;
    EXPECT_EQ(counters[pid], 15);
  }
  constexpr std::uint64_t period = (std::uint64_t{1} << 33U) * 300;
  for (std::size_t i = 1; i < report.pcrs.size(); ++i) {
    const std::uint64_t interval = (report.pcrs[i] + period - report.pcrs[i - 1]) % period;
    EXPECT_LE(interval, max_pcr_interval) << "PCR " << i;
  }
  return report;
}

}  // namespace tarn::test
