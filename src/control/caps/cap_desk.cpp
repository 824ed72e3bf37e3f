#include "control/caps/cap_desk.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "control/transact.h"
#include "model/enum_names.h"
#include "store/billing_store.h"
#include "store/resource_store.h"

namespace yz::control {
namespace {

using namespace std::chrono_literals;
using model::CapKind;
using SuspensionStore = store::ResourceStore<model::Suspension>;

constexpr auto kLooksAgainSoonest = 2s;  // at what a month costs
constexpr std::chrono::hours kForgotten{1};

store::Author author_at(WallTime now, model::TenantId tenant) {
  store::Author author;
  author.actor = "caps";
  author.tenant = tenant;
  author.at = now;
  return author;
}

std::chrono::year_month month_at(WallTime now, std::chrono::minutes utc_offset) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(now + utc_offset));
  return day.year() / day.month();
}

WallTime end_of(const billing::Period& period) { return WallTime(std::chrono::minutes(period.until_minute)); }

std::string describe(const store::Cap& cap) {
  return fmt::format(
      "cap {} ({} of {})", cap.id.value, model::name_of(cap.kind),
      cap.domain ? fmt::format("domain {}", cap.domain.value) : fmt::format("tenant {}", cap.tenant.value));
}

}  // namespace

CapDesk::CapDesk(io::Reactor& reactor, store::Database& database, ConfigState& state, const CapMeter& meter,
                 const Leader& leader, const Clock& clock, metrics::Registry& metrics, Options options)
    : reactor_(reactor),
      database_(database),
      state_(state),
      meter_(meter),
      leader_(leader),
      clock_(clock),
      options_(options),
      caps_(metrics.gauge("yz_control_caps", "Caps of tenants and domains.")),
      suspended_(metrics.gauge("yz_control_suspensions", "Caps that hold viewers back now.")),
      pool_(std::make_unique<io::BlockingPool>(io::BlockingPool::Options{1, 16})) {}

void CapDesk::start() { reactor_.spawn_into(scope_, run()); }

io::Task<void> CapDesk::run() {
  bool led = false;
  for (;;) {
    const bool leads = leader_.is_held();
    if (leads) {
      const auto work = [this, is_new = !led] {
        // Another instance led meanwhile: what this one knew is old.
        if (is_new) watches_.clear(), noted_.clear();
        return look();
      };
      const auto done = co_await pool_->run(work, io::kNoDeadline);
      if (!done) log::warn("caps could not be looked at: {}", done.error().message);
    }
    led = leads;
    co_await io::sleep_for(options_.look_every);
  }
}

Status CapDesk::look() {
  YZ_TRY(std::vector<store::Cap> caps,
         database_.read([](store::Transaction& tx) { return store::CapStore(tx).all(); }));
  caps_.set(static_cast<std::int64_t>(caps.size()));
  std::erase_if(watches_,
                [&](const auto& item) { return std::ranges::find(caps, item.first, &store::Cap::id) == caps.end(); });
  Status out;
  for (store::Cap& cap : caps) {
    if (auto done = look_at(cap); !done) out = fail(std::move(done).error().with_context(describe(cap)));
  }
  if (out) out = drop_orphans(caps);
  if (out) out = note(caps);
  suspended_.set(std::ranges::count_if(caps, [](const store::Cap& cap) { return static_cast<bool>(cap.suspension); }));
  return out;
}

Status CapDesk::look_at(store::Cap& cap) {
  return cap.kind == CapKind::kBandwidth ? look_at_bandwidth(cap) : look_at_month(cap);
}

CapMeter::Reading CapDesk::read(const store::Cap& cap) const {
  return cap.domain ? meter_.of(cap.domain) : meter_.of(cap.tenant);
}

