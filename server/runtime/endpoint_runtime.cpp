// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/endpoint_runtime.h"

#include <algorithm>

#include "core/base/out_of_memory.h"
#include "core/dash/render.h"
#include "core/hls/render.h"
#include "core/timeline/output_span.h"
#include "core/timeline/output_variants.h"
#include "server/runtime/content.h"

namespace tarn::server {
namespace {

constexpr Microseconds idle_limit = std::chrono::seconds{60};
constexpr char hls_type[] = "application/vnd.apple.mpegurl";
constexpr char dash_type[] = "application/dash+xml";

Fetched absent(Fetched::Absence absence, std::string reason) {
  return {nullptr, absence, std::move(reason), {}};
}

// Why a live manifest would let viewers down: nothing has come for three segments, or not of every video and
// audio track that the endpoint offers. Subtitles are silent for as long as nobody speaks.
std::optional<std::string> trouble_of(const timeline::Timeline& timeline,
                                      const timeline::OutputSettings& output, Utc now) {
  const timeline::Presentation* presentation = timeline.presentation(output.endpoint);
  if (timeline.ended || presentation == nullptr || presentation->cuts.empty()) return std::nullopt;
  const timeline::Cut newest = presentation->cuts.back();
  const timeline::Generation* generation = presentation->find_generation(newest.generation);
  const std::uint32_t segment =
      std::max(output.segment_duration, generation == nullptr ? 0 : generation->target_duration);
  if (now - newest.recorded > std::chrono::seconds{3 * segment}) {
    return "nothing has come since " + format_utc(newest.recorded);
  }
  const timeline::Stretch* stretch = timeline.stretch(newest.stretch);
  if (stretch == nullptr) return std::nullopt;
  for (const timeline::Variant& variant : timeline::variants_of(timeline, *stretch, output)) {
    std::vector<timeline::TrackId> tracks = variant.audio;
    if (variant.video != 0) tracks.push_back(variant.video);
    for (const timeline::TrackId track : tracks) {
      if (timeline::span_of(timeline, *stretch, newest, track).first != nullptr) continue;
      return "the newest segment has nothing of " + stretch->find(track)->description.key;
    }
  }
  return std::nullopt;
}

Microseconds shift_of(const EndpointRuntime::Request& request, const EndpointRuntime::Settings& settings) {
  constexpr Microseconds any_age = std::chrono::hours{24 * 36'500};
  return request.is_collected ? any_age : settings.windows.shift;
}

Fetched out_of_memory() { return absent(Fetched::Absence::failed, "out of memory"); }

}  // namespace

// A manifest that is asked for, of one state.
struct EndpointRuntime::ManifestJob {
  Timeline timeline;
  std::shared_ptr<const Settings>
      settings;  // under which it was asked for, and nothing is packaged otherwise
  Request request;
  timeline::ManifestName name;
  std::string key;     // in manifests_
  std::string flight;  // in flights_
};

// What one state of the timeline and of the settings gave.
class EndpointRuntime::StateReuse : public Reuse {
 public:
  StateReuse(std::weak_ptr<EndpointRuntime> runtime, const Timeline& timeline,
             const std::shared_ptr<const Settings>& settings, bool is_media, std::uint64_t age)
      : runtime_(std::move(runtime)),
        timeline_(timeline),
        settings_(settings),
        is_media_(is_media),
        age_(age) {}

  [[nodiscard]] bool is_current() const override {
    const auto runtime = runtime_.lock();
    return runtime && age_ == runtime->age_ && same(timeline_, runtime->archive_->timeline()) &&
           same(settings_, runtime->settings());
  }
  void count() const override {
    const auto runtime = runtime_.lock();
    if (!runtime) return;
    ++runtime->requests_;
    if (is_media_) ++runtime->hits_;
  }

  template <class T>
  static bool same(const std::weak_ptr<const T>& then, const std::shared_ptr<const T>& now) {
    return !then.owner_before(now) && !now.owner_before(then);
  }

