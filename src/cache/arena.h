#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/bytes.h"
#include "cache/budget.h"

namespace yz::cache {

/// Memory for everything small in a cache: objects with their heads and bodies, pieces of bodies on their way in. A
/// two-level segregated fit (Masmano et al., ECRTS 2004) over one range of addresses as large as the budget: four bytes
/// a block and sizes in steps of eight; neighbours that are free merge; all in constant time. The budget is charged by
/// the page, when a page is first touched, so that what is lost between blocks is part of it; whole pages inside free
/// blocks go back to the system when `trim` is asked for them. Any thread.
class Arena {
 public:
  /// False when the system would not give so many addresses.
  [[nodiscard]] static bool is_possible(ByteCount size);
  /// `size` must be possible. At most 255 at a time in a process, so that what lies in one names it with a byte.
  Arena(MemoryBudget& budget, ByteCount size);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// `size` bytes, aligned to eight; null when no free block is large enough or the budget has no room for its pages.
  [[nodiscard]] void* take(std::size_t size);
  /// What `take` gave.
  void give_back(void* memory);
  /// Bytes held for what `take` gave, books included. The caller keeps the block alive.
  [[nodiscard]] std::size_t size_of(const void* memory) const;

  /// Gives pages inside free blocks back, to system and budget, until `bytes` are; returns how many were.
  std::uint64_t trim(std::uint64_t bytes);

  /// Names what `take` gave in 32 bits; zero names nothing.
  [[nodiscard]] std::uint32_t link_to(const void* memory) const;
  [[nodiscard]] void* at(std::uint32_t link) const;
  [[nodiscard]] std::uint8_t id() const { return id_; }
  [[nodiscard]] static Arena& of(std::uint8_t id);

  [[nodiscard]] MemoryBudget& budget() { return budget_; }
  struct Usage {
    std::uint64_t held = 0;   ///< charged for pages
    std::uint64_t taken = 0;  ///< of it, in blocks that are taken
  };
  [[nodiscard]] Usage usage() const;

 private:
  // A block begins with a word: its size in granules and three bits. Blocks begin four bytes before a multiple of
  // eight, so that what follows the word is aligned. A free block has the links of its list after the word, and in its
  // last four bytes its own number, by which the block after it finds it.
  using Number = std::uint32_t;  ///< of a block: granules from the start
  static constexpr Number kNone = ~0U;
  static constexpr std::uint32_t kIsFree = 1;
  static constexpr std::uint32_t kIsAfterFree = 2;
  static constexpr std::uint32_t kIsTrimmed = 4;  ///< free, and some of its pages are not there
  static constexpr std::uint32_t kFlagBits = 3;
  static constexpr std::uint32_t kMinSize = 2;  ///< granules: word, two links, own number
  static constexpr std::uint32_t kMaxSize = (1U << 29) - 1;
  static constexpr std::uint32_t kSplitBits = 5;  ///< each power of two has 32 classes
  static constexpr std::size_t kClasses = 26U << kSplitBits;
  static constexpr std::uint64_t kPage = 4096;

  /// Free blocks by class of size, newest first.
  struct Lists {
    Lists() { heads.fill(kNone); }
    std::array<Number, kClasses> heads;
    std::array<std::uint64_t, kClasses / 64> filled{};
  };

  [[nodiscard]] static std::size_t class_of(std::uint32_t size);
  [[nodiscard]] char* address(Number block) const { return base_ + 4 + (std::uint64_t{block} << granule_shift_); }
  [[nodiscard]] std::uint64_t bytes_of(std::uint32_t size) const { return std::uint64_t{size} << granule_shift_; }
  [[nodiscard]] std::uint32_t field(Number block, std::size_t index) const;
  void set_field(Number block, std::size_t index, std::uint32_t value);
  [[nodiscard]] std::uint32_t size(Number block) const { return field(block, 0) >> kFlagBits; }
  [[nodiscard]] bool has(Number block, std::uint32_t flag) const { return (field(block, 0) & flag) != 0; }
  void set_free(Number block, std::uint32_t size, std::uint32_t trimmed);
  [[nodiscard]] Lists& lists_of(Number block) { return lists_[has(block, kIsTrimmed) ? 1 : 0]; }
  void unlink(Number block);
  [[nodiscard]] Number find(const Lists& lists, std::uint32_t size) const;
  [[nodiscard]] Number take_free(std::uint32_t size);
  struct Pages {
    std::size_t first = 0;
    std::size_t end = 0;
  };
  [[nodiscard]] bool hold(Pages pages);
  std::uint64_t drop(Pages pages);
  std::uint64_t trim_locked(std::uint64_t bytes);
  [[nodiscard]] bool is_held(std::size_t page) const { return (held_[page / 64] >> page % 64 & 1) != 0; }

  MemoryBudget& budget_;
  std::uint8_t id_ = 0;
  std::uint32_t granule_shift_ = 3;
  char* base_ = nullptr;
  std::uint64_t mapped_ = 0;
  mutable std::mutex mutex_;
  std::array<Lists, 2> lists_;       ///< of blocks whose pages are all there; of the trimmed
  std::vector<std::uint64_t> held_;  ///< a bit a page: charged
  Usage usage_;
};

}  // namespace yz::cache
