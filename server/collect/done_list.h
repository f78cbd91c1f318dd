// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tarn::server {

// What a task has at its target, for the process after this one: "<size> <name>", a line each. Nothing waits
// for the disk: a power failure may take the last lines, and what is not in it is looked at once more.
class DoneList {
 public:
  explicit DoneList(const std::string& path);  // goes on with what is there
  ~DoneList();
  DoneList(const DoneList&) = delete;
  DoneList& operator=(const DoneList&) = delete;

  void add(const std::string& name, std::uint64_t size);

  // Lines that are torn are left out. Empty when there is no such file.
  static std::vector<std::pair<std::string, std::uint64_t>> read(const std::string& path);

 private:
  int fd_;
};

}  // namespace tarn::server
