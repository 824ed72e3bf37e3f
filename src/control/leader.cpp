#include "control/leader.h"

#include <utility>

#include "base/log.h"

namespace yz::control {
namespace {
constexpr std::string_view kLease = "control-leader";
}  // namespace

Leader::Leader(io::Reactor& reactor, store::Database& database, io::BlockingPool& pool, const Clock& clock,
               std::string instance, Options options)
    : reactor_(reactor),
      database_(database),
      pool_(pool),
      clock_(clock),
      instance_(std::move(instance)),
      options_(options) {}

bool Leader::is_held() const {
  return clock_.wall().time_since_epoch().count() < held_until_ms_.load(std::memory_order_acquire);
}

/// Renews, or takes the lease when it is free; who has it. On a thread of the pool.
Result<Leader::Seen> Leader::attempt() {
  const WallTime now = clock_.wall();
  const auto is_others = [this, now](const store::Lease& lease) {
    return lease.holder != instance_ && !lease.holder.empty() && lease.expires > now;
  };
  if (!leads()) {
    // Most looks find another leader: they lock nothing.
    YZ_TRY(auto present, database_.read([&](store::Transaction& tx) -> Result<std::optional<Seen>> {
      store::LeaseStore leases(tx);
      YZ_TRY(auto lease, leases.get(kLease));
      if (!lease || !is_others(*lease)) return std::nullopt;
      YZ_TRY(std::string address, leases.address_of(lease->holder));
      return Seen{*std::move(lease), std::move(address)};
    }));
    if (present) return *std::move(present);
  }
  return database_.write([&](store::Transaction& tx) -> Result<Seen> {
    store::LeaseStore leases(tx);
    Seen seen;
    YZ_TRY(seen.lease, leases.acquire(kLease, instance_, options_.length, now));
    if (seen.lease.holder == instance_) {
      if (!leads()) YZ_CHECK(leases.put_address(instance_, address_));
    } else {
      YZ_TRY(seen.address, leases.address_of(seen.lease.holder));
    }
    return seen;
  });
}

void Leader::settle(const Seen& seen) {
  const bool is_ours = seen.lease.holder == instance_;
  if (holder_ != seen.lease.holder) {
    log::info("{} leads{}", is_ours ? "this instance" : seen.lease.holder,
              seen.address.empty() ? "" : ", at " + seen.address);
  }
  holder_ = seen.lease.holder;
  other_address_ = is_ours ? "" : seen.address;
  if (!is_ours) {
    stop_leading();
    return;
  }
  held_until_ms_.store((seen.lease.expires - options_.margin).time_since_epoch().count(), std::memory_order_release);
  if (!leads_.exchange(true, std::memory_order_acq_rel) && listener_) listener_(true);
}

void Leader::stop_leading() {
  held_until_ms_.store(0, std::memory_order_release);
  if (leads_.exchange(false, std::memory_order_acq_rel) && listener_) listener_(false);
}

Status Leader::try_now() {
  const Listener told = std::exchange(listener_, nullptr);
  YZ_TRY(const Seen seen, attempt());
  settle(seen);
  listener_ = told;
  return {};
}

void Leader::start() { reactor_.spawn_into(scope_, keep()); }

io::Task<void> Leader::keep() {
  for (;;) {
    co_await io::sleep_for(leads() && !is_failing_ ? options_.length / 3 : options_.look_every);
    const auto seen = co_await pool_.run([this] { return attempt(); }, io::kNoDeadline);
    if (seen) {
      is_failing_ = false;
      settle(*seen);
      continue;
    }
    if (!std::exchange(is_failing_, true)) log::warn("who leads cannot be read: {}", seen.error().message);
    const WallTime held_until{std::chrono::milliseconds(held_until_ms_.load())};
    if (leads() && clock_.wall() > held_until + options_.patience) {
      log::error("the database has been away for too long: this instance leads no more");
      stop_leading();
    }
  }
}

void Leader::release() {
  held_until_ms_.store(0, std::memory_order_release);
  leads_.store(false, std::memory_order_release);
  auto done = database_.write([&](store::Transaction& tx) { return store::LeaseStore(tx).release(kLease, instance_); });
  if (!done) log::warn("the leader's lease could not be given back: {}", done.error().message);
}

}  // namespace yz::control
