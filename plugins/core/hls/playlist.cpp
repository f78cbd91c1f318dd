// SPDX-License-Identifier: Apache-2.0
#include "core/hls/playlist.h"

#include <algorithm>
#include <array>

#include "core/hls/lines.h"

namespace tarn::hls {
namespace {

// Tags that only one kind of playlist may have (RFC 8216bis 4.4.2 to 4.4.6).
constexpr std::array<std::string_view, 5> multivariant_tags{
    "EXT-X-STREAM-INF", "EXT-X-MEDIA", "EXT-X-I-FRAME-STREAM-INF", "EXT-X-SESSION-DATA", "EXT-X-SESSION-KEY"};
constexpr std::array<std::string_view, 15> media_tags{
    "EXTINF",
    "EXT-X-TARGETDURATION",
    "EXT-X-MEDIA-SEQUENCE",
    "EXT-X-DISCONTINUITY-SEQUENCE",
    "EXT-X-PLAYLIST-TYPE",
    "EXT-X-ENDLIST",
    "EXT-X-I-FRAMES-ONLY",
    "EXT-X-BYTERANGE",
    "EXT-X-DISCONTINUITY",
    "EXT-X-KEY",
    "EXT-X-MAP",
    "EXT-X-PROGRAM-DATE-TIME",
    "EXT-X-GAP",
    "EXT-X-PART-INF",
    "EXT-X-SERVER-CONTROL",
};

template <class Tags>
bool is_one_of(const Tags& tags, std::string_view tag) {
  return std::find(tags.begin(), tags.end(), tag) != tags.end();
}

}  // namespace

Result<PlaylistKind> classify(std::string_view text) {
  LineReader lines{text, Limits{}};
  TRY(lines.begin());
  std::optional<PlaylistKind> kind;
  while (const auto line = TRY(lines.next())) {
    const bool multivariant = is_one_of(multivariant_tags, line->tag);
    if (!multivariant && !is_one_of(media_tags, line->tag)) continue;
    const auto found = multivariant ? PlaylistKind::multivariant : PlaylistKind::media;
    if (kind && *kind != found) {
      return line_error(ErrorCode::malformed, *line, "tags of a multivariant and of a media playlist in one");
    }
    kind = found;
  }
  if (!kind) return malformed("playlist: no tag tells whether it is a multivariant or a media playlist");
  return *kind;
}

}  // namespace tarn::hls
