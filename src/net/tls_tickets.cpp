#include "net/tls_tickets.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "base/bytes.h"
#include "base/hash.h"

namespace yz::net {

namespace {

constexpr std::size_t kCurrent = 1;  // in keys_, behind the next period's

/// HKDF-Expand of one period's key material (RFC 5869 §2.3), `pseudo_random` being the extracted key.
std::string expand(const std::string& pseudo_random, std::uint64_t period, std::size_t size) {
  std::string info = "yizhan session ticket";
  ByteWriter(info).u64(period);
  std::string out;
  std::string block;
  for (char counter = 1; out.size() < size; ++counter) {
    block = hmac_sha256(pseudo_random, block + info + counter);
    out += block;
  }
  return out;
}

TlsTicketKeys::Key derive(const std::string& pseudo_random, std::uint64_t period) {
  TlsTicketKeys::Key key;
  key.period = period;
  const std::string bytes = expand(pseudo_random, period, key.name.size() + key.cipher.size() + key.mac.size());
  const char* at = bytes.data();
  for (const auto part :
       {std::span<unsigned char>(key.name), std::span<unsigned char>(key.cipher), std::span<unsigned char>(key.mac)}) {
    std::memcpy(part.data(), at, part.size());
    at += part.size();
  }
  return key;
}

}  // namespace

TlsTicketKeys::TlsTicketKeys(std::string secret, const Clock& clock) : clock_(clock), secret_(std::move(secret)) {}

void TlsTicketKeys::set_secret(std::string secret) {
  const std::lock_guard lock(mutex_);
  if (secret == secret_) return;
  secret_ = std::move(secret);
  period_ = 0;
}

/// Makes keys_ those of now. The mutex is held.
void TlsTicketKeys::renew() {
  const auto since_epoch = clock_.wall().time_since_epoch();
  const auto period = static_cast<std::uint64_t>(std::max<std::int64_t>(since_epoch / kPeriod, kPast + 1));
  if (period == period_) return;
  const std::string pseudo_random = hmac_sha256("", secret_);  // HKDF-Extract without salt (§2.2)
  for (std::size_t i = 0; i < keys_.size(); ++i) keys_[i] = derive(pseudo_random, period + kCurrent - i);
  period_ = period;
}

TlsTicketKeys::Key TlsTicketKeys::current() {
  const std::lock_guard lock(mutex_);
  renew();
  return keys_[kCurrent];
}

std::optional<TlsTicketKeys::Key> TlsTicketKeys::find(const unsigned char (&name)[16]) {
  const std::lock_guard lock(mutex_);
  renew();
  for (const Key& key : keys_) {
    if (std::equal(key.name.begin(), key.name.end(), name)) return key;
  }
  return std::nullopt;
}

}  // namespace yz::net
