// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <span>

#include "core/base/time.h"
#include "core/timeline/block_list.h"
#include "core/timeline/columns.h"

namespace tarn::timeline {

// One output segment of an endpoint generation: whole slots. Recorded when it is cut, never recomputed.
struct Cut {
  std::uint64_t number = 0;  // media sequence number; goes on across generations of the endpoint
  std::uint64_t first_slot = 0;
  std::uint32_t slot_count = 0;
  std::uint32_t stretch = 0;
  std::uint32_t generation = 0;  // of the endpoint (semantics S7)
  Utc recorded;                  // when it was cut: publishTime derives from it (semantics S5)
  // Times are not continuous with those of the cut before (semantics S3, S6): EXT-X-DISCONTINUITY.
  bool discontinuity = false;
  // How many of the endpoint's cuts, up to and with this one, began with a discontinuity.
  std::uint32_t discontinuity_sequence = 0;

  bool operator==(const Cut&) const = default;
};

// A block of cuts in columns, as PackedSlots has slots.
class PackedCuts {
 public:
  using Item = Cut;
  using View = Cut;

  explicit PackedCuts(std::span<const Cut> cuts);
  [[nodiscard]] Cut at(std::size_t row) const;
  static Cut view(const Cut& cut) { return cut; }

 private:
  Column number_;
  Column first_slot_;
  Column slot_count_;
  Column stretch_;
  Column generation_;
  Column recorded_;
  Column discontinuity_;
  Column discontinuity_sequence_;
  ColumnBits bits_;
};

// Cuts in order of number; reads like a vector whose items are values, copies as a BlockList does.
class CutList {
 public:
  class const_iterator {
   public:
    // Of a cut that is a value.
    struct Arrow {
      Cut cut;
      const Cut* operator->() const { return &cut; }
    };
    using iterator_category = std::random_access_iterator_tag;
    using value_type = Cut;
    using difference_type = std::ptrdiff_t;
    using pointer = Arrow;
    using reference = Cut;

    const_iterator() = default;
    const_iterator(const CutList* list, difference_type index) : list_(list), index_(index) {}
    reference operator*() const { return (*list_)[static_cast<std::size_t>(index_)]; }
    pointer operator->() const { return {**this}; }
    reference operator[](difference_type n) const { return *(*this + n); }
    const_iterator& operator+=(difference_type n) {
      index_ += n;
      return *this;
    }
    const_iterator& operator-=(difference_type n) { return *this += -n; }
    const_iterator& operator++() { return *this += 1; }
    const_iterator& operator--() { return *this -= 1; }
    const_iterator operator++(int) {
      const const_iterator before = *this;
      ++*this;
      return before;
    }
    const_iterator operator--(int) {
      const const_iterator before = *this;
      --*this;
      return before;
    }
    friend const_iterator operator+(const_iterator it, difference_type n) { return it += n; }
    friend const_iterator operator+(difference_type n, const_iterator it) { return it += n; }
    friend const_iterator operator-(const_iterator it, difference_type n) { return it -= n; }
    friend difference_type operator-(const const_iterator& a, const const_iterator& b) {
      return a.index_ - b.index_;
    }
    friend bool operator==(const const_iterator& a, const const_iterator& b) { return a.index_ == b.index_; }
    friend auto operator<=>(const const_iterator& a, const const_iterator& b) {
      return a.index_ <=> b.index_;
    }

   private:
    const CutList* list_ = nullptr;
    difference_type index_ = 0;
  };
  using value_type = Cut;
  using size_type = std::size_t;
  using iterator = const_iterator;
  using const_reverse_iterator = std::reverse_iterator<const_iterator>;

  CutList() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a list of cuts is a list of cuts
  CutList(std::initializer_list<Cut> cuts) {
    for (const Cut& cut : cuts) push_back(cut);
  }

  [[nodiscard]] std::size_t size() const { return cuts_.size(); }
  [[nodiscard]] bool empty() const { return cuts_.empty(); }
  // REQUIRES: index < size()
  Cut operator[](std::size_t index) const { return cuts_[index]; }
  [[nodiscard]] Cut front() const { return (*this)[0]; }
  [[nodiscard]] Cut back() const { return (*this)[size() - 1]; }
  [[nodiscard]] const_iterator begin() const { return {this, 0}; }
  [[nodiscard]] const_iterator end() const { return {this, static_cast<std::ptrdiff_t>(size())}; }
  [[nodiscard]] const_reverse_iterator rbegin() const { return const_reverse_iterator{end()}; }
  [[nodiscard]] const_reverse_iterator rend() const { return const_reverse_iterator{begin()}; }

  void push_back(const Cut& cut) { cuts_.push_back(cut); }
  // REQUIRES: count <= size()
  void drop_front(std::size_t count) { cuts_.drop_front(count); }

 private:
  BlockList<PackedCuts, 512> cuts_;
};

// Successive cuts of a list, which it refers to.
class CutRange {
 public:
  CutRange(const CutList& list, std::size_t first, std::size_t size)
      : list_(&list), first_(first), size_(size) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  // REQUIRES: size() > 0
  [[nodiscard]] Cut front() const { return (*list_)[first_]; }
  [[nodiscard]] Cut back() const { return (*list_)[first_ + size_ - 1]; }
  [[nodiscard]] CutList::const_iterator begin() const {
    return list_->begin() + static_cast<std::ptrdiff_t>(first_);
  }
  [[nodiscard]] CutList::const_iterator end() const { return begin() + static_cast<std::ptrdiff_t>(size_); }
  // By the next one of the list.
  void extend() { ++size_; }

 private:
  const CutList* list_;
  std::size_t first_;
  std::size_t size_;
};

}  // namespace tarn::timeline
