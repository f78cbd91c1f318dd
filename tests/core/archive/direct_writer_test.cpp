// SPDX-License-Identifier: Apache-2.0
#include "core/archive/direct_writer.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

namespace tarn::archive {
namespace {

// On a disk, because the usual scratch directory is in memory, where there is nothing to go past.
class DiskFile {
 public:
  DiskFile() {
    path_ = (std::filesystem::temp_directory_path() / "tarn-direct-XXXXXX").string();
    const int descriptor = ::mkstemp(path_.data());
    EXPECT_GE(descriptor, 0) << path_;
    ::close(descriptor);
    auto opened = File::open(path_, O_RDWR);
    EXPECT_TRUE(opened.ok());
    if (opened.ok()) file_ = std::move(opened).value();
  }
  ~DiskFile() { std::filesystem::remove(path_); }
  DiskFile(const DiskFile&) = delete;
  DiskFile& operator=(const DiskFile&) = delete;

  [[nodiscard]] const File& file() const { return file_; }
  [[nodiscard]] ByteVector contents() const {
    const auto size = file_.size();
    EXPECT_TRUE(size.ok());
    ByteVector bytes(static_cast<std::size_t>(*size));
    EXPECT_TRUE(file_.read_at(0, bytes.data(), bytes.size()).ok());
    return bytes;
  }
  // Pages of the file that the page cache holds.
  [[nodiscard]] std::size_t cached_pages(std::size_t size) const {
    void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file_.descriptor(), 0);
    EXPECT_NE(mapped, MAP_FAILED);
    std::vector<unsigned char> pages((size + 4095) / 4096);
    EXPECT_EQ(::mincore(mapped, size, pages.data()), 0);
    ::munmap(mapped, size);
    return static_cast<std::size_t>(
        std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return (page & 1U) != 0; }));
  }

 private:
  std::string path_;
  File file_;
};

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>{0, limit - 1}(engine_);
  }
  Blob bytes(std::size_t size) {
    ByteVector data(size);
    for (std::uint8_t& byte : data) byte = static_cast<std::uint8_t>(engine_());
    return Blob::of(std::move(data));
  }

 private:
  std::mt19937 engine_;
};

std::vector<Blob> random_parts(Random& random) {
  constexpr std::array<std::size_t, 5> sizes{1, 300, 4097, 200'000, 3'000'000};
  std::vector<Blob> parts;
  for (std::size_t count = 1 + random.below(6); count > 0; --count) {
    parts.push_back(random.bytes(random.below(sizes[random.below(sizes.size())])));
  }
  return parts;
}

// Sizes and offsets of every kind, some written over, read through the cache after each.
void write_and_compare(const DirectWriter& writer, const DiskFile& disk, unsigned seed) {
  Random random{seed};
  ByteVector expected;
  for (int i = 0; i < 12; ++i) {
    const bool is_over = i % 4 == 3;
    const std::size_t at = is_over ? random.below(expected.size()) : expected.size();
    const auto parts = random_parts(random);
    const Status written = writer.write_at(disk.file(), at, parts);
    ASSERT_TRUE(written.ok()) << written.error().message;
    std::size_t end = at;
    for (const Blob& part : parts) {
      expected.resize(std::max(expected.size(), end + part.size()));
      std::copy(part.bytes().begin(), part.bytes().end(),
                expected.begin() + static_cast<std::ptrdiff_t>(end));
      end += part.size();
    }
    ASSERT_EQ(disk.contents(), expected) << "write " << i << " of seed " << seed;
  }
}

TEST(DirectWriter, WritesWhatTheCacheReads) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    const DiskFile direct;
    write_and_compare(DirectWriter::of(direct.file()), direct, seed);
    const DiskFile cached;
    write_and_compare(DirectWriter{}, cached, seed);
  }
}

TEST(DirectWriter, LeavesNoPagesOfLargeWrites) {
  const DiskFile disk;
  const DirectWriter writer = DirectWriter::of(disk.file());
  if (!writer.is_direct()) GTEST_SKIP() << "the file system of the temporary directory cannot";
  Random random{7};
  const std::array parts{random.bytes(1000), random.bytes(3'000'000)};
  ASSERT_TRUE(writer.write_at(disk.file(), 0, parts).ok());
  EXPECT_LE(disk.cached_pages(3'001'000), 1U);  // the last, which is not whole
  const DiskFile cached;
  ASSERT_TRUE(DirectWriter{}.write_at(cached.file(), 0, parts).ok());
  EXPECT_GE(cached.cached_pages(3'001'000), 700U) << "the judge sees no pages at all";
}

TEST(DirectWriter, SaysWhyItCannotWrite) {
  const DiskFile disk;
  const DirectWriter writer = DirectWriter::of(disk.file());
  Random random{9};
  const std::array parts{random.bytes(2'000'000)};
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{1'000'000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  const Status written = writer.write_at(disk.file(), 0, parts);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code, ErrorCode::io);
}

}  // namespace
}  // namespace tarn::archive
