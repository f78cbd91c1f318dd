// SPDX-License-Identifier: Apache-2.0
#include <gst/gst.h>

#include <array>
#include <mutex>
#include <optional>
#include <utility>

#include "pipelines/ingest.h"
#include "server/runtime/ingest_line.h"
#include "server/runtime/media_bytes.h"

namespace tarn::server {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Unref {
  void operator()(GstStructure* structure) const { gst_structure_free(structure); }
  void operator()(gpointer object) const { gst_object_unref(object); }
};
using StructurePtr = std::unique_ptr<GstStructure, Unref>;
using ElementPtr = std::unique_ptr<GstElement, Unref>;

// "last-segment" -> "lastSegment"
std::string camel_case(std::string_view name) {
  std::string out;
  bool upper = false;
  for (const char c : name) {
    if (c == '-') {
      upper = true;
      continue;
    }
    out.push_back(upper ? g_ascii_toupper(c) : c);
    upper = false;
  }
  return out;
}

// Plain values of a structure, as text; nested ones are left out.
Fields fields_of(const GstStructure* structure) {
  Fields fields;
  for (gint i = 0; structure != nullptr && i < gst_structure_n_fields(structure); ++i) {
    const gchar* name = gst_structure_nth_field_name(structure, static_cast<guint>(i));
    const GValue* value = gst_structure_get_value(structure, name);
    if (G_VALUE_HOLDS_STRING(value)) {
      const gchar* text = g_value_get_string(value);
      fields.emplace_back(camel_case(name), text == nullptr ? "" : text);
      continue;
    }
    GValue text = G_VALUE_INIT;
    g_value_init(&text, G_TYPE_STRING);
    const bool number = G_VALUE_HOLDS_UINT64(value) || G_VALUE_HOLDS_INT64(value) ||
                        G_VALUE_HOLDS_UINT(value) || G_VALUE_HOLDS_INT(value);
    if (number && g_value_transform(value, &text)) {
      fields.emplace_back(camel_case(name), g_value_get_string(&text));
    }
    g_value_unset(&text);
  }
  return fields;
}

StructurePtr statistics_of(GstElement* element) {
  GstStructure* statistics = nullptr;
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), "stats") != nullptr) {
    g_object_get(element, "stats", &statistics, nullptr);
  }
  return StructurePtr{statistics};
}

// Inputs are numbered 1 and 2 in messages.
void name_inputs(Fields& fields) {
  for (auto& [name, value] : fields) {
    if ((name == "from" || name == "to" || name == "input") && (value == "1" || value == "2"))
      value.insert(0, "ingest");
  }
}

struct MessageText {
  std::string source;
  std::string text;
  ErrorCode code = ErrorCode::internal;
};

// Only what an encoder or an operator can act upon is told apart.
ErrorCode code_of(const GError* error) {
  if (g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT))
    return ErrorCode::no_space;
  if (g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE)) return ErrorCode::io;
  return ErrorCode::internal;
}

MessageText text_of(GstMessage* message) {
  GError* error = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error(message, &error, nullptr);
  } else {
    gst_message_parse_warning(message, &error, nullptr);
  }
  MessageText result{GST_MESSAGE_SRC_NAME(message), error->message, code_of(error)};
  g_error_free(error);
  return result;
}

// What the pipeline says about itself; outlives the pipeline's calls into it.
struct Listener {
  IngestEvents events;

  [[nodiscard]] std::optional<Error> failure() const {
    const std::lock_guard lock{mutex_};
    return failure_;
  }

  void fail(Error why) {
    const std::lock_guard lock{mutex_};
    if (!failure_) failure_ = std::move(why);
  }

