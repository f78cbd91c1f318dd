// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <ctime>

// Loaded before the server's libraries (LD_PRELOAD): slow and failing fsync, and a wall clock that steps, as
// the file says that TARN_FAULTS names and a test changes while the server runs.
namespace {

struct Faults {
  std::atomic<std::uint32_t> delay_ms;   // of every sync
  std::atomic<std::uint32_t> fail_at;    // the sync of this number fails with EIO, once; 0: none
  std::atomic<std::uint32_t> syncs;      // so far
  std::atomic<std::uint32_t> failed;     // so far
  std::atomic<std::int64_t> clock_step;  // seconds
};

Faults* map_faults() {
  const char* path = std::getenv("TARN_FAULTS");
  const int file = path == nullptr ? -1 : ::open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return nullptr;
  void* mapped = ::mmap(nullptr, sizeof(Faults), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  return mapped == MAP_FAILED ? nullptr : static_cast<Faults*>(mapped);
}

Faults* faults() {
  static Faults* const mapped = map_faults();
  return mapped;
}

template <class Function>
Function* original(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

int sync_with_faults(const char* name, int descriptor) {
  Faults* const now = faults();
  if (now == nullptr) return original<int(int)>(name)(descriptor);
  const std::uint32_t number = ++now->syncs;
  if (const std::uint32_t delay = now->delay_ms) ::usleep(delay * 1000);
  if (now->fail_at != 0 && number == now->fail_at) {
    ++now->failed;
    errno = EIO;
    return -1;
  }
  return original<int(int)>(name)(descriptor);
}

}  // namespace

extern "C" int fsync(int descriptor) { return sync_with_faults("fsync", descriptor); }
extern "C" int fdatasync(int descriptor) { return sync_with_faults("fdatasync", descriptor); }

extern "C" int clock_gettime(clockid_t clock, struct timespec* time) noexcept {
  static auto* const real = original<int(clockid_t, struct timespec*)>("clock_gettime");
  const int result = real(clock, time);
  if (result == 0 && clock == CLOCK_REALTIME && faults() != nullptr) time->tv_sec += faults()->clock_step;
  return result;
}

// What GLib reads.
extern "C" int gettimeofday(struct timeval* time, void* zone) noexcept {
  static auto* const real = original<int(struct timeval*, void*)>("gettimeofday");
  const int result = real(time, zone);
  if (result == 0 && faults() != nullptr) time->tv_sec += faults()->clock_step;
  return result;
}
