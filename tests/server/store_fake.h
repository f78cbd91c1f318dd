// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <libsoup/soup.h>

#include <atomic>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "server/collect/signature.h"

// A store of objects over HTTP that misbehaves when it is told to. It takes any signature: whether those
// are right is for the vectors and for real stores to say.
namespace tarn::server {

class StoreFake {
 public:
  enum class Fault {
    none,
    busy,        // 503 SlowDown
    fault,       // 500
    cut,         // the connection is closed instead of an answer
    hang,        // no answer
    wrong_tag,   // keeps something else than it was sent
    refused,     // 403 with the client's key in the message
    skewed,      // 403 RequestTimeTooSkewed
    no_bucket,   // 404
    late_error,  // 200, and an error in its body
  };

  StoreFake() {
    std::promise<std::string> ready;
    auto base = ready.get_future();
    thread_ = std::thread([this, &ready] { serve(ready); });
    base_ = base.get();
  }
  ~StoreFake() {
    GSource* quit = g_idle_source_new();
    g_source_set_callback(
        quit,
        [](gpointer loop) -> gboolean {
          g_main_loop_quit(static_cast<GMainLoop*>(loop));
          return G_SOURCE_REMOVE;
        },
        loop_, nullptr);
    g_source_attach(quit, context_);
    g_source_unref(quit);
    thread_.join();
    g_main_loop_unref(loop_);
    g_main_context_unref(context_);
  }
  StoreFake(const StoreFake&) = delete;
  StoreFake& operator=(const StoreFake&) = delete;

  [[nodiscard]] const std::string& port() const { return base_; }

  // Asked for each request, with its number.
  void set_faults(std::function<Fault(int)> faults) {
    const std::lock_guard lock{mutex_};
    faults_ = std::move(faults);
  }
  std::map<std::string, std::string> objects() {
    const std::lock_guard lock{mutex_};
    return objects_;
  }
  std::vector<std::string> log() {  // "PUT /b/key?query host"
    const std::lock_guard lock{mutex_};
    return log_;
  }
  std::map<std::string, std::string> types() {
    const std::lock_guard lock{mutex_};
    return types_;
  }

 private:
  void serve(std::promise<std::string>& ready) {
    context_ = g_main_context_new();
    g_main_context_push_thread_default(context_);
    loop_ = g_main_loop_new(context_, FALSE);
    SoupServer* server = SOUP_SERVER(g_object_new(SOUP_TYPE_SERVER, "raw-paths", TRUE, nullptr));
    soup_server_add_handler(
        server, nullptr,
        [](SoupServer*, SoupServerMessage* message, const char*, GHashTable*, gpointer self) {
          static_cast<StoreFake*>(self)->handle(message);
        },
        this, nullptr);
    soup_server_listen_local(server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, nullptr);
    GSList* uris = soup_server_get_uris(server);
    const std::string port = std::to_string(g_uri_get_port(static_cast<GUri*>(uris->data)));
    g_slist_free_full(uris, reinterpret_cast<GDestroyNotify>(g_uri_unref));
    ready.set_value(port);
    g_main_loop_run(loop_);
    for (SoupServerMessage* held : hanging_) soup_server_message_unpause(held);
    soup_server_disconnect(server);
    g_object_unref(server);
    while (g_main_context_iteration(context_, FALSE)) {
    }
    g_main_context_pop_thread_default(context_);
  }

  static void answer(SoupServerMessage* message, unsigned status, const std::string& body = {}) {
    soup_server_message_set_status(message, status, nullptr);
    soup_server_message_set_response(message, "application/xml", SOUP_MEMORY_COPY, body.data(), body.size());
  }
  static void refuse(SoupServerMessage* message, unsigned status, const std::string& code) {
    answer(message, status, "<Error><Code>" + code + "</Code><Message>for AK of SK</Message></Error>");
  }

