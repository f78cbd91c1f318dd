// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/log_output.h"

#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace tarn::server {
namespace {

// A file takes anything; a pipe or a socket that polls writable takes this much without making anybody wait.
std::size_t room_of(int descriptor) {
  constexpr std::size_t of_files = 256U << 10U;
  struct stat facts {};
  const bool is_file = ::fstat(descriptor, &facts) == 0 && S_ISREG(facts.st_mode);
  return is_file ? of_files : std::size_t{PIPE_BUF};
}

}  // namespace

LogOutput::LogOutput(int descriptor, Notice notice)
    : descriptor_(descriptor), notice_(std::move(notice)), fits_(room_of(descriptor)) {}

// A reader who is gone has room: writing fails at once.
bool LogOutput::has_room(std::chrono::milliseconds wait) const {
  pollfd asked{descriptor_, POLLOUT, 0};
  int ready = -1;
  do {
    ready = ::poll(&asked, 1, static_cast<int>(wait.count()));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

// Whether all of it is there; `mutex_` is held.
bool LogOutput::put(std::string_view lines) {
  const std::uint64_t count = static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
  while (!lines.empty()) {
    if (!has_room(is_stuck_ ? std::chrono::milliseconds{0} : patience)) {
      is_stuck_ = true;
      dropped_ += count;
      return false;
    }
    is_stuck_ = false;
    const ssize_t written = ::write(descriptor_, lines.data(), std::min(lines.size(), fits_));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {  // nobody to tell
      dropped_ += count;
      return false;
    }
    is_broken_ = lines[static_cast<std::size_t>(written) - 1] != '\n';
    lines.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

void LogOutput::tell() {
  if (is_broken_ && !put("\n")) return;
  const std::uint64_t dropped = dropped_;
  if (dropped == told_ || !has_room(std::chrono::milliseconds{0})) return;
  if (put(notice_(dropped - told_))) told_ = dropped;
}

void LogOutput::write(std::string_view lines) {
  const std::lock_guard lock{mutex_};
  tell();
  put(lines);
}

std::size_t LogOutput::take(std::string_view lines, std::chrono::milliseconds wait) {
  if (!has_room(wait)) return 0;
  const std::lock_guard lock{mutex_};
  if (!has_room(std::chrono::milliseconds{0})) return 0;
  tell();
  if (!has_room(std::chrono::milliseconds{0})) return 0;
  const std::size_t last = lines.size() <= fits_ ? lines.size() - 1 : lines.rfind('\n', fits_ - 1);
  const std::size_t end = last == lines.npos ? lines.find('\n') : last;
  const std::string_view whole = lines.substr(0, end == lines.npos ? lines.size() : end + 1);
  put(whole);
  return whole.size();
}

}  // namespace tarn::server
