// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/timeline/block_list.h"

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

// Cuts in order of number; reads like a vector, copies as a BlockList does.
class CutList {
 public:
  class const_iterator {
   public:
    using iterator_category = std::random_access_iterator_tag;
    using value_type = Cut;
    using difference_type = std::ptrdiff_t;
    using pointer = const Cut*;
    using reference = const Cut&;

    const_iterator() = default;
    const_iterator(const CutList* list, difference_type index) : list_(list), index_(index) {}
    reference operator*() const { return (*list_)[static_cast<std::size_t>(index_)]; }
    pointer operator->() const { return &**this; }
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
  CutList(std::vector<Cut> cuts) { cuts_.append(std::move(cuts)); }
  CutList(std::initializer_list<Cut> cuts) : CutList(std::vector<Cut>(cuts)) {}

  [[nodiscard]] std::size_t size() const { return cuts_.size(); }
  [[nodiscard]] bool empty() const { return cuts_.empty(); }
  // REQUIRES: index < size()
  const Cut& operator[](std::size_t index) const { return cuts_[index]; }
  [[nodiscard]] const Cut& front() const { return (*this)[0]; }
  [[nodiscard]] const Cut& back() const { return (*this)[size() - 1]; }
  [[nodiscard]] const_iterator begin() const { return {this, 0}; }
  [[nodiscard]] const_iterator end() const { return {this, static_cast<std::ptrdiff_t>(size())}; }
  [[nodiscard]] const_reverse_iterator rbegin() const { return const_reverse_iterator{end()}; }
  [[nodiscard]] const_reverse_iterator rend() const { return const_reverse_iterator{begin()}; }

  void push_back(const Cut& cut) { cuts_.push_back(cut); }
  // REQUIRES: count <= size()
  void drop_front(std::size_t count) { cuts_.drop_front(count); }

 private:
  BlockList<Cut, 512> cuts_;
};

}  // namespace tarn::timeline
