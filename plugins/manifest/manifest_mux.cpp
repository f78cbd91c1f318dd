// SPDX-License-Identifier: Apache-2.0
#include "manifest/manifest_mux.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/text.h"
#include "gstkit/error.h"
#include "gstkit/events.h"
#include "gstkit/pads.h"
#include "manifest/directory.h"

GST_DEBUG_CATEGORY_EXTERN(manifestsink_debug);
#define GST_CAT_DEFAULT manifestsink_debug

namespace tarn::manifest {

Status ManifestMux::start(SinkSettings settings) {
  const SinkSettings& wanted = settings;
  if (wanted.location.empty()) return Error{ErrorCode::invalid, "location is empty"};
  if (!is_path_component(wanted.manifest_name + ".x")) {
    return Error{ErrorCode::invalid, "manifest-name '" + wanted.manifest_name + "' is no file name"};
  }
  BuilderSettings building;
  building.protocol = protocol_;
  building.manifest_name = wanted.manifest_name;
  building.segment_duration = wanted.segment_duration;
  building.window = wanted.window;
  building.deletes = wanted.delete_old_files;
  building.time_url = wanted.utc_timing_url;
  if (wanted.playlist_type == PlaylistType::event) building.kind = timeline::Window::Kind::event;
  if (wanted.playlist_type == PlaylistType::vod) building.kind = timeline::Window::Kind::vod;
  if (wanted.program_date_time_interval > 0)
    building.program_date_time_interval = wanted.program_date_time_interval;
  const std::lock_guard lock{mutex_};
  settings_ = std::move(settings);
  TRY(open_output());
  for (Input& input : inputs_) {
    GstPad* const pad = input.pad;
    input = Input{};
    input.pad = pad;
    gst_segment_init(&input.segment, GST_FORMAT_TIME);
  }
  live_.forget();
  reading_.reset();
  builder_.emplace(std::move(building));
  begun_ = stopped_ = false;
  failure_ = {};
  eos_posted_ = start_posted_ = false;
  eos_seqnum_ = GST_SEQNUM_INVALID;
  return {};
}

Status ManifestMux::open_output() {
  const SinkSettings& wanted = settings_;
  directory_.clear();
  servers_.clear();
  const auto is_url = [](const std::string& text) {
    return text.find("://") != std::string::npos && !text.starts_with("file:");
  };
  const auto open = [&](const std::string& url, const std::string& user,
                        const std::string& password) -> Status {
    TRY(check_base_url(url));
    const auto number = std::to_string(servers_.size() + 1);
    servers_.push_back(std::make_shared<HttpOutput>(
        HttpOutput::Target{url, user, password},
        [this, number](const HttpOutput::Trouble& trouble) { tell(number, trouble); }));
    return {};
  };
  const bool has_directory = !is_url(wanted.location);
  if (!has_directory) TRY(open(wanted.location, wanted.user_id, wanted.user_pw));
  if (!wanted.second_location.empty())
    TRY(open(wanted.second_location, wanted.second_user_id, wanted.second_user_pw));
  if (!has_directory) return {};
  directory_ = TRY(directory_of(wanted.location));
  return make_directory(directory_);
}

// Of a server, on its thread; or, of what is no refusal, on who pushes. A pipeline whose files nobody wants
// ends at once.
void ManifestMux::tell(const std::string& number, const HttpOutput::Trouble& trouble) {
  const std::string what = "server " + number + ": " + trouble.what;
  bool is_over = false;
  if (trouble.is_refused) {
    const std::lock_guard lock{mutex_};
    if (stopped_) return;
    is_over = directory_.empty() && std::all_of(servers_.begin(), servers_.end(),
                                                [](const auto& server) { return server->is_refused(); });
    if (is_over && !first_failure(Error{ErrorCode::io, what})) return;
    changed_.notify_all();
  }
  if (!is_over) {
    GST_ELEMENT_WARNING(element_, RESOURCE, WRITE, ("%s", what.c_str()), (nullptr));
  } else if (trouble.for_credentials) {
    GST_ELEMENT_ERROR(element_, RESOURCE, NOT_AUTHORIZED, ("%s", what.c_str()), (nullptr));
  } else {
    GST_ELEMENT_ERROR(element_, RESOURCE, WRITE, ("%s", what.c_str()), (nullptr));
  }
}

void ManifestMux::stop() {
  const std::lock_guard lock{mutex_};
  stopped_ = true;
  for (const auto& server : servers_) server->stop();  // an EOS may be waiting for it
  changed_.notify_all();
}

void ManifestMux::close() {
  Servers closed;  // their threads end without the lock
  const std::lock_guard lock{mutex_};
  builder_.reset();
  begun_ = false;
  closed.swap(servers_);
}

// ---- pads

GstPad* ManifestMux::open_pad(GstPadTemplate* pad_template, const gchar* name) {
  GstPad* const pad = gstkit::new_request_pad(element_, pad_template, "sink_", name);
  if (pad == nullptr) return nullptr;
  {
    const std::lock_guard lock{mutex_};
    if (begun_) {
      GST_WARNING_OBJECT(element_, "no new track after the first segment");
      (void)Ref<GstPad>::adopt(pad);
      return nullptr;
    }
    Input& input = inputs_.emplace_back();
    input.pad = pad;
    gst_segment_init(&input.segment, GST_FORMAT_TIME);
  }
  return pad;
}

void ManifestMux::forget_pad(GstPad* pad) {
  const std::lock_guard lock{mutex_};
  std::erase_if(inputs_, [pad](const Input& input) { return input.pad == pad; });
}

ManifestMux::Released ManifestMux::release_pad(GstPad* pad) {
  set_flushing(pad, true);
  gst_pad_set_active(pad, FALSE);
  Result<bool> ended = false;
  std::optional<Error> news;
  {
    const std::lock_guard lock{mutex_};
    const Input* const input = find(pad);
    const timeline::TrackId track = input != nullptr ? input->track : 0;
    const bool is_awaited = input != nullptr && !input->ended;
    std::erase_if(inputs_, [pad](const Input& one) { return one.pad == pad; });
    if (builder_ && failure_ && is_awaited && !inputs_.empty()) ended = end_of_track(track);
    if (!ended.ok()) news = first_failure(ended.error());
    changed_.notify_all();
  }
  return {std::move(news), ended.ok() && *ended};
}

void ManifestMux::set_flushing(GstPad* pad, bool flushing) {
  const std::lock_guard lock{mutex_};
  if (Input* const input = find(pad)) input->flushing = flushing;
  changed_.notify_all();
}

ManifestMux::Input* ManifestMux::find(GstPad* pad) {
  for (Input& input : inputs_) {
    if (input.pad == pad) return &input;
  }
  return nullptr;
}

bool ManifestMux::all_ended() const {
  for (const Input& input : inputs_) {
    if (!input.ended) return false;
  }
  return true;
}

// ---- events

bool ManifestMux::sink_event(GstPad* pad, GstEvent* raw) {
  const auto event = Ref<GstEvent>::adopt(raw);
  if (GST_EVENT_TYPE(raw) == GST_EVENT_FLUSH_START) set_flushing(pad, true);
  if (GST_EVENT_TYPE(raw) == GST_EVENT_FLUSH_STOP) set_flushing(pad, false);
  Status status;
  std::optional<Error> failure;
  std::vector<News> news;
  bool last = false;
  bool is_first = false;
  {
    const std::lock_guard lock{mutex_};
    Input* const input = find(pad);
    if (!builder_ || input == nullptr) return true;
    is_first = GST_EVENT_TYPE(raw) == GST_EVENT_STREAM_START && !std::exchange(start_posted_, true);
    if (GST_EVENT_TYPE(raw) == GST_EVENT_CAPS) {
      GstCaps* caps = nullptr;
      gst_event_parse_caps(raw, &caps);
      status = take_caps(*input, caps);
    } else if (auto announced = gstkit::parse<gstkit::TrackAnnounced>(raw)) {
      input->description = std::move(announced->track);
    } else if (const auto begin = gstkit::parse<gstkit::StretchBegin>(raw)) {
      const auto before = std::exchange(input->stretch, begin->id);
      if (before && before != begin->id && input->track != 0) builder_->begin_anew(input->track);
    } else if (GST_EVENT_TYPE(raw) == GST_EVENT_SEGMENT) {
      gst_event_copy_segment(raw, &input->segment);
    } else if (GST_EVENT_TYPE(raw) == GST_EVENT_GAP && failure_) {
      status = take_gap(*input, raw);
    } else if (GST_EVENT_TYPE(raw) == GST_EVENT_EOS && failure_) {
      input->ended = true;
      eos_seqnum_ = gst_event_get_seqnum(raw);
      const Result<bool> ended = end_of_track(input->track);
      if (!ended.ok()) status = ended.error();
      last = ended.ok() && *ended;
    }
    failure = first_failure(status);
    news = take_news();
    changed_.notify_all();
  }
  tell(news);
  if (failure) gstkit::post_error(element_, *failure);
  if (is_first) post_start(raw);
  if (last) finish();
  return status.ok();
}

Result<bool> ManifestMux::end_of_track(timeline::TrackId track) {
  TRY(begin_when_ready());
  if (track != 0) TRY(builder_->end_track(track, now()));
  const bool last = all_ended() && !std::exchange(eos_posted_, true);
  if (last) TRY(builder_->finish(now()));
  TRY(write());
  return last;
}

std::optional<Error> ManifestMux::first_failure(const Status& status) {
  if (status || !failure_) return std::nullopt;
  failure_ = status;
  return status.error();
}

// EOS is posted when the servers have what is theirs. Nobody pushes any more; a stop ends the wait.
void ManifestMux::finish() {
  Servers servers;
  bool is_taken = false;  // by anybody
  guint32 seqnum = GST_SEQNUM_INVALID;
  {
    const std::lock_guard lock{mutex_};
    if (stopped_) return;
    servers = servers_;
    is_taken = !directory_.empty();
    seqnum = eos_seqnum_;
  }
  constexpr std::chrono::seconds patience{30};  // with all of them together
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::string why;
  for (const auto& server : servers) {
    const auto drained = server->drain(deadline);
    if (drained == HttpOutput::Drained::stopped) return;
    if (drained == HttpOutput::Drained::late)
      GST_ELEMENT_WARNING(element_, RESOURCE, WRITE, ("the end of the stream could not be sent"), (nullptr));
    const auto refusal = server->refusal();
    if (!refusal) is_taken = true;
    why = refusal.value_or(why);
  }
  {
    const std::lock_guard lock{mutex_};
    if (!failure_) return;  // said by a server's thread
  }
  if (is_taken) return post_eos(seqnum);
  gstkit::post_error(element_, {ErrorCode::io, "no server has taken anything: " + why});
}

void ManifestMux::post_start(GstEvent* event) {
  GstMessage* message = gst_message_new_stream_start(GST_OBJECT_CAST(element_));
  guint group = 0;
  if (gst_event_parse_group_id(event, &group) != FALSE) gst_message_set_group_id(message, group);
  gst_message_set_seqnum(message, gst_event_get_seqnum(event));
  gst_element_post_message(element_, message);
}

void ManifestMux::post_eos(guint32 seqnum) {
  GstMessage* message = gst_message_new_eos(GST_OBJECT_CAST(element_));
  if (seqnum != GST_SEQNUM_INVALID) gst_message_set_seqnum(message, seqnum);
  gst_element_post_message(element_, message);
}

}  // namespace tarn::manifest
