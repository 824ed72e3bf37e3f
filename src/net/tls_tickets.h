#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"

namespace yz::net {

/// The keys that session tickets are sealed with (RFC 5077 §4, RFC 8446 §4.6.1). They follow from a secret and the time
/// alone (HKDF, RFC 5869), so all workers and nodes that know the secret read each other's tickets without a message.
/// A key seals for one period and opens for two more; one period ahead is accepted too, as clocks differ. Any thread.
class TlsTicketKeys {
 public:
  static constexpr std::chrono::hours kPeriod{8};
  /// How long a ticket is good for, as clients are told.
  static constexpr std::chrono::hours kLifetime{16};

  struct Key {
    std::uint64_t period = 0;  ///< of kPeriod since the epoch
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> cipher{};  ///< AES-256-CBC
    std::array<unsigned char, 32> mac{};     ///< HMAC-SHA-256
  };

  /// `secret` is long and hard to guess. The clock outlives the keys.
  explicit TlsTicketKeys(std::string secret, const Clock& clock = SystemClock::instance());
  /// Tickets sealed under another secret are refused from now on.
  void set_secret(std::string secret);

  /// The key to seal with.
  [[nodiscard]] Key current();
  /// The key of that name, if tickets sealed with it are accepted now.
  [[nodiscard]] std::optional<Key> find(const unsigned char (&name)[16]);

 private:
  static constexpr std::uint64_t kPast = 2;
  void renew();

  const Clock& clock_;
  std::mutex mutex_;
  std::string secret_;               // guarded by mutex_, as all below
  std::array<Key, kPast + 2> keys_;  // the next period's first, the oldest last
  std::uint64_t period_ = 0;         // that keys_ are for; 0: none yet
};

}  // namespace yz::net
