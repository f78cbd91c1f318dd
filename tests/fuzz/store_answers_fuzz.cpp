// SPDX-License-Identifier: Apache-2.0
// A store that answers anything: answers are separated by bytes 0, each is a byte for the status, lines
// "name: value", an empty line, and the body. Nothing of them but a code may come into an error, what is not
// there is not called stored, and what was begun is taken back.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "server/collect/bucket_target.h"

namespace {

using namespace tarn;
using namespace tarn::server;

constexpr std::size_t part_bytes = 8;
constexpr std::array statuses{200, 204, 201, 301, 307, 400, 401, 403, 404, 408, 409, 411, 429, 500, 503};

void require(bool holds) {
  if (!holds) std::abort();
}

BucketAnswer read_answer(std::string_view text) {
  BucketAnswer answer;
  if (text.empty()) return answer;
  answer.status = statuses[static_cast<unsigned char>(text.front()) % statuses.size()];
  text.remove_prefix(1);
  for (;;) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto colon = line.find(": ");
    if (colon == std::string_view::npos) break;
    answer.headers[std::string{line.substr(0, colon)}] = line.substr(colon + 2);
  }
  answer.body = text;
  return answer;
}

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) {
    ++found;
  }
  return found;
}

struct Talk {
  std::vector<BucketAnswer> answers;
  std::vector<std::string> methods;
  std::size_t parts = 0;  // put so far
  bool all_well = true;   // each answer says that what was asked was done
};

class Script final : public BucketClient {
 public:
  explicit Script(Talk& talk) : talk_(talk) {}
  Result<BucketAnswer> send(const BucketRequest& request) override {
    bool is_of_upload = false;
    for (const auto& [name, value] : request.query) {
      if (name == "partNumber") ++talk_.parts;
      if (name != "uploadId") continue;
      is_of_upload = true;
      require(!value.empty() && value.size() <= 1024);
    }
    const bool is_end = request.method == "POST" && is_of_upload;
    if (is_end) check_list(as_text(request.body));
    talk_.methods.push_back(request.method);
    if (talk_.methods.size() > talk_.answers.size()) {
      talk_.all_well = false;
      return Error{ErrorCode::io, "no more"};
    }
    const BucketAnswer& answer = talk_.answers[talk_.methods.size() - 1];
    const bool is_well = answer.status == 200 || (is_end && answer.status == 204);
    if (request.method != "DELETE") talk_.all_well = talk_.all_well && is_well;
    return answer;
  }

 private:
  void check_list(std::string_view list) const {
    require(count(list, "<Part>") == talk_.parts);
    require(count(list, "<") == count(list, ">") && count(list, "<") == 2 + 6 * talk_.parts);
  }

  Talk& talk_;
};

void check_error(const Error& error) {
  require(error.message.size() < 300);
  // Words of our own and one of the store's: nothing that a log, a page or a header would take for more.
  require(std::all_of(error.message.begin(), error.message.end(), [](char c) {
    return c >= ' ' && c <= '~' && c != '<' && c != '>' && c != '&' && c != '"';
  }));
}

void put(const std::vector<BucketAnswer>& answers, std::size_t size) {
  Talk talk;
  talk.answers = answers;
  const auto target = make_bucket_target(std::make_unique<Script>(talk), "bucket", "a/", part_bytes);
  const std::string bytes(size, 'x');
  const Status stored = target->put("name.m4s", "video/mp4", {Blob::copy_of(as_bytes(bytes))});
  if (!stored) check_error(stored.error());
  if (stored) require(talk.all_well);
  if (size <= 2 * part_bytes) return require(talk.methods.size() == 1);
  // What begins as a success may end as an error.
  if (stored) require(answers[talk.methods.size() - 1].body.find("<Error") == std::string::npos);
  const bool is_begun = !answers.empty() && answers.front().status == 200 &&
                        !xml_text(answers.front().body, "UploadId").empty();
  // Stored, or taken back.
  if (is_begun) require(stored.ok() != (talk.methods.back() == "DELETE"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  for (const char* name : {"Code", "UploadId", ""}) {
    const std::string found = xml_text(text, name);
    require(found.size() <= 1024 && found.find_first_of("<>&") == std::string::npos);
  }
  std::vector<BucketAnswer> answers;
  for (const std::string_view part : split(text, '\0')) {
    if (answers.size() < 16) answers.push_back(read_answer(part));
  }
  for (const BucketAnswer& answer : answers) check_error(bucket_error(answer, "bucket"));
  put(answers, 2 * part_bytes);
  put(answers, 3 * part_bytes + 1);
  Talk talk;
  talk.answers = answers;
  const auto target = make_bucket_target(std::make_unique<Script>(talk), "bucket", "a/", part_bytes);
  if (const auto there = target->find("name.m4s"); !there) check_error(there.error());
  return 0;
}
