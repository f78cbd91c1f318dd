// SPDX-License-Identifier: Apache-2.0
// Serves a manifest of 1.5 KB and a segment of 3 MiB from memory until SIGTERM: by Tarn's own layers down to
// the Origin (tarn), or by nothing but libsoup (soup). usage: serve_bench tarn|soup THREADS [LOG] Prints the
// address. Paths: /v1/g/c/e/hot.m3u8, hot.m4s and, answered by the handlers each time, miss.m3u8, miss.m4s.
#include <fcntl.h>
#include <glib-unix.h>
#include <libsoup/soup.h>
#include <malloc.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/front/listener.h"
#include "server/http/hot_answers.h"
#include "server/http/http_server.h"
#include "server/http/origin_handler.h"
#include "server/http/request_observer.h"
#include "server/runtime/content.h"

namespace {

using namespace tarn;
using namespace tarn::server;

constexpr std::size_t segment_bytes = 3U << 20U;
const std::string manifest_text(1536, '#');

class AlwaysReuse : public Reuse {
 public:
  [[nodiscard]] bool is_current() const override { return true; }
  void count() const override {}
};

class MemoryOrigin : public Origin {
 public:
  void upload(const Channel&, UploadedObject, std::function<void(UploadAnswer)> done) override { done({}); }
  void fetch(const Channel&, const Endpoint&, const std::string& file, const timeline::WindowQuery&,
             std::function<void(Fetched)> done) override {
    const bool is_hot = file.starts_with("hot");
    done({file.ends_with(".m3u8") ? manifest_ : segment_, {}, {}, is_hot ? reuse_ : nullptr});
  }

 private:
  std::shared_ptr<const Content> manifest_ =
      manifest_content(manifest_text, "application/vnd.apple.mpegurl", 1);
  std::shared_ptr<const Content> segment_ =
      media_content({Blob::of(ByteVector(segment_bytes, 's'))}, "video/mp4", "segment");
  std::shared_ptr<const Reuse> reuse_ = std::make_shared<AlwaysReuse>();
};

std::shared_ptr<const Model> make_model() {
  auto model = std::make_shared<Model>();
  model->groups["g"].name = "g";
  model->channels["g/c"].name = "c";
  model->channels["g/c"].group = "g";
  Endpoint& endpoint = model->endpoints["g/c/e"];
  endpoint.group = "g";
  endpoint.channel = "c";
  endpoint.name = "e";
  return model;
}

void run_until_stopped() {
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  g_unix_signal_add(
      SIGTERM,
      +[](gpointer data) -> gboolean {
        g_main_loop_quit(static_cast<GMainLoop*>(data));
        return G_SOURCE_REMOVE;
      },
      loop);
  g_main_loop_run(loop);
  g_main_loop_unref(loop);
}

// Peers are measured without a line for each request, and so is this unless there is a log.
int serve_tarn(unsigned threads, const char* log_file) {
  Metrics metrics;
  EventLog log{LogFormat::text, LogLevel::info, [] { return Utc{}; }, [](std::string_view) {}};
  const int descriptor =
      log_file == nullptr ? -1 : ::open(log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  LogOutput output{descriptor, [](std::uint64_t) { return std::string{}; }};
  AccessLog access{log, output, log_file == nullptr ? AccessLogScope::off : AccessLogScope::all};
  const auto observer = make_request_observer({"origin"}, metrics, access, {});
  const auto model = make_model();
  MemoryOrigin origin;
  HotAnswers hot{0, observer};
  OriginHandler handler{[&model] { return model; }, origin, [] { return Utc{}; },
                        PlaybackSettings{{}, false, &hot}};
  auto server = HttpServer::bind({"127.0.0.1:0"}, threads);
  if (!server) return 1;
  ServingOptions options;
  options.fast_lanes = {&hot};
  options.limits.per_address = 0;
  options.limits.requests = UINT64_MAX;
  if (!(*server)->serve({&handler}, observer, options)) return 1;
  std::printf("%s\n", (*server)->addresses().front().c_str());
  std::fflush(stdout);
  run_until_stopped();
  return 0;
}

void answer_barely(SoupServer*, SoupServerMessage* message, const char* path, GHashTable*, gpointer) {
  static GBytes* const manifest = g_bytes_new_static(manifest_text.data(), manifest_text.size());
  static GBytes* const segment = g_bytes_new_take(g_malloc0(segment_bytes), segment_bytes);
  const bool is_segment = std::string_view{path}.ends_with(".m4s");
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
  soup_message_headers_append(headers, "Content-Type",
                              is_segment ? "video/mp4" : "application/vnd.apple.mpegurl");
  soup_message_headers_append(headers, "Cache-Control", "max-age=1");
  soup_message_body_append_bytes(soup_server_message_get_response_body(message),
                                 is_segment ? segment : manifest);
  soup_server_message_set_status(message, 200, nullptr);
}

int serve_soup() {
  auto socket = front::listen_on("127.0.0.1:0");
  if (!socket) return 1;
  const std::string address = front::bound_address(socket->get());
  front::Object<SoupServer> server{soup_server_new("server-header", "bare", nullptr)};
  soup_server_add_handler(server.get(), nullptr, answer_barely, nullptr, nullptr);
  if (!soup_server_listen_socket(server.get(), socket->get(), SoupServerListenOptions{}, nullptr)) return 1;
  std::printf("%s\n", address.c_str());
  std::fflush(stdout);
  run_until_stopped();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  std::signal(SIGPIPE, SIG_IGN);
  mallopt(M_MMAP_THRESHOLD, 64 << 20);
  mallopt(M_TRIM_THRESHOLD, 512 << 20);
  if (std::string_view{argv[1]} == "soup") return serve_soup();
  return serve_tarn(static_cast<unsigned>(std::atoi(argv[2])), argc > 3 ? argv[3] : nullptr);
}
