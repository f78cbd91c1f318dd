// SPDX-License-Identifier: Apache-2.0
#include "core/codecs/stream_info.h"

#include <array>
#include <utility>

namespace tarn::codecs {
namespace {

constexpr std::array<std::pair<Codec, std::string_view>, 10> names{{
    {Codec::h264, "h264"},
    {Codec::hevc, "hevc"},
    {Codec::av1, "av1"},
    {Codec::vp9, "vp9"},
    {Codec::aac, "aac"},
    {Codec::ac3, "ac3"},
    {Codec::eac3, "eac3"},
    {Codec::mp3, "mp3"},
    {Codec::opus, "opus"},
    {Codec::webvtt, "webvtt"},
}};

}  // namespace

Kind kind_of(Codec codec) {
  switch (codec) {
    case Codec::h264:
    case Codec::hevc:
    case Codec::av1:
    case Codec::vp9:
      return Kind::video;
    case Codec::aac:
    case Codec::ac3:
    case Codec::eac3:
    case Codec::mp3:
    case Codec::opus:
      return Kind::audio;
    case Codec::webvtt:
      break;
  }
  return Kind::text;
}

std::string_view name_of(Codec codec) {
  for (const auto& [known, name] : names) {
    if (known == codec) return name;
  }
  return "unknown";
}

bool parse_codec(std::string_view name, Codec& codec) {
  for (const auto& [known, known_name] : names) {
    if (known_name == name) {
      codec = known;
      return true;
    }
  }
  return false;
}

bool has_transport_mapping(Codec codec) {
  switch (codec) {
    case Codec::h264:
    case Codec::hevc:
    case Codec::aac:
    case Codec::ac3:
    case Codec::eac3:
    case Codec::mp3:
      return true;
    case Codec::av1:
    case Codec::vp9:
    case Codec::opus:
    case Codec::webvtt:
      break;
  }
  return false;
}

}  // namespace tarn::codecs