 private:
  std::weak_ptr<EndpointRuntime> runtime_;
  std::weak_ptr<const timeline::Timeline> timeline_;
  std::weak_ptr<const Settings> settings_;
  bool is_media_;
  std::uint64_t age_;
};

EndpointRuntime::EndpointRuntime(Parts parts, Settings settings, std::shared_ptr<archive::Archive> archive,
                                 PackagerFactory make_packager)
    : parts_(parts),
      archive_(std::move(archive)),
      make_packager_(std::move(make_packager)),
      strand_("package/" + settings.output.endpoint),
      settings_(std::make_shared<const Settings>(std::move(settings))),
      meters_(parts.metrics, settings_->label, settings_->output.protocol),
      hits_(parts.metrics.counter("tarn_segment_cache_hits_total", {})),
      misses_(parts.metrics.counter("tarn_segment_cache_misses_total", {})),
      renders_(parts.metrics.counter("tarn_manifest_renders_total", {})) {}

void EndpointRuntime::set_settings(Settings settings) {
  {
    const std::lock_guard lock{mutex_};
    settings_ = std::make_shared<const Settings>(std::move(settings));
  }
  manifests_.clear();
}

std::shared_ptr<const EndpointRuntime::Settings> EndpointRuntime::settings() const {
  const std::lock_guard lock{mutex_};
  return settings_;
}

void EndpointRuntime::fetch(const Request& request, std::function<void(Fetched)> done) {
  ++requests_;
  const auto current = settings();
  // Semantics S10: what is to be encrypted is not there before there is a key, not even as a name.
  if (current->output.is_encrypted && !(current->protection && current->output.protection)) {
    return done(absent(Fetched::Absence::no_key, "there is no key for this endpoint yet"));
  }
  const Timeline timeline = archive_->timeline();
  const auto reusable = [&](bool is_media) {
    // Whether a manifest is stale is a matter of time, not of the state.
    const bool reuses = is_media || !current->error_on_stale;
    return [reuse = reuses ? std::make_shared<const StateReuse>(weak_from_this(), timeline, current, is_media,
                                                                age_.load())
                           : nullptr,
            answer = std::move(done)](Fetched fetched) {
      if (fetched.content && reuse) fetched.reuse = reuse;
      answer(std::move(fetched));
    };
  };
  if (const auto name = timeline::parse_manifest_name(request.file, current->output.manifest_name)) {
    if (name->mpd != (current->output.protocol == timeline::Protocol::dash)) {
      return done(absent(Fetched::Absence::not_found, "this endpoint has no such manifest"));
    }
    if (current->error_on_stale && request.window.empty()) {
      if (auto trouble = trouble_of(*timeline, current->output, request.utc)) {
        return done(absent(Fetched::Absence::stale, std::move(*trouble)));
      }
    }
    return fetch_manifest(timeline, current, request, *name, reusable(false));
  }
  auto found = find_media(*timeline, current->output, shift_of(request, *current), request.utc, request.file);
  if (auto* missing = std::get_if<Fetched>(&found)) return done(std::move(*missing));
  fetch_media(std::get<MediaFile>(found), request, current, reusable(true));
}

void EndpointRuntime::fetch_manifest(const Timeline& timeline, const std::shared_ptr<const Settings>& current,
                                     const Request& request, const timeline::ManifestName& name,
                                     std::function<void(Fetched)> done) {
  const std::string window = timeline::format_window_query(request.window);
  const std::string key = window.empty() ? request.file : request.file + "?" + window;
  if (auto rendered = manifests_.find(timeline, key)) return done({std::move(rendered), {}, {}, {}});
  // A request must not join one that renders an older state.
  const std::string flight = key + "@" + std::to_string(manifests_.revision()) + "/" +
                             std::to_string(reinterpret_cast<std::uintptr_t>(timeline.get()));
  if (!flights_.join(flight, std::move(done))) return;
  const auto job =
      std::make_shared<const ManifestJob>(ManifestJob{timeline, current, request, name, key, flight});
  parts_.workers.submit([self = shared_from_this(), job] {
    if (!job->name.i_frames) return self->finish_manifest(*job);
    self->gather_leads(job, unless_out_of_memory([&] { return self->missing_leads(*job); },
                                                 [] { return std::vector<std::string>{}; }));
  });
}

void EndpointRuntime::finish_manifest(const ManifestJob& job) {
  const std::uint64_t revision = manifests_.revision();
  const auto used = settings();
  const Fetched answer = unless_out_of_memory(
      [&] { return render(*job.timeline, *used, job.request, job.name); }, out_of_memory);
  if (answer.content) manifests_.insert(job.timeline, revision, job.key, answer.content);
  flights_.land(job.flight, answer);
}

std::vector<std::string> EndpointRuntime::missing_leads(const ManifestJob& job) const {
  const Settings& used = *job.settings;
  const timeline::Presentation* presentation = job.timeline->presentation(used.output.endpoint);
  if (presentation == nullptr || presentation->cuts.empty()) return {};
  const auto window = timeline::resolve_window(*job.timeline, *presentation, job.request.window, used.windows,
                                               job.request.utc);
  if (!window) return {};
  auto segments = hls::i_frame_segments(*job.timeline, used.output, *job.name.rendition, *window);
  return segments ? leads_.missing(std::move(segments).value()) : std::vector<std::string>{};
}

void EndpointRuntime::gather_leads(const std::shared_ptr<const ManifestJob>& job,
                                   std::vector<std::string> missing) {
  if (missing.empty()) return finish_manifest(*job);
  parts_.workers.submit(strand_, [self = shared_from_this(), job, missing = std::move(missing)]() mutable {
    unless_out_of_memory([&] { self->learn_lead(*job, missing.back()); }, [] {});
    missing.pop_back();
    self->gather_leads(job, std::move(missing));
  });
}

void EndpointRuntime::learn_lead(const ManifestJob& job, const std::string& segment) {
  if (const auto cached = parts_.cache.find(strand_ + "/" + segment)) return leads_.learn(segment, *cached);
  Request request = job.request;
  request.file = segment;
  const auto found =
      find_media(*job.timeline, job.settings->output, shift_of(request, *job.settings), request.utc, segment);
  const MediaFile* media = std::get_if<MediaFile>(&found);
  if (media == nullptr) return;
  last_packaged_ = request.now.time_since_epoch().count();
  // The live window's viewers want them next; those of a long window would take the place of what they want.
  const Use use = request.window.empty() ? Use::kept : Use::once;
  const Fetched packaged = package(*media, request, *job.settings, use);
  if (packaged.content) leads_.learn(segment, *packaged.content);
}

Result<std::string> EndpointRuntime::render_text(const timeline::Timeline& timeline, const Settings& settings,
                                                 const timeline::ManifestName& name,
                                                 const timeline::Window& window) const {
  if (name.mpd) return dash::render_mpd(timeline, settings.output, settings.time_url, window);
  if (!name.rendition) return hls::render_multivariant(timeline, settings.output, window);
  if (!name.i_frames) return hls::render_media(timeline, settings.output, *name.rendition, window);
  return leads_.with([&](const hls::Leads& leads) {
    return hls::render_i_frames(timeline, settings.output, *name.rendition, leads, window);
  });
}

Fetched EndpointRuntime::render(const timeline::Timeline& timeline, const Settings& settings,
                                const Request& request, const timeline::ManifestName& name) {
  const timeline::Presentation* presentation = timeline.presentation(settings.output.endpoint);
  if (presentation == nullptr || presentation->cuts.empty()) {
    return absent(Fetched::Absence::no_content, "this channel has no content yet");
  }
  const auto window =
      timeline::resolve_window(timeline, *presentation, request.window, settings.windows, request.utc);
  if (!window) {
    const bool never = window.error().code == ErrorCode::invalid;
    return absent(never ? Fetched::Absence::bad_window : Fetched::Absence::outside, window.error().message);
  }
  ++renders_;
  const auto text = render_text(timeline, settings, name, *window);
  if (!text) {
    if (text.error().code == ErrorCode::not_found) {
      return absent(Fetched::Absence::not_found, text.error().message);
    }
    note_failure(text.error().message);
    return absent(Fetched::Absence::failed, "the manifest could not be written");
  }
  const std::uint32_t max_age = std::max(settings.output.segment_duration / 2, 1U);
  return {manifest_content(*text, name.mpd ? dash_type : hls_type, max_age, facts(timeline, *presentation)),
          {},
          {},
          {}};
}

// For CDN logs and for whoever watches from outside: how fresh the output is, and who feeds it.
std::vector<std::pair<std::string, std::string>> EndpointRuntime::facts(
    const timeline::Timeline& timeline, const timeline::Presentation& presentation) const {
  std::vector<std::pair<std::string, std::string>> result;
  const timeline::Cut newest = presentation.cuts.back();
  if (const timeline::Stretch* stretch = timeline.stretch(newest.stretch)) {
    result.emplace_back("X-Tarn-Media-Time", format_utc(timeline::end_of(timeline, *stretch, newest)));
  }
  std::string input = parts_.active_input ? parts_.active_input() : std::string{};
  if (!input.empty()) result.emplace_back("X-Tarn-Active-Input", std::move(input));
  return result;
}

void EndpointRuntime::fetch_media(const MediaFile& media, const Request& request,
                                  const std::shared_ptr<const Settings>& settings,
                                  std::function<void(Fetched)> done) {
  const std::string& file = request.file;
  const std::string key = strand_ + "/" + file;
  if (auto cached = parts_.cache.find(key)) {
    ++hits_;
    return done({std::move(cached), {}, {}, {}});
  }
  if (!flights_.join(file, std::move(done))) return;
  ++misses_;
  last_packaged_ = request.now.time_since_epoch().count();
  parts_.workers.submit(strand_, [self = shared_from_this(), media, request, settings] {
    const std::string& file = request.file;
    // The flight before this one may have landed between our look and our joining.
    if (auto cached = self->parts_.cache.find(self->strand_ + "/" + file)) {
      return self->flights_.land(file, {std::move(cached), {}, {}, {}});
    }
    self->flights_.land(
        file, self->package(media, request, *settings, request.is_collected ? Use::once : Use::kept));
  });
}

Result<CollectionPlan> EndpointRuntime::plan(Utc start, Utc end, const CollectionLook& look) const {
  const auto current = settings();
  if (current->output.is_encrypted && !current->protection) {
    return Error{ErrorCode::io, "there is no key for this endpoint yet"};
  }
  return plan_collection(*archive_->timeline(), current->output, start, end, look);
}

// What retention took away between the look-up and the reading is not there: nobody's fault.
Fetched EndpointRuntime::package_failed(const Request& request, const Settings& settings,
                                        const std::string& what) {
  auto found = find_media(*archive_->timeline(), settings.output, shift_of(request, settings), request.utc,
                          request.file);
  if (auto* missing = std::get_if<Fetched>(&found)) return std::move(*missing);
  note_failure(what);
  return absent(Fetched::Absence::failed, "the segment could not be packaged");
}

Fetched EndpointRuntime::package(const MediaFile& media, const Request& request, const Settings& settings,
                                 Use use) {
  return unless_out_of_memory(
      [&] {
        Fetched made = media.text ? package_text(*media.text, media.content_type, request, settings)
                                  : package_media(media, request, settings);
        if (made.content && use == Use::kept) parts_.cache.insert(strand_ + "/" + request.file, made.content);
        return made;
      },
      [&] {
        packager_.reset();  // what it holds may be half of a segment
        has_packager_ = false;
        return out_of_memory();
      });
}

Fetched EndpointRuntime::package_media(const MediaFile& media, const Request& request,
                                       const Settings& settings) {
  const std::string& file = request.file;
  const Packaging packaging{media.transport_stream,
                            settings.protection ? settings.protection.at(media.keyed_at) : nullptr};
  if (!packager_ || packaging_ != packaging) {
    packager_.reset();
    auto made = make_packager_(packaging);
    if (!made) {
      note_failure(made.error().message);
      return absent(Fetched::Absence::failed, "the segment could not be packaged");
    }
    packager_ = std::move(made).value();
    packaging_ = packaging;
    has_packager_ = true;
  }
  const auto begun = std::chrono::steady_clock::now();
  auto bytes = packager_->package(media.request);
  if (!bytes || bytes->empty()) {
    packager_.reset();
    has_packager_ = false;
    return package_failed(request, settings,
                          file + ": " + (bytes ? "the pipeline gave nothing" : bytes.error().message));
  }
  ++packaged_;
  const auto time = std::chrono::duration_cast<Microseconds>(std::chrono::steady_clock::now() - begun);
  auto content = media_content(std::move(bytes).value(), media.content_type, strand_ + "/" + file);
  meters_.packaged(content->size, time);
  return {std::move(content), {}, {}, {}};
}

Fetched EndpointRuntime::package_text(const TextRequest& text, const std::string& content_type,
                                      const Request& request, const Settings& settings) {
  auto segment = text_segment(*archive_, text);
  if (!segment) return package_failed(request, settings, request.file + ": " + segment.error().message);
  ++packaged_;
  return {media_content({Blob::copy_of(as_bytes(*segment))}, content_type, strand_ + "/" + request.file),
          {},
          {},
          {}};
}

// What days allow is judged when something is asked for. Where content comes each of its states is asked
// anew; of a channel that is silent what is ready would be given for ever.
void EndpointRuntime::grow_older(Monotonic now) {
  constexpr Microseconds interval = std::chrono::seconds{30};
  if (now - looked_at_ < interval) return;
  looked_at_ = now;
  const Timeline timeline = archive_->timeline();
  const bool is_silent = StateReuse::same(seen_, timeline);
  seen_ = timeline;
  if (!is_silent || settings()->windows.shift == Microseconds{0}) return;
  ++age_;
  manifests_.clear();
}

void EndpointRuntime::tick(Monotonic now) {
  grow_older(now);
  if (!has_packager_ || now.time_since_epoch().count() - last_packaged_ < idle_limit.count()) return;
  parts_.workers.submit(strand_, [self = shared_from_this()] {
    self->packager_.reset();
    self->has_packager_ = false;
  });
}

EndpointRuntime::State EndpointRuntime::state() const {
  const std::lock_guard lock{mutex_};
  return {has_packager_, requests_, packaged_, failures_, last_error_};
}

void EndpointRuntime::note_failure(const std::string& what) {
  ++failures_;
  meters_.packaging_failed();
  std::string label;
  {
    const std::lock_guard lock{mutex_};
    last_error_ = what;
    label = settings_->label;
  }
  parts_.log.write(LogLevel::error, "packaging-failed", {{"endpoint", label}, {"error", what}});
}

}  // namespace tarn::server
