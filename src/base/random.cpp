#include "base/random.h"

#include <bit>
#include <cerrno>
#include <cstring>

#include <sys/random.h>

#include "base/result.h"

namespace yz {

namespace {

std::uint64_t split_mix(std::uint64_t& x) {
  std::uint64_t z = (x += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(std::uint64_t seed) {
  for (auto& word : state_) word = split_mix(seed);
}

Random Random::from_entropy() {
  std::uint64_t seed = 0;
  std::memcpy(&seed, secret_bytes(sizeof seed).data(), sizeof seed);
  return Random(seed);
}

std::uint64_t Random::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) {
  YZ_ASSERT(bound > 0);
  // Lemire's multiply-shift; the bias is below 2^-32 for the bounds used here.
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
}

double Random::unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

std::string secret_bytes(std::size_t size) {
  std::string out(size, '\0');
  std::size_t filled = 0;
  while (filled < size) {
    const ssize_t got = ::getrandom(out.data() + filled, size - filled, 0);
    if (got < 0 && errno == EINTR) continue;
    YZ_ASSERT(got > 0);
    filled += static_cast<std::size_t>(got);
  }
  return out;
}

}  // namespace yz