Status CapDesk::look_at_bandwidth(store::Cap& cap) {
  const WallTime now = clock_.wall();
  cap.used = read(cap).bits_per_second;
  if (cap.suspension) {
    const model::SnapshotPtr config = state_.current();
    const model::Suspension* present = config->suspensions.find(cap.suspension);
    return present == nullptr || now >= present->until ? release(cap) : Status();
  }
  if (cap.used <= cap.limit) return {};
  const auto rest_of = [this](std::uint64_t times) {
    return std::min(options_.longest_rest, options_.first_rest * (1 << std::min<std::uint64_t>(times, 10)));
  };
  const bool is_again = cap.reached != WallTime() && now - cap.reached < rest_of(cap.times) + kForgotten;
  cap.times = is_again ? cap.times + 1 : 0;
  return suspend(cap, now + rest_of(cap.times));
}

/// The month under way in the contract's time, and what it has come to.
Result<CapDesk::Watch> CapDesk::read_month(store::Transaction& tx, const store::Cap& cap) const {
  Watch out;
  out.mark = read(cap).bytes;  // first: what is stored meanwhile is then counted twice, not left out
  out.read_at = clock_.mono();
  store::BillingStore billing(tx);
  YZ_TRY(const auto starts, billing.plan_starts(cap.tenant));
  const std::chrono::minutes offset = starts.empty() ? 0min : starts.front().plan.utc_offset;
  const std::chrono::year_month month = month_at(clock_.wall(), offset);
  out.period = billing::month_period(month, offset);
  YZ_TRY(out.bytes, store::CapStore(tx).traffic(cap, out.period.from_minute, out.period.until_minute));
  out.used = out.bytes;
  if (cap.kind != CapKind::kSpend) return out;
  const auto due = billing.due(cap.tenant, billing::to_string(month));
  // Without a contract nothing costs anything.
  if (!due && due.error().code != Code::kInvalid) return fail(due.error());
  out.used = due ? static_cast<std::uint64_t>(std::max<std::int64_t>(due->value, 0)) : 0;
  return out;
}

/// Whether the database is to be asked again what a month has come to.
bool CapDesk::is_due(const store::Cap& cap, const Watch& watch) const {
  const std::uint64_t since = read(cap).bytes - watch.mark;
  const auto age = clock_.mono() - watch.read_at;
  if (clock_.wall() >= end_of(watch.period) || age >= options_.reread_every) return true;
  if (since == 0 || cap.suspension) return false;
  if (cap.kind == CapKind::kTraffic) return watch.used + since >= cap.limit;
  // What more bytes cost depends on the plan: looked at the more often the closer it is, and after a jump.
  const auto interval = watch.used * 10 >= cap.limit * 9 ? 3s : watch.used * 2 >= cap.limit ? 15s : 60s;
  return age >= interval || (age >= kLooksAgainSoonest && since * 10 >= watch.bytes);
}

Status CapDesk::look_at_month(store::Cap& cap) {
  auto it = watches_.find(cap.id);
  if (it == watches_.end() || is_due(cap, it->second)) {
    YZ_TRY(const Watch now, database_.read([&](store::Transaction& tx) { return read_month(tx, cap); }));
    it = watches_.insert_or_assign(cap.id, now).first;
  }
  const Watch& watch = it->second;
  cap.used = watch.used;
  if (cap.kind == CapKind::kTraffic) cap.used += read(cap).bytes - watch.mark;
  if (cap.suspension) return cap.used < cap.limit ? release(cap) : Status();
  return watch.used >= cap.limit ? suspend(cap, end_of(watch.period)) : Status();
}

/// The suspension that holds the cap's viewers back, or none where the cap is gone, changed or not reached after all.
Result<model::SuspensionId> CapDesk::add_suspension(store::Transaction& tx, const store::Cap& cap,
                                                    WallTime until) const {
  store::CapStore caps(tx);
  YZ_TRY(const auto present, caps.get(cap.id));
  if (!present || present->suspension || present->limit != cap.limit) return model::SuspensionId();
  if (cap.kind != CapKind::kBandwidth) {
    YZ_TRY(const Watch now, read_month(tx, cap));
    if (now.used < cap.limit) return model::SuspensionId();
  }
  model::Suspension wanted;
  wanted.tenant = cap.tenant;
  wanted.name = fmt::format("cap/{}", cap.id.value);
  wanted.domain = cap.domain;
  wanted.cause = cap.kind;
  wanted.until = until;
  const store::Author author = author_at(clock_.wall(), cap.tenant);
  YZ_TRY(const auto row, SuspensionStore(tx).create(author, std::move(wanted)));
  store::Cap reached = cap;
  reached.suspension = row.value.id;
  reached.reached = author.at;
  YZ_CHECK(caps.note(reached));
  return row.value.id;
}

