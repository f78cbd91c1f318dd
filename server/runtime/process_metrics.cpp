// SPDX-License-Identifier: Apache-2.0
#include "server/runtime/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

#include "core/base/text.h"

namespace tarn::server {
namespace {

std::string read_file(const char* path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

// Fields of /proc/self/stat from the third on: the second, the name, may have spaces in it (proc(5)).
std::vector<std::string> stat_fields() {
  const std::string text = read_file("/proc/self/stat");
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  std::istringstream rest{text.substr(name_end + 1)};
  return {std::istream_iterator<std::string>{rest}, {}};
}

// When the machine started, in seconds since 1970.
double boot_time() {
  std::ifstream file{"/proc/stat"};
  std::string word;
  while (file >> word) {
    double seconds = 0;
    if (word == "btime" && file >> seconds) return seconds;
  }
  return 0;
}

std::optional<std::size_t> open_descriptors() {
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) return std::nullopt;
  std::size_t count = 0;
  while (const dirent* const entry = readdir(folder)) count += entry->d_name[0] != '.' ? 1 : 0;
  closedir(folder);
  return count - 1;  // the folder's own
}

}  // namespace

void read_process(const Metrics::Sample& sample) {
  // Indices of proc(5)'s fields, less the three before the vector.
  constexpr std::size_t threads = 17;
  constexpr std::size_t start_time = 19;
  constexpr std::size_t virtual_bytes = 20;
  constexpr std::size_t resident_pages = 21;
  const auto fields = stat_fields();
  const auto value = [&fields](std::size_t at) {
    return static_cast<double>(parse_i64(fields[at]).value_or(0));
  };
  if (fields.size() > resident_pages) {
    static const double booted = boot_time();
    sample("process_start_time_seconds", {},
           booted + value(start_time) / static_cast<double>(sysconf(_SC_CLK_TCK)));
    sample("process_threads", {}, value(threads));
    sample("process_virtual_memory_bytes", {}, value(virtual_bytes));
    sample("process_resident_memory_bytes", {},
           value(resident_pages) * static_cast<double>(sysconf(_SC_PAGESIZE)));
  }
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    sample("process_cpu_seconds_total", {}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
  }
  if (const auto count = open_descriptors()) sample("process_open_fds", {}, static_cast<double>(*count));
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
    sample("process_max_fds", {}, static_cast<double>(limit.rlim_cur));
}

}  // namespace tarn::server
