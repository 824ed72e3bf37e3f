#include "control/leader.h"

#include <utility>

#include "base/log.h"
#include "store/lease_store.h"

namespace yz::control {
namespace {
constexpr std::string_view kLease = "refresh-master";
}  // namespace

Leader::Leader(io::Reactor& reactor, store::Database& database, io::BlockingPool& pool, const Clock& clock,
               std::string holder)
    : reactor_(reactor), database_(database), pool_(pool), clock_(clock), holder_(std::move(holder)) {}

bool Leader::is_held() const {
  return clock_.wall().time_since_epoch().count() < held_until_ms_.load(std::memory_order_acquire);
}

Status Leader::try_now() { return acquire(); }

Status Leader::acquire() {
  const WallTime now = clock_.wall();
  YZ_TRY(const store::Lease lease, database_.write([&](store::Transaction& tx) {
    return store::LeaseStore(tx).acquire(kLease, holder_, kLength, now);
  }));
  const bool is_ours = lease.holder == holder_;
  const WallTime until = is_ours ? lease.expires - kMargin : WallTime{};
  if (is_ours != (held_until_ms_.load() != 0))
    log::info("refresh master: {}", is_ours ? "this instance" : lease.holder);
  held_until_ms_.store(until.time_since_epoch().count(), std::memory_order_release);
  return {};
}

void Leader::start() { reactor_.spawn_into(scope_, renew()); }

io::Task<void> Leader::renew() {
  for (;;) {
    co_await io::sleep_for(kLength / 3);
    auto done = co_await pool_.run([this] { return acquire(); }, io::kNoDeadline);
    if (!done) log::warn("the refresh master's lease could not be renewed: {}", done.error().message);
  }
}

void Leader::release() {
  held_until_ms_.store(0, std::memory_order_release);
  auto done = database_.write([&](store::Transaction& tx) { return store::LeaseStore(tx).release(kLease, holder_); });
  if (!done) log::warn("the refresh master's lease could not be given back: {}", done.error().message);
}

}  // namespace yz::control
