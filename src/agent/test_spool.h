#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"
#include "model/access_record.h"
#include "model/access_spool.h"

namespace yz::agent {

/// A spool of access logs as an edge would write it, in the hour 490,000.
class TestSpool {
 public:
  static constexpr WallTime kNow{std::chrono::hours(490'000)};

  explicit TestSpool(std::filesystem::path folder) : folder_(std::move(folder)) { EXPECT_TRUE(make_folder(folder_)); }

  /// Requests for "/<first>" and on.
  static std::string records(std::uint64_t first, std::uint64_t count, std::uint64_t domain, WallTime at = kNow) {
    std::string out;
    for (std::uint64_t i = 0; i < count; ++i) {
      model::AccessRecord record;
      record.ended = at + std::chrono::milliseconds(i);
      record.domain = model::DomainId{domain};
      const std::string target = "/" + std::to_string(first + i);
      record.target = target;
      std::string bytes(model::kMaxAccessRecord, '\0');
      bytes.resize(encode(record, bytes));
      out += bytes;
    }
    return out;
  }
  void write_segment(std::uint64_t number, const std::string& bytes, std::uint32_t count, bool is_closed) const {
    const model::SegmentHead head{.name = {1, number},
                                  .created = kNow,
                                  .is_closed = is_closed,
                                  .records = count,
                                  .bytes = static_cast<std::uint32_t>(bytes.size())};
    EXPECT_TRUE(write_file_atomically(segment(number), encode(head) + bytes));
  }
  [[nodiscard]] std::filesystem::path segment(std::uint64_t number) const {
    return folder_ / file_name(model::SegmentName{1, number});
  }

 private:
  const std::filesystem::path folder_;
};

}  // namespace yz::agent
