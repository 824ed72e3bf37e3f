#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace yz {

/// Where chance comes in for what is not secret (jitter, sampling, shuffles). Not for several threads at once.
/// xoshiro256** (Blackman and Vigna); the same seed gives the same sequence everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed);
  /// Seeded from the operating system.
  static Random from_entropy();

  [[nodiscard]] std::uint64_t next();
  /// Uniform in [0, bound); bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1).
  [[nodiscard]] double unit();

 private:
  std::array<std::uint64_t, 4> state_;
};

/// `size` bytes from the operating system's generator, for keys, tokens and ids that must not be guessed.
/// Ends the process when the system has none to give.
[[nodiscard]] std::string secret_bytes(std::size_t size);

}  // namespace yz
