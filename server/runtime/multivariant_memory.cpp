// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/multivariant_memory.h"

#include <gio/gio.h>

#include <array>
#include <optional>
#include <utility>

#include "core/hls/playlist.h"

namespace tarn::server {
namespace {

constexpr std::array<const char*, 2> files{"ingest1.multivariant", "ingest2.multivariant"};

bool is_multivariant(const UploadedObject& object) {
  if (!object.name.ends_with(".m3u8") && !object.name.ends_with(".m3u")) return false;
  const auto kind = hls::classify(as_text(object.body.bytes()));
  return kind.ok() && *kind == hls::PlaylistKind::multivariant;
}

class MultivariantMemory : public IngestLine {
 public:
  MultivariantMemory(std::unique_ptr<IngestLine> line, std::string directory)
      : line_(std::move(line)), directory_(std::move(directory)) {
    for (int input = 0; input < 2; ++input) {
      if (const auto known = recall(input)) (void)line_->put(*known);
    }
  }

  UploadAnswer put(const UploadedObject& object) override {
    UploadAnswer answer = line_->put(object);
    if (answer.outcome == UploadAnswer::Outcome::refused || !is_multivariant(object)) return answer;
    if (auto error = remember(object)) return {UploadAnswer::Outcome::refused, std::move(error)};
    return answer;
  }
  [[nodiscard]] bool failed() const override { return line_->failed(); }
  void set_target_duration(std::uint32_t seconds) override { line_->set_target_duration(seconds); }
  [[nodiscard]] std::string active_input() const override { return line_->active_input(); }
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> input_statistics(int input) const override {
    return line_->input_statistics(input);
  }

 private:
  [[nodiscard]] std::string path(int input) const {
    return directory_ + "/" + files[static_cast<std::size_t>(input)];
  }

  // The file holds the object's name, a line feed, and the playlist as it came.
  [[nodiscard]] std::optional<UploadedObject> recall(int input) const {
    gchar* contents = nullptr;
    gsize length = 0;
    if (!g_file_get_contents(path(input).c_str(), &contents, &length, nullptr)) return std::nullopt;
    const std::string text{contents, length};
    g_free(contents);
    const auto end_of_name = text.find('\n');
    if (end_of_name == std::string::npos) return std::nullopt;
    return UploadedObject{input, text.substr(0, end_of_name), "",
                          Blob::copy_of(as_bytes(std::string_view{text}.substr(end_of_name + 1)))};
  }

  // Durable when it returns without an error.
  std::optional<Error> remember(const UploadedObject& object) {
    const std::string text = object.name + "\n" + std::string{as_text(object.body.bytes())};
    std::string& last = last_[static_cast<std::size_t>(object.input)];
    if (text == last) return std::nullopt;
    GError* error = nullptr;
    const auto flags =
        static_cast<GFileSetContentsFlags>(G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE);
    if (!g_file_set_contents_full(path(object.input).c_str(), text.data(), static_cast<gssize>(text.size()),
                                  flags, 0600, &error)) {
      const bool full = g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC);
      Error result{full ? ErrorCode::no_space : ErrorCode::io, object.name + ": " + error->message};
      g_error_free(error);
      return result;
    }
    last = text;
    return std::nullopt;
  }

  std::unique_ptr<IngestLine> line_;
  std::string directory_;
  std::array<std::string, 2> last_;
};

}  // namespace

std::unique_ptr<IngestLine> with_multivariant_memory(std::unique_ptr<IngestLine> line,
                                                     std::string directory) {
  return std::make_unique<MultivariantMemory>(std::move(line), std::move(directory));
}

}  // namespace tarn::server
