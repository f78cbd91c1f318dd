// SPDX-License-Identifier: Apache-2.0
#include "server/http/hot_answers.h"

#include <algorithm>

#include "core/timeline/window_query.h"
#include "server/front/field_syntax.h"
#include "server/http/negotiation.h"
#include "server/http/request_id.h"

namespace tarn::server {
namespace {

constexpr std::string_view head_200 = "HTTP/1.1 200 OK\r\nServer: tarnd\r\nDate: ";
constexpr std::string_view head_304 = "HTTP/1.1 304 Not Modified\r\nServer: tarnd\r\nDate: ";

// What the fields of a request ask for, as far as it is answered here.
struct Wishes {
  std::string_view accept_encoding;
  std::string_view if_none_match;
};

// Fields that ask for more, all of whatever begins with "if-" but If-None-Match, and what may belong to a
// body.
bool asks_for_more(const front::Field& field) {
  using front::equals_ignoring_case;
  constexpr std::array<std::string_view, 6> others{"authorization", "content-length",    "expect",
                                                   "range",         "transfer-encoding", "upgrade"};
  const std::string& name = field.name;
  if (equals_ignoring_case(name, "connection")) return !equals_ignoring_case(field.value, "keep-alive");
  if (name.size() > 3 && equals_ignoring_case(std::string_view{name}.substr(0, 3), "if-")) return true;
  return std::any_of(others.begin(), others.end(),
                     [&name](std::string_view other) { return equals_ignoring_case(name, other); });
}

// Nothing: a field asks for more than that, or twice.
std::optional<Wishes> read_wishes(const std::vector<front::Field>& fields) {
  Wishes wishes;
  for (const front::Field& field : fields) {
    std::string_view* wish = nullptr;
    if (front::equals_ignoring_case(field.name, "accept-encoding")) wish = &wishes.accept_encoding;
    if (front::equals_ignoring_case(field.name, "if-none-match")) wish = &wishes.if_none_match;
    if (wish == nullptr) {
      if (asks_for_more(field)) return std::nullopt;
      continue;
    }
    if (wish->data() != nullptr) return std::nullopt;
    *wish = field.value;
  }
  return wishes;
}

// The path of a request target whose query, if any, says nothing that an answer depends on.
std::optional<std::string_view> plain_path(std::string_view target) {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return target;
  const auto window = timeline::parse_window_query(target.substr(mark + 1));
  if (!window || !window->empty()) return std::nullopt;
  return target.substr(0, mark);
}

struct Owner {
  std::shared_ptr<const HotAnswers::Entry> entry;
  std::shared_ptr<const Content> content;
};

}  // namespace

std::string head_behind_date(const Response& response, std::optional<std::uint64_t> content_length) {
  std::string head = "\r\n";
  for (const auto& [name, value] : response.headers) {
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (content_length) head.append("Content-Length: ").append(std::to_string(*content_length)).append("\r\n");
  return head.append("\r\n");
}

void HotAnswers::publish(const std::string& path, Entry entry) {
  auto held = std::make_shared<const Entry>(std::move(entry));
  Shard& shard = shard_of(path);
  const std::lock_guard lock{shard.mutex};
  if (shard.entries.size() >= most_entries) {
    std::erase_if(shard.entries, [](const auto& item) {
      return item.second->content.expired() || !item.second->reuse->is_current();
    });
  }
  if (shard.entries.size() < most_entries) shard.entries[path] = std::move(held);
}

std::shared_ptr<const HotAnswers::Entry> HotAnswers::lookup(std::string_view path) {
  Shard& shard = shard_of(path);
  const std::lock_guard lock{shard.mutex};
  const auto at = shard.entries.find(path);
  return at == shard.entries.end() ? nullptr : at->second;
}

std::optional<front::ReadyAnswer> HotAnswers::find(const front::MessageHead& head) {
  const bool is_get = head.method == "GET";
  if (head.minor_version != 1 || (!is_get && head.method != "HEAD")) return std::nullopt;
  const auto path = plain_path(head.target);
  const auto entry = path ? lookup(*path) : nullptr;
  if (!entry) return std::nullopt;
  const auto wishes = read_wishes(head.fields);
  if (!wishes) return std::nullopt;
  const auto content = entry->content.lock();
  if (!content || !entry->reuse->is_current() || !entry->is_allowed()) return std::nullopt;
  const bool zipped = entry->gzip && accepts_gzip(wishes->accept_encoding);
  const Variant& variant = zipped ? *entry->gzip : entry->plain;
  front::ReadyAnswer answer;
  answer.owner = std::make_shared<const Owner>(Owner{entry, content});
  answer.head = head_200;
  answer.tail = variant.tail_200;
  if (wishes->if_none_match.data() != nullptr) {
    if (wishes->if_none_match != variant.etag) return std::nullopt;
    answer.status = 304;
    answer.head = head_304;
    answer.tail = variant.tail_304;
  } else if (is_get) {
    answer.body = zipped ? std::span{&*content->gzip, 1} : std::span{content->parts};
  }
  for (const Blob& part : answer.body) answer.body_bytes += part.size();
  entry->reuse->count();
  return answer;
}

void HotAnswers::answered(const front::MessageHead& head, const std::string& peer,
                          const front::ReadyAnswer& answer, Microseconds duration) {
  RequestRecord record;
  record.binding = binding_;
  record.id = next_request_id();
  record.method = head.method;
  record.path = head.target.substr(0, head.target.find('?'));
  record.peer = peer;
  if (behind_proxies_) {
    for (const front::Field& field : head.fields) {
      if (!front::equals_ignoring_case(field.name, "x-forwarded-for")) continue;
      record.forwarded_for.append(record.forwarded_for.empty() ? "" : ", ").append(field.value);
    }
  }
  record.status = answer.status;
  record.bytes_out = answer.body_bytes;
  record.duration = duration;
  const auto delivery = static_cast<const Owner*>(answer.owner.get())->entry->delivery.lock();
  if (delivery) delivery->answered(answer.status, answer.body_bytes);
  observer_(record);
}

}  // namespace tarn::server
