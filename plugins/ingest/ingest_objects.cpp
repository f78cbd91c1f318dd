// SPDX-License-Identifier: Apache-2.0
// The side of a session that takes objects in: what they are, and what becomes of them before their turn.
#include <utility>

#include "core/isobmff/segment_demuxer.h"
#include "core/mpegts/packed_audio.h"
#include "ingest/ingest_session.h"
#include "ingest/object_kind.h"
#include "ingest/segment_parts.h"
#include "ingest/text_fragments.h"

namespace tarn::ingest {
namespace {

using Outcome = ObjectAnswer::Outcome;

constexpr char cut_short[] = "segment is cut short; its complete GOPs are kept";

Result<codecs::MediaSegment> demux_stream(ObjectKind kind, Bytes content) {
  return kind == ObjectKind::packed_audio ? mpegts::demux_packed_audio(content) : mpegts::demux(content);
}

// Subtitles are taken from segments of their own only.
Result<isobmff::MovieHeader> header_of(Bytes content) {
  isobmff::MovieHeader header = TRY(isobmff::read_movie_header(content));
  if (is_text_header(header)) return header;
  std::erase_if(header.tracks,
                [](const auto& track) { return codecs::kind_of(track.info.codec) == codecs::Kind::text; });
  return header;
}

}  // namespace

ObjectAnswer IngestSession::put(std::string_view path, const Blob& content, Monotonic now,
                                std::shared_ptr<const void> ticket) {
  now_ = now;
  ObjectAnswer answer;
  if (const Status name = check_object_path(path); !name.ok()) {
    answer = refuse(name.error());
  } else {
    const ObjectKind kind = recognise(path, content.bytes());
    if (kind == ObjectKind::playlist) {
      answer = push_.put_playlist(std::string{path}, as_text(content.bytes()), now);
    } else if (kind == ObjectKind::dash_manifest) {
      // shaka-packager ends when one is refused
      answer = {
          .outcome = Outcome::created, .code = {}, .message = "not needed: the playlists are what counts"};
      push_.advance(now);
    } else if (is_taken(kind, container_)) {
      answer = put_segment(kind, path, content, now, std::move(ticket));
    } else {
      answer = refuse(unsupported("content is " + std::string{name_of(kind)} + ", not " +
                                  std::string{name_of(container_)}));
      push_.advance(now);
    }
  }
  if (answer.outcome == Outcome::refused) {
    ++statistics_.refused;
    statistics_.last_error = std::string{path} + ": " + answer.message;
  }
  return answer;
}

ObjectAnswer IngestSession::put_segment(ObjectKind kind, std::string_view path, const Blob& content,
                                        Monotonic now, std::shared_ptr<const void> ticket) {
  UploadedSegment segment{.path = std::string{path},
                          .digest = trusts_names_ ? 1 : digest_of(content.bytes()),
                          .size = content.size(),
                          .media = nullptr,
                          .arrival = now,
                          .ticket = std::move(ticket),
                          .number = ++objects_};
  if (push_.shelf().holds(path, segment.digest)) {
    ++statistics_.repeated;
    return push_.put_segment(std::move(segment), now);
  }
  if (kind == ObjectKind::web_vtt) return put_subtitles(std::move(segment), content);
  if (kind == ObjectKind::fragmented_mp4) return put_fragments(path, std::move(segment), content);
  auto media = demux_stream(kind, content.bytes());
  if (!media.ok()) {
    (void)push_.put_segment(std::move(segment), now);  // its place in the playlist is a gap
    return refuse(std::move(media).error());
  }
  take_findings(*media);
  const bool is_cut = media->truncated;
  segment.cut = is_cut;
  if (is_cut) keep_whole_gops(*media);
  if (!media->streams.empty())
    segment.media = std::make_shared<const codecs::MediaSegment>(std::move(*media));
  ObjectAnswer answer = push_.put_segment(std::move(segment), now);
  if (answer.outcome == Outcome::replaced) ++statistics_.repeated;
  if (is_cut) return refuse(truncated(cut_short));
  return answer;
}

ObjectAnswer IngestSession::put_subtitles(UploadedSegment segment, const Blob& content) {
  auto document = webvtt::parse_document(as_text(content.bytes()));
  if (!document.ok()) {
    (void)push_.put_segment(std::move(segment), now_);
    return refuse(std::move(document).error());
  }
  segment.text = std::make_shared<const webvtt::Document>(std::move(*document));
  ObjectAnswer answer = push_.put_segment(std::move(segment), now_);
  if (answer.outcome == Outcome::replaced) ++statistics_.repeated;
  return answer;
}

// A segment is demuxed when the playlist has said which header it belongs to; until then it is known whether
// it is whole.
ObjectAnswer IngestSession::put_fragments(std::string_view path, UploadedSegment segment,
                                          const Blob& content) {
  if (isobmff::is_movie_header(content.bytes())) return put_header(path, content);
  const auto cut = isobmff::is_cut_short(content.bytes());
  if (cut.ok()) segment.fragments = content;
  segment.cut = cut.ok() && *cut;
  if (isobmff::has_movie_header(content.bytes())) {  // of its own
    const auto header = header_of(content.bytes());
    if (!header.ok()) {
      segment.fragments = {};
      (void)push_.put_segment(std::move(segment), now_);
      return refuse(header.error());
    }
    push_.put_header(segment.path, segment.digest, segment.number,
                     std::make_shared<const isobmff::MovieHeader>(*header), now_);
  }
  ObjectAnswer answer = push_.put_segment(std::move(segment), now_);
  if (answer.outcome == Outcome::replaced) ++statistics_.repeated;
  if (!cut.ok()) return refuse(cut.error());
  return *cut ? refuse(truncated(cut_short)) : answer;
}

ObjectAnswer IngestSession::put_header(std::string_view path, const Blob& content) {
  auto header = header_of(content.bytes());
  if (!header.ok()) return refuse(std::move(header).error());
  return push_.put_header(std::string{path}, digest_of(content.bytes()), objects_,
                          std::make_shared<const isobmff::MovieHeader>(std::move(*header)), now_);
}

void IngestSession::take_findings(const codecs::MediaSegment& media) {
  statistics_.continuity_errors += media.continuity_errors;
  statistics_.damaged_packets += media.damaged_packets;
}

// The header that the playlist names for the segment, or its own.
Result<std::shared_ptr<const isobmff::MovieHeader>> IngestSession::header_for(
    const OrderedSegment& segment) const {
  const UploadedSegment& object = segment.object;
  const HeaderShelf& headers = push_.shelf().headers();
  const auto slash = object.path.rfind('/');
  const auto own =
      ObjectName::resolve(object.path, object.path.substr(slash == std::string::npos ? 0 : slash + 1));
  auto header = segment.header ? headers.find(*segment.header, object.number) : nullptr;
  if (header == nullptr && own.ok()) header = headers.find(*own, object.number);
  if (header == nullptr) return malformed("no EXT-X-MAP says which header it needs");
  return header;
}

Result<codecs::MediaSegment> IngestSession::demux_object(const OrderedSegment& segment) const {
  const auto header = TRY(header_for(segment));
  if (is_text_header(*header)) return unsupported("subtitles, and no EXT-X-MEDIA says that they are");
  return isobmff::demux_fragments(*header, segment.object.fragments);
}

void IngestSession::refuse_later(const UploadedSegment& object, const Error& error) {
  ++statistics_.refused;
  statistics_.last_error = object.path + ": " + error.message;
}

// False: nothing of it can be used.
bool IngestSession::demux(OrderedSegment& segment) {
  UploadedSegment& object = segment.object;
  if (object.media != nullptr) return true;
  auto media = demux_object(segment);
  object.fragments = {};
  if (!media.ok()) {
    refuse_later(object, media.error());
    return false;
  }
  if (object.cut) keep_whole_gops(*media);
  if (media->streams.empty()) {
    ++statistics_.refused;
    return false;
  }
  take_findings(*media);
  object.media = std::make_shared<const codecs::MediaSegment>(std::move(*media));
  return true;
}

// Likewise, of a subtitle playlist's.
bool IngestSession::read_text(OrderedSegment& segment) {
  UploadedSegment& object = segment.object;
  if (object.text != nullptr || object.fragments.empty()) return object.text != nullptr;
  const auto header = header_for(segment);
  auto text = header.ok() ? read_text_fragments(**header, object.fragments)
                          : Result<webvtt::Document>{header.error()};
  object.fragments = {};
  if (!text.ok()) {
    refuse_later(object, text.error());
    return false;
  }
  object.text = std::make_shared<const webvtt::Document>(std::move(*text));
  return true;
}

ObjectAnswer IngestSession::remove(std::string_view path) {
  if (const Status name = check_object_path(path); !name.ok()) return refuse(name.error());
  return {.outcome = Outcome::created, .code = {}, .message = "accepted; Tarn keeps what it needs"};
}

void IngestSession::advance(Monotonic now) {
  now_ = now;
  push_.advance(now);
}

void IngestSession::settle(Monotonic now) {
  now_ = now;
  settled_ = true;
  push_.settle(now);
}

}  // namespace tarn::ingest