  void handle(SoupServerMessage* message) {
    const std::lock_guard lock{mutex_};
    GUri* uri = soup_server_message_get_uri(message);
    const std::string query = g_uri_get_query(uri) == nullptr ? "" : g_uri_get_query(uri);
    SoupMessageHeaders* headers = soup_server_message_get_request_headers(message);
    const std::string host = soup_message_headers_get_one(headers, "Host");
    std::string path = g_uri_get_path(uri);
    const std::string method = soup_server_message_get_method(message);
    log_.push_back(method + " " + path + (query.empty() ? "" : "?" + query) + " " + host);
    if (host.starts_with("bucket.")) path = "/bucket" + path;
    SoupMessageBody* body = soup_server_message_get_request_body(message);
    GBytes* bytes = soup_message_body_flatten(body);
    gsize size = 0;
    const auto* data = static_cast<const char*>(g_bytes_get_data(bytes, &size));
    const std::string content(data == nullptr ? "" : data, size);
    g_bytes_unref(bytes);
    const Fault fault = faults_ ? faults_(count_++) : Fault::none;
    if (misbehave(message, fault)) return;
    soup_message_headers_foreach(
        headers,
        [](const char* name, const char* value, gpointer metadata) {
          std::string lower{name};
          for (char& c : lower) c = g_ascii_tolower(c);
          if (lower.starts_with("x-amz-meta-") || lower.starts_with("x-oss-meta-"))
            (*static_cast<std::map<std::string, std::string>*>(metadata))[lower] = value;
        },
        &metadata_[path]);
    if (const char* type = soup_message_headers_get_one(headers, "Content-Type")) types_[path] = type;
    serve_object(message, {method, path, query}, content, fault == Fault::wrong_tag);
  }

  bool misbehave(SoupServerMessage* message, Fault fault) {
    switch (fault) {
      case Fault::busy:
        refuse(message, 503, "SlowDown");
        return true;
      case Fault::fault:
        answer(message, 500);
        return true;
      case Fault::refused:
        refuse(message, 403, "SignatureDoesNotMatch");
        return true;
      case Fault::skewed:
        refuse(message, 403, "RequestTimeTooSkewed");
        return true;
      case Fault::no_bucket:
        refuse(message, 404, "NoSuchBucket");
        return true;
      case Fault::late_error:
        answer(message, 200, "<Error><Code>InternalError</Code></Error>");
        return true;
      case Fault::hang:
        hanging_.push_back(message);
        soup_server_message_pause(message);
        return true;
      case Fault::cut: {
        GIOStream* stream = soup_server_message_steal_connection(message);
        g_io_stream_close(stream, nullptr, nullptr);
        g_object_unref(stream);
        return true;
      }
      default:
        return false;
    }
  }

  struct Asked {
    std::string method;
    std::string path;
    std::string query;
  };

  void serve_object(SoupServerMessage* message, const Asked& asked, const std::string& content, bool lies) {
    SoupMessageHeaders* out = soup_server_message_get_response_headers(message);
    if (asked.query == "uploads=" || asked.query == "uploads") {
      return answer(message, 200, "<R><UploadId>up/1+</UploadId></R>");
    }
    if (asked.method == "HEAD") {
      const auto at = objects_.find(asked.path);
      if (at == objects_.end()) return answer(message, 404);
      soup_message_headers_set_content_length(out, static_cast<goffset>(at->second.size()));
      // As stores do: what was joined of parts has a tag that is no sum of its bytes.
      const bool is_joined = joined_.contains(asked.path);
      const std::string tag = "\"" + md5_hex(as_bytes(at->second)) + (is_joined ? "-3\"" : "\"");
      soup_message_headers_replace(out, "ETag", tag.c_str());
      for (const auto& [name, value] : metadata_[asked.path])
        soup_message_headers_replace(out, name.c_str(), value.c_str());
      soup_server_message_set_status(message, 200, nullptr);
      return;
    }
    if (asked.method == "DELETE") {
      if (asked.query.empty()) objects_.erase(asked.path);
      parts_.clear();
      return answer(message, 204);
    }
    if (asked.method == "POST") {
      std::string whole;
      for (const auto& [number, part] : parts_) whole += part;
      objects_[asked.path] = whole;
      joined_.insert(asked.path);
      parts_.clear();
      return answer(message, 200, "<CompleteMultipartUploadResult/>");
    }
    const auto part = asked.query.find("partNumber=");
    if (part != std::string::npos) {
      parts_[std::atoi(asked.query.c_str() + part + 11)] = content;
    } else {
      objects_[asked.path] = lies ? "?" + content.substr(1) : content;
      joined_.erase(asked.path);
    }
    const std::string kept = lies ? "?" + content.substr(1) : content;
    soup_message_headers_replace(out, "ETag", ("\"" + md5_hex(as_bytes(kept)) + "\"").c_str());
    answer(message, 200);
  }

  std::thread thread_;
  GMainContext* context_ = nullptr;
  GMainLoop* loop_ = nullptr;
  std::string base_;
  std::mutex mutex_;
  std::function<Fault(int)> faults_;
  int count_ = 0;
  std::map<std::string, std::string> objects_;
  std::map<std::string, std::string> types_;
  std::map<int, std::string> parts_;
  std::map<std::string, std::map<std::string, std::string>> metadata_;  // of objects, by the header's name
  std::set<std::string> joined_;
  std::vector<std::string> log_;
  std::vector<SoupServerMessage*> hanging_;
};

}  // namespace tarn::server
