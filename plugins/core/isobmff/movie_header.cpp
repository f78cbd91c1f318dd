// SPDX-License-Identifier: Apache-2.0
#include "core/isobmff/movie_header.h"

#include <algorithm>
#include <limits>

#include "core/base/time.h"
#include "core/isobmff/box_reader.h"
#include "core/isobmff/cmaf.h"
#include "core/isobmff/language.h"
#include "core/isobmff/moov.h"
#include "core/isobmff/sample_description.h"

namespace tarn::isobmff {
namespace {

constexpr std::size_t most_tracks = 32;
// Beyond it an edit list means something else than where a live stream begins.
constexpr std::int64_t longest_shift = 3600;  // seconds

std::string language_of(const Mdia& mdia) {
  if (!mdia.elng) return unpack_language(mdia.mdhd.language);
  const ByteVector& content = mdia.elng->content;
  const bool has_flags = content.size() >= 4 && content.front() == 0;
  const auto tag = content.begin() + (has_flags ? 4 : 0);
  return {tag, std::find(tag, content.end(), 0)};
}

bool is_encrypted(FourCC sample_entry) {
  return sample_entry == fourcc("encv") || sample_entry == fourcc("enca") || sample_entry == fourcc("encs") ||
         sample_entry == fourcc("enct");
}

bool has_box(Bytes bytes, FourCC type) {
  ReadContext context;
  std::size_t at = 0;
  while (const auto box = read_box_header(bytes, at, ErrorCode::truncated, context)) {
    if (box->type == type) return true;
    at = box->end();
  }
  return false;
}

Result<Moov> find_moov(Bytes bytes) {
  ReadContext context;
  std::size_t at = 0;
  while (const auto box = read_box_header(bytes, at, ErrorCode::truncated, context)) {
    at = box->end();
    if (box->type != Moov::type) continue;
    Moov moov;
    read_box(bytes, *box, moov, context);
    if (context.ok()) return moov;
  }
  if (!context.ok()) return context.take_error();
  return truncated("CMAF header: no moov box");
}

// A pause at first moves everything back, and what the first real edit leaves out moves it forward.
Result<std::int64_t> shift_of(const Moov& moov, const Trak& trak) {
  if (!trak.edts || !trak.edts->elst) return std::int64_t{0};
  const std::uint32_t timescale = trak.mdia.mdhd.timescale;
  std::int64_t shift = 0;
  for (const Elst::Entry& edit : trak.edts->elst->entries) {
    const std::int64_t longest = longest_shift * timescale;
    if (edit.media_time != Elst::empty) {
      if (edit.media_time < 0 || edit.media_time > longest) {
        return malformed("moov/trak/edts/elst: media_time out of range");
      }
      return shift - edit.media_time;
    }
    if (moov.mvhd.timescale == 0 ||
        edit.segment_duration > static_cast<std::uint64_t>(longest_shift) * moov.mvhd.timescale) {
      return malformed("moov/trak/edts/elst: segment_duration out of range");
    }
    shift += rescale(static_cast<std::int64_t>(edit.segment_duration), moov.mvhd.timescale, timescale);
    if (shift > longest) return malformed("moov/trak/edts/elst: segment_duration out of range");
  }
  return shift;
}

Result<MovieTrack> read_track(const Moov& moov, const Trak& trak) {
  const Stsd& stsd = trak.mdia.minf.stbl.stsd;
  if (is_encrypted(stsd.entry_type)) {
    return Error{ErrorCode::encrypted, "CMAF header: the track is encrypted"};
  }
  if (trak.mdia.mdhd.timescale == 0) return malformed("moov/trak/mdia/mdhd: timescale 0");
  MovieTrack track;
  track.id = trak.tkhd.track_id;
  track.info = TRY(read_sample_entry(stsd));
  track.info.timescale = trak.mdia.mdhd.timescale;
  track.language = language_of(trak.mdia);
  track.shift = TRY(shift_of(moov, trak));
  return track;
}

void set_defaults(const Moov& moov, MovieTrack& track) {
  if (!moov.mvex) return;
  for (const Trex& trex : moov.mvex->trexes) {
    if (trex.track_id == track.id) track.defaults = trex;
  }
}

}  // namespace

bool has_movie_header(Bytes bytes) { return has_box(bytes, Moov::type); }

bool is_movie_header(Bytes bytes) { return has_movie_header(bytes) && !has_box(bytes, fourcc("moof")); }

Result<MovieHeader> read_movie_header(Bytes bytes) {
  const Moov moov = TRY(find_moov(bytes));
  if (moov.traks.size() > most_tracks) {
    return Error{ErrorCode::limit, "CMAF header: more than " + std::to_string(most_tracks) + " tracks"};
  }
  MovieHeader header;
  std::optional<Error> refusal;
  for (const Trak& trak : moov.traks) {
    auto track = read_track(moov, trak);
    const std::string name = "track " + std::to_string(trak.tkhd.track_id) + ": ";
    if (!track.ok()) {
      if (track.error().code != ErrorCode::unsupported) return std::move(track).error();
      header.ignored.push_back(name + track.error().message);
      if (!refusal) refusal = std::move(track).error();
      continue;
    }
    if (track->id == 0) return malformed("moov/trak/tkhd: track_ID 0");
    const auto is_same = [&](const MovieTrack& other) { return other.id == track->id; };
    if (std::any_of(header.tracks.begin(), header.tracks.end(), is_same)) {
      return malformed("moov: two tracks have the track_ID " + std::to_string(track->id));
    }
    set_defaults(moov, *track);
    header.tracks.push_back(std::move(track).value());
  }
  if (!header.tracks.empty()) return header;
  return refusal ? *refusal : malformed("CMAF header: no tracks");
}

Result<ParsedInit> parse_init(Bytes bytes) {
  const Moov moov = TRY(find_moov(bytes));
  if (moov.traks.size() != 1) {
    return unsupported("CMAF header: " + std::to_string(moov.traks.size()) + " tracks, not one");
  }
  MovieTrack track = TRY(read_track(moov, moov.traks.front()));
  return ParsedInit{std::move(track.info), track.id, std::move(track.language)};
}

}  // namespace tarn::isobmff