  void take(GstMessage* message) {
    const auto type = GST_MESSAGE_TYPE(message);
    if (type == GST_MESSAGE_ERROR || type == GST_MESSAGE_WARNING) {
      const MessageText said = text_of(message);
      if (type == GST_MESSAGE_ERROR) fail({said.code, said.text});
      events(
          {type == GST_MESSAGE_ERROR ? "error" : "warning", {{"element", said.source}, {"text", said.text}}});
      return;
    }
    if (type != GST_MESSAGE_ELEMENT) return;
    const GstStructure* structure = gst_message_get_structure(message);
    std::string name = gst_structure_get_name(structure);
    constexpr std::string_view prefix = "tarn/";
    if (!name.starts_with(prefix)) return;
    name.erase(0, prefix.size());
    Fields fields = fields_of(structure);
    name_inputs(fields);
    if (!name.starts_with("input-")) fields.emplace_back("element", GST_MESSAGE_SRC_NAME(message));
    events({std::move(name), std::move(fields)});
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Error> failure_;  // the first
};

UploadAnswer to_answer(const GstStructure* structure) {
  const auto text = [structure](const char* name) {
    const gchar* value = structure == nullptr ? nullptr : gst_structure_get_string(structure, name);
    return std::string{value == nullptr ? "" : value};
  };
  const std::string status = text("status");
  if (status == "created") return {UploadAnswer::Outcome::created, std::nullopt};
  if (status == "replaced") return {UploadAnswer::Outcome::replaced, std::nullopt};
  if (status == "held") return {UploadAnswer::Outcome::held, std::nullopt};
  constexpr std::array<std::pair<std::string_view, ErrorCode>, 10> codes{{
      {"malformed", ErrorCode::malformed},
      {"truncated", ErrorCode::truncated},
      {"unsupported", ErrorCode::unsupported},
      {"encrypted", ErrorCode::encrypted},
      {"limit", ErrorCode::limit},
      {"invalid", ErrorCode::invalid},
      {"not_found", ErrorCode::not_found},
      {"conflict", ErrorCode::conflict},
      {"io", ErrorCode::io},
      {"no_space", ErrorCode::no_space},
  }};
  Error error{ErrorCode::internal, text("message")};
  for (const auto& [name, code] : codes) {
    if (text("code") == name) error.code = code;
  }
  if (error.message.empty()) error.message = "it could not be stored";
  return {UploadAnswer::Outcome::refused, std::move(error)};
}

class PipelineIngest : public IngestLine {
 public:
  PipelineIngest(ElementPtr pipeline, std::shared_ptr<Listener> listener)
      : pipeline_(std::move(pipeline)),
        inputs_{child(pipelines::ingest_inputs[0]), child(pipelines::ingest_inputs[1])},
        selector_(child(pipelines::ingest_selector)),
        listener_(std::move(listener)) {}
  ~PipelineIngest() override { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
  PipelineIngest(const PipelineIngest&) = delete;
  PipelineIngest& operator=(const PipelineIngest&) = delete;

  UploadAnswer put(const UploadedObject& object) override {
    GBytes* bytes = bytes_of(object.body);
    GstStructure* answer = nullptr;
    g_signal_emit_by_name(inputs_[static_cast<std::size_t>(object.input)].get(), "put-object",
                          object.name.c_str(), bytes, &answer);
    g_bytes_unref(bytes);
    const StructurePtr owned{answer};
    // It got no further than to run out of memory; what the elements know now may be half of the truth.
    if (!owned) listener_->fail({ErrorCode::internal, "out of memory"});
    // An element's error says more than the flow that it causes.
    if (auto why = failure()) return {UploadAnswer::Outcome::refused, std::move(why)};
    return to_answer(answer);
  }

  UploadAnswer replay(const UploadedObject& object) override {
    GstElement* input = inputs_[static_cast<std::size_t>(object.input)].get();
    const auto arrival = static_cast<gint64>(object.arrival.time_since_epoch().count());
    g_object_set(selector_.get(), "arrival", arrival, nullptr);
    g_object_set(input, "replaying", TRUE, nullptr);
    UploadAnswer answer = put(object);
    g_object_set(input, "replaying", FALSE, nullptr);
    g_object_set(selector_.get(), "arrival", gint64{0}, nullptr);
    return answer;
  }

  [[nodiscard]] std::uint64_t pending_object(int input) const override {
    guint64 number = 0;
    g_object_get(inputs_[static_cast<std::size_t>(input)].get(), "pending-object", &number, nullptr);
    return number;
  }

  [[nodiscard]] std::optional<Error> failure() const override { return listener_->failure(); }

  void set_target_duration(std::uint32_t seconds) override {
    g_object_set(selector_.get(), "target-duration", guint64{seconds} * GST_SECOND, nullptr);
  }

  [[nodiscard]] std::string active_input() const override {
    gint number = 0;
    g_object_get(selector_.get(), "active-input", &number, nullptr);
    return number == 1 || number == 2 ? pipelines::ingest_inputs[number - 1] : "";
  }

  [[nodiscard]] Fields input_statistics(int input) const override {
    const auto index = static_cast<std::size_t>(input);
    Fields fields = fields_of(statistics_of(inputs_[index].get()).get());
    const StructurePtr merged = statistics_of(selector_.get());
    GstStructure* own = nullptr;
    if (merged && gst_structure_get(merged.get(), pipelines::ingest_inputs[index], GST_TYPE_STRUCTURE, &own,
                                    nullptr) != FALSE) {
      const StructurePtr owned{own};
      for (auto& field : fields_of(own)) fields.push_back(std::move(field));
    }
    return fields;
  }

 private:
  [[nodiscard]] ElementPtr child(const char* name) const {
    return ElementPtr{gst_bin_get_by_name(GST_BIN(pipeline_.get()), name)};
  }

  ElementPtr pipeline_;
  std::array<ElementPtr, 2> inputs_;
  ElementPtr selector_;
  std::shared_ptr<Listener> listener_;
};

}  // namespace

Result<std::unique_ptr<IngestLine>> make_pipeline_ingest(const IngestLineSettings& settings,
                                                         IngestEvents events) {
  auto listener = std::make_shared<Listener>();
  listener->events = std::move(events);
  const auto container = settings.protocol == IngestProtocol::hls
                             ? pipelines::IngestContainer::transport_stream
                             : pipelines::IngestContainer::fragmented_mp4;
  const pipelines::IngestSettings recipe{settings.archive_directory,
                                         std::chrono::seconds{settings.target_duration}, container};
  GstElement* pipeline =
      TRY(pipelines::make_ingest_pipeline(recipe, [listener](GstMessage* m) { listener->take(m); }));
  auto line = std::make_unique<PipelineIngest>(ElementPtr{pipeline}, listener);
  if (const Status started = pipelines::start(pipeline); !started.ok()) return started.error();
  return std::unique_ptr<IngestLine>{std::move(line)};
}

}  // namespace tarn::server
