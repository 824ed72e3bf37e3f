#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace yz::geo {

/// The sources of a map, each kind in its place: later kinds are laid over earlier ones, and inside a kind later files
/// over earlier ones.
struct BuildPlan {
  std::vector<std::filesystem::path> country_mmdbs;
  std::vector<std::filesystem::path> asn_csvs;
  std::vector<std::filesystem::path> ip2region;
  std::vector<std::filesystem::path> ipv6wry;
  std::vector<std::filesystem::path> mmdbs;      ///< the operator's own: GeoLite2, GeoIP2, GeoCN
  std::vector<std::filesystem::path> overrides;  ///< the operator's own lists
  std::filesystem::path out;
};

struct BuildReport {
  std::vector<std::string> lines;  ///< one for each source: what it is and how many ranges it gave
  std::size_t v4_ranges = 0;
  std::size_t v6_ranges = 0;
  std::uint64_t file_size = 0;
};

/// Reads all sources, compiles them, checks the result by opening it, and replaces `plan.out` as one step. Fails with
/// the reader's error, the file's name in front; the old map stays.
[[nodiscard]] Result<BuildReport> build_map(const BuildPlan& plan, std::uint64_t built_at);

}  // namespace yz::geo
