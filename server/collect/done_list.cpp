// SPDX-License-Identifier: Apache-2.0
#include "server/collect/done_list.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include "core/base/text.h"

namespace tarn::server {
namespace {

constexpr mode_t file_mode = 0600;

}  // namespace

DoneList::DoneList(const std::string& path)
    : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, file_mode)) {}

DoneList::~DoneList() {
  if (fd_ >= 0) ::close(fd_);
}

// Begins with the end of a line, so that one that is torn, of a full disk or of a process that was killed,
// spoils no other.
void DoneList::add(const std::string& name, std::uint64_t size) {
  if (fd_ < 0) return;
  const std::string line = "\n" + std::to_string(size) + " " + name + "\n";
  if (::write(fd_, line.data(), line.size()) < 0) return;  // this one is looked at once more
}

std::vector<std::pair<std::string, std::uint64_t>> DoneList::read(const std::string& path) {
  std::vector<std::pair<std::string, std::uint64_t>> names;
  std::ifstream file{path};
  for (std::string line; std::getline(file, line) && !file.eof();) {
    const auto space = line.find(' ');
    const auto size = parse_u64(std::string_view{line}.substr(0, space));
    if (space != std::string::npos && size) names.emplace_back(line.substr(space + 1), *size);
  }
  return names;
}

}  // namespace tarn::server
