// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/text.h"
#include "tests/support/command.h"

// What ffmpeg makes of a transport stream: the same question, answered by somebody else.
namespace tarn::test {

inline bool has_ffmpeg() { return has_command("ffmpeg") && has_command("ffprobe"); }

struct JudgedPacket {
  std::optional<std::int64_t> pts;  // 33 bits
  std::optional<std::int64_t> dts;
  std::string hash;  // of the sample as an MP4 file carries it
};

struct JudgedStream {
  std::string codec;
  std::uint16_t pid = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<JudgedPacket> packets;
  std::string config_hash;  // of avcC, hvcC or AudioSpecificConfig
};

// CRC-32 as ffprobe's data_hash gives it.
inline std::string hash_of(Bytes bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  crc = ~crc;
  const std::array<std::uint8_t, 4> value{
      static_cast<std::uint8_t>(crc >> 24U), static_cast<std::uint8_t>(crc >> 16U),
      static_cast<std::uint8_t>(crc >> 8U), static_cast<std::uint8_t>(crc)};
  return "CRC32:" + hex(value);
}

// ffprobe's compact output: "packet|stream_index=0|pts=9000|dts=N/A|size=123".
using ProbedLine = std::map<std::string, std::string>;
inline std::vector<ProbedLine> probe(const std::string& arguments, const std::filesystem::path& file) {
  std::vector<ProbedLine> lines;
  std::istringstream output{
      run("ffprobe -v quiet -of compact " + arguments + " '" + file.string() + "'").output};
  for (std::string line; std::getline(output, line);) {
    ProbedLine fields;
    for (const std::string_view field : split(line, '|')) {
      const std::size_t equals = field.find('=');
      if (equals != std::string_view::npos) {
        fields[std::string{field.substr(0, equals)}] = field.substr(equals + 1);
      }
    }
    if (!fields.empty()) lines.push_back(std::move(fields));
  }
  return lines;
}

inline std::optional<std::int64_t> timestamp(const std::string& text) {
  if (text == "N/A") return std::nullopt;
  return std::stoll(text) & ((std::int64_t{1} << 33U) - 1);
}

inline bool is_video_codec(const std::string& codec) { return codec == "h264" || codec == "hevc"; }
inline bool is_carried_codec(const std::string& codec) {
  return is_video_codec(codec) || codec == "aac" || codec == "ac3" || codec == "eac3" || codec == "mp3";
}

// The streams Tarn carries that have packets, in the order of the file's. Samples are those of an MP4 file
// that ffmpeg makes of it, less the NAL units that Tarn takes out.
inline std::vector<JudgedStream> judge_transport_stream(const std::filesystem::path& file) {
  std::map<std::string, JudgedStream> by_index;
  std::map<std::string, std::vector<JudgedPacket>> packets;
  for (ProbedLine& line :
       probe("-show_entries stream=index,codec_name,id,width,height:packet=stream_index,pts,dts", file)) {
    if (line.count("pts") != 0) {
      packets[line["stream_index"]].push_back({timestamp(line["pts"]), timestamp(line["dts"]), {}});
    } else if (is_carried_codec(line["codec_name"])) {
      JudgedStream& stream = by_index[line["index"]];
      stream.codec = line["codec_name"];
      stream.pid = static_cast<std::uint16_t>(std::stoul(line["id"], nullptr, 16));
      if (is_video_codec(stream.codec)) {
        stream.width = static_cast<std::uint32_t>(std::stoul(line["width"]));
        stream.height = static_cast<std::uint32_t>(std::stoul(line["height"]));
      }
    }
  }
  std::vector<JudgedStream> streams;
  std::string filter;
  std::string command = "ffmpeg -y -v quiet -i '" + file.string() + "'";
  for (auto& [index, stream] : by_index) {
    stream.packets = std::move(packets[index]);
    if (stream.packets.empty()) continue;
    command += " -map 0:" + index;
    if (stream.codec == "h264") filter = " -bsf:v filter_units=remove_types=7-13";
    if (stream.codec == "hevc") filter = " -tag:v hvc1 -bsf:v filter_units=remove_types=32-38";
    streams.push_back(std::move(stream));
  }
  const TemporaryDirectory directory;
  const std::filesystem::path mp4 = directory.path() / "judged.mp4";
  run(command + " -c copy -copyinkf" + filter + " '" + mp4.string() + "'");
  std::vector<std::size_t> counts(streams.size());
  for (ProbedLine& line :
       probe("-show_data_hash CRC32 -show_entries packet=stream_index,data_hash:stream=index,extradata_hash",
             mp4)) {
    const bool is_packet = line.count("data_hash") != 0;
    const std::size_t index = std::stoul(line[is_packet ? "stream_index" : "index"]);
    if (!is_packet) {
      streams.at(index).config_hash = line["extradata_hash"];
    } else if (counts.at(index) < streams.at(index).packets.size()) {
      streams.at(index).packets[counts.at(index)++].hash = line["data_hash"];
    }
  }
  return streams;
}

}  // namespace tarn::test