Status CapDesk::suspend(store::Cap& cap, WallTime until) {
  model::SuspensionId added;
  const auto change = [&](store::Transaction& tx, std::vector<model::ResourceKey>& changed) -> Outcome {
    YZ_TRY(added, add_suspension(tx, cap, until));
    if (added) changed.push_back({model::ResourceKind::kSuspension, added.value});
    return Reply{};
  };
  if (const Outcome done = change_config(database_, state_, change); !done) return fail(done.error().to_error());
  if (!added) return {};
  cap.suspension = added;
  cap.reached = clock_.wall();
  log::warn("{} is reached: {} of {}; suspended until {}", describe(cap), cap.used, cap.limit, format_rfc3339(until));
  return {};
}

Status CapDesk::release(store::Cap& cap) {
  const Outcome done =
      change_config(database_, state_, [&](store::Transaction& tx, std::vector<model::ResourceKey>&) -> Outcome {
        auto gone = SuspensionStore(tx).remove(author_at(clock_.wall(), cap.tenant), cap.suspension);
        if (!gone && gone.error().code != Code::kNotFound) return refuse(Problem(gone.error()));
        store::Cap free = cap;
        free.suspension = {};
        YZ_CHECK(store::CapStore(tx).note(free));
        return Reply{};
      });
  if (!done) return fail(done.error().to_error());
  cap.suspension = {};
  log::info("{} lets go", describe(cap));
  return {};
}

/// Suspensions whose caps went with their domain.
Status CapDesk::drop_orphans(const std::vector<store::Cap>& caps) {
  std::set<model::SuspensionId> known;
  for (const store::Cap& cap : caps) known.insert(cap.suspension);
  const model::SnapshotPtr config = state_.current();
  const auto is_orphan = [&](const auto& item) { return !known.contains(item.first); };
  if (std::none_of(config->suspensions.begin(), config->suspensions.end(), is_orphan)) return {};
  const Outcome done =
      change_config(database_, state_, [&](store::Transaction& tx, std::vector<model::ResourceKey>&) -> Outcome {
        // A cap may have been reached since they were read.
        YZ_TRY(const std::vector<store::Cap> now, store::CapStore(tx).all());
        for (const auto& [id, entry] : config->suspensions) {
          if (std::ranges::find(now, id, &store::Cap::suspension) != now.end()) continue;
          auto gone = SuspensionStore(tx).remove(author_at(clock_.wall(), entry.value->tenant), id);
          if (!gone && gone.error().code != Code::kNotFound) return refuse(Problem(gone.error()));
        }
        return Reply{};
      });
  if (!done) return fail(done.error().to_error());
  return {};
}

/// Keeps in the database what caps have used, for every instance to tell.
Status CapDesk::note(const std::vector<store::Cap>& caps) {
  const MonoTime now = clock_.mono();
  if (now - noted_at_ < options_.note_every) return {};
  std::vector<store::Cap> changed;
  for (store::Cap cap : caps) {
    const auto it = noted_.find(cap.id);
    if (it != noted_.end() && it->second == cap.used) continue;
    cap.seen = clock_.wall();
    changed.push_back(cap);
  }
  noted_at_ = now;
  if (changed.empty()) return {};
  YZ_CHECK(database_.write([&](store::Transaction& tx) -> Status {
    for (const store::Cap& cap : changed) YZ_CHECK(store::CapStore(tx).note_used(cap));
    return {};
  }));
  for (const store::Cap& cap : changed) noted_[cap.id] = cap.used;
  return {};
}

}  // namespace yz::control
