#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace yz::control {

/// The heaviest of many values in bounded memory, after Space-Saving (Metwally, Agrawal, El Abbadi 2005): when it is
/// full, the lighter half goes, and whoever comes later may have been among them. Exact while no more values come than
/// it holds. Two sketches of the same capacity can be added up. One thread.
class TopSketch final {
 public:
  struct Item {
    std::string value;
    std::uint64_t requests = 0;
    std::uint64_t bytes = 0;
    std::uint64_t error = 0;  ///< the weight may be this much more
  };
  enum class Weight : std::uint8_t { kRequests, kBytes };

  TopSketch(Weight weight, std::size_t capacity) : weight_(weight), capacity_(capacity) {}

  void add(std::string_view value, std::uint64_t requests, std::uint64_t bytes);
  void add(const TopSketch& other);
  /// The heaviest, the first before the others; equal ones by value.
  [[nodiscard]] std::vector<Item> top(std::size_t count) const;
  /// The most that a value which is not in it can weigh.
  [[nodiscard]] std::uint64_t floor() const { return floor_; }

 private:
  struct Sum {
    std::uint64_t requests = 0;
    std::uint64_t bytes = 0;
    std::uint64_t error = 0;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  [[nodiscard]] std::uint64_t weight_of(const Sum& sum) const {
    return weight_ == Weight::kBytes ? sum.bytes : sum.requests;
  }
  void halve();

  Weight weight_;
  std::size_t capacity_;
  std::uint64_t floor_ = 0;
  std::unordered_map<std::string, Sum, Hash, std::equal_to<>> sums_;
};

}  // namespace yz::control
