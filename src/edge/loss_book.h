#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "model/access_spool.h"

namespace yz::edge {

/// How many requests of a domain could not be written down in an hour, in a small file mapped MAP_SHARED that is
/// allocated at the start: it can count when the disk is full and after kill -9. The agent reads it.
class LossBook {
 public:
  /// Goes on in the newest book of the folder that has room, or begins one; removes those older than a month.
  [[nodiscard]] static Result<std::unique_ptr<LossBook>> open(const std::filesystem::path& folder, WallTime now);
  ~LossBook();
  LossBook(const LossBook&) = delete;
  LossBook& operator=(const LossBook&) = delete;

  /// No lock, no system call. Any thread.
  void add(std::uint32_t hour, model::DomainId domain, std::uint64_t requests);

 private:
  struct Cell;
  explicit LossBook(char* base) : base_(base) {}
  [[nodiscard]] Cell* cells() const;

  char* const base_;
};

}  // namespace yz::edge
