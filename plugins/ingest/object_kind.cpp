// SPDX-License-Identifier: Apache-2.0
#include "ingest/object_kind.h"

#include <algorithm>
#include <array>

#include "core/mpegts/demuxer.h"
#include "core/mpegts/packed_audio.h"

namespace tarn::ingest {
namespace {

std::string_view extension(std::string_view path) {
  const auto dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
}

bool begins_with(Bytes content, std::string_view text) {
  return content.size() >= text.size() && as_text(content.first(text.size())) == text;
}

bool is_fragmented_mp4(Bytes content) {
  static constexpr std::array<std::string_view, 7> first_boxes{"ftyp", "styp", "moof", "moov",
                                                               "sidx", "emsg", "prft"};
  if (content.size() < 8) return false;
  const std::string_view type = as_text(content.subspan(4, 4));
  return std::find(first_boxes.begin(), first_boxes.end(), type) != first_boxes.end();
}

bool is_dash_manifest(std::string_view text) {
  constexpr std::size_t prologue = 1024;
  const std::string_view head = text.substr(0, prologue);
  return head.starts_with('<') && head.find("<MPD") != std::string_view::npos;
}

ObjectKind sniff(Bytes content) {
  const bool marked = begins_with(content, "\xef\xbb\xbf");
  const Bytes text = marked ? content.subspan(3) : content;
  if (begins_with(text, "#EXTM3U")) return ObjectKind::playlist;
  if (begins_with(text, "WEBVTT")) return ObjectKind::web_vtt;
  if (is_dash_manifest(as_text(text))) return ObjectKind::dash_manifest;
  if (is_fragmented_mp4(content)) return ObjectKind::fragmented_mp4;
  if (mpegts::is_transport_stream(content.first(std::min(content.size(), mpegts::probe_size))))
    return ObjectKind::transport_stream;
  if (mpegts::is_packed_audio(content)) return ObjectKind::packed_audio;
  return ObjectKind::unknown;
}

}  // namespace

ObjectKind recognise(std::string_view path, Bytes content) {
  // A broken playlist is still meant as one, and its parser says what is wrong with it.
  if (extension(path) == "m3u8" || extension(path) == "m3u") return ObjectKind::playlist;
  const ObjectKind kind = sniff(content);
  // So is a broken segment: the demuxer can tell an encrypted one.
  if (kind == ObjectKind::unknown && extension(path) == "ts") return ObjectKind::transport_stream;
  if (kind == ObjectKind::unknown && extension(path) == "vtt") return ObjectKind::web_vtt;
  if (kind == ObjectKind::unknown && extension(path) == "m4s") return ObjectKind::fragmented_mp4;
  return kind;
}

bool is_taken(ObjectKind kind, Container container) {
  if (kind == ObjectKind::web_vtt) return true;
  const bool is_fragments = kind == ObjectKind::fragmented_mp4;
  const bool is_stream = kind == ObjectKind::transport_stream || kind == ObjectKind::packed_audio;
  if (container == Container::fragmented_mp4) return is_fragments;
  return is_stream || (container == Container::any && is_fragments);
}

std::string_view name_of(Container container) {
  switch (container) {
    case Container::transport_stream:
      return "MPEG-TS or packed audio";
    case Container::fragmented_mp4:
      return "fragmented MP4";
    case Container::any:
      break;
  }
  return "MPEG-TS, packed audio or fragmented MP4";
}

std::string_view name_of(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::playlist:
      return "a playlist";
    case ObjectKind::transport_stream:
      return "MPEG-TS";
    case ObjectKind::fragmented_mp4:
      return "fragmented MP4";
    case ObjectKind::packed_audio:
      return "packed audio";
    case ObjectKind::web_vtt:
      return "WebVTT";
    case ObjectKind::dash_manifest:
      return "a DASH manifest";
    case ObjectKind::unknown:
      break;
  }
  return "of no known kind";
}

}  // namespace tarn::ingest
