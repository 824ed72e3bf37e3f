#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include <sys/uio.h>

#include "net/tls_sealer.h"

namespace yz::net {

// What TlsStream seals from and into. For the sources of TLS alone.

/// Where the records of a burst are gathered for one system call. Unlike a string it fills no bytes that are about to
/// be written.
class Burst {
 public:
  void clear() { size_ = 0; }
  /// Room for `size` bytes more, which count as written.
  [[nodiscard]] char* add(std::size_t size) {
    if (size_ + size > capacity_) grow(size_ + size);
    return bytes_.get() + std::exchange(size_, size_ + size);
  }
  void append(std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(add(bytes.size()), bytes.data(), bytes.size());
  }
  [[nodiscard]] std::string_view bytes() const { return {bytes_.get(), size_}; }

 private:
  void grow(std::size_t needed) {
    const std::size_t capacity = std::max(needed, 2 * capacity_);
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

[[nodiscard]] inline std::size_t total_size(std::span<const iovec> pieces) {
  std::size_t size = 0;
  for (const iovec& piece : pieces) size += piece.iov_len;
  return size;
}

/// Hands the bytes of several pieces out as runs of a record each, small pieces copied together.
class RecordSource {
 public:
  RecordSource(std::span<const iovec> pieces, std::size_t limit) : pieces_(pieces), left_(limit) {}

  /// The next run; empty at the end. Runs of more than a record are cut by OpenSSL.
  std::string_view next() {
    while (!pieces_.empty() && offset_ == pieces_.front().iov_len) advance();
    if (pieces_.empty() || left_ == 0) return {};
    const std::size_t here = pieces_.front().iov_len - offset_;
    const bool is_last = pieces_.size() == 1 || here >= left_;
    if (is_last) return take(std::min(here, left_));
    // Whole records only: the rest is gathered with what comes behind it.
    if (here >= RecordSealer::kMaxText) return take(here / RecordSealer::kMaxText * RecordSealer::kMaxText);
    return gather();
  }

 private:
  std::string_view take(std::size_t size) {
    const std::string_view run(static_cast<const char*>(pieces_.front().iov_base) + offset_, size);
    offset_ += size;
    left_ -= size;
    return run;
  }
  std::string_view gather() {
    thread_local std::array<char, RecordSealer::kMaxText> record;
    std::size_t size = 0;
    while (!pieces_.empty() && size < record.size() && left_ > 0) {
      const std::size_t here = pieces_.front().iov_len - offset_;
      const std::string_view part = take(std::min({here, record.size() - size, left_}));
      std::memcpy(record.data() + size, part.data(), part.size());
      size += part.size();
      if (offset_ == pieces_.front().iov_len) advance();
    }
    return {record.data(), size};
  }
  void advance() {
    pieces_ = pieces_.subspan(1);
    offset_ = 0;
  }

  std::span<const iovec> pieces_;
  std::size_t offset_ = 0;  // in the first piece
  std::size_t left_;
};

}  // namespace yz::net
