#include "control/logs/log_house.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/log.h"

namespace yz::control {
namespace {

constexpr std::size_t kAtOnce = 500;           // batches forgotten in one transaction
constexpr std::uint64_t kWorthAHole = 16'384;  // bytes; less frees hardly a block

}  // namespace

LogHouse::LogHouse(store::Database& database, const ConfigState& state, const LogFolder& folder, const Clock& clock,
                   metrics::Registry& metrics, Options options)
    : database_(database), state_(state), folder_(folder), clock_(clock), options_(options) {
  evicted_ = metrics.counter("yz_control_log_evicted_total", "Lines of access logs removed for want of quota.");
  bytes_ = metrics.gauge("yz_control_log_bytes", "Access logs kept, as files.");
  lost_ = metrics.gauge("yz_control_log_lost", "Requests that no node could write down, of the time kept.");
}

Status LogHouse::tidy() {
  if (!folder_.is_ours()) return {};
  YZ_CHECK(remove_expired());
  YZ_CHECK(enforce_tenant_quotas());
  return enforce_quota();
}

Status LogHouse::remove_expired() {
  const std::uint32_t oldest = model::hour_of(clock_.wall() - options_.retention);
  for (;;) {
    YZ_TRY(const std::vector<store::LogBatchName> old,
           database_.read([&](store::Transaction& tx) { return store::LogStore(tx).batches_before(oldest, kAtOnce); }));
    for (const store::LogBatchName& name : old) YZ_CHECK(folder_.remove(name));
    YZ_CHECK(database_.write([&](store::Transaction& tx) -> Status {
      for (const store::LogBatchName& name : old) YZ_CHECK(store::LogStore(tx).forget(name));
      return store::LogStore(tx).drop_hours_before(oldest);
    }));
    if (old.size() < kAtOnce) return {};
  }
}

Status LogHouse::enforce_tenant_quotas() {
  using Sums = std::vector<std::pair<model::DomainId, std::uint64_t>>;
  YZ_TRY(const Sums sums, database_.read([](store::Transaction& tx) { return store::LogStore(tx).bytes_by_domain(); }));
  struct Share {
    std::uint64_t bytes = 0;
    std::vector<model::DomainId> domains;
  };
  std::map<model::TenantId, Share> shares;  // domains that are gone have nobody: one share for all of them
  const model::SnapshotPtr config = state_.current();
  for (const auto& [id, bytes] : sums) {
    const model::Domain* domain = config->domains.find(id);
    Share& share = shares[domain == nullptr ? model::TenantId{} : domain->tenant];
    share.bytes += bytes;
    share.domains.push_back(id);
  }
  for (const auto& [tenant, share] : shares) {
    if (share.bytes <= options_.tenant_quota.value) continue;
    log::info("tenant {} has {} of access logs: the oldest hours go", tenant.value, to_string(ByteCount{share.bytes}));
    YZ_CHECK(cut_oldest(share.domains, share.bytes - options_.tenant_quota.value));
  }
  return {};
}

Status LogHouse::cut_oldest(const std::vector<model::DomainId>& domains, std::uint64_t excess) {
  std::vector<store::LogSize> hours;
  YZ_CHECK(database_.read([&](store::Transaction& tx) -> Status {
    hours.clear();
    for (const model::DomainId domain : domains) {
      YZ_TRY(const std::vector<store::LogSize> sizes, store::LogStore(tx).sizes(domain));
      hours.insert(hours.end(), sizes.begin(), sizes.end());
    }
    return {};
  }));
  std::ranges::sort(hours, {}, [](const store::LogSize& h) { return std::tuple(h.hour, h.domain); });
  for (const store::LogSize& hour : hours) {
    YZ_CHECK(cut(hour));
    if (hour.bytes >= excess) return {};
    excess -= hour.bytes;
  }
  return {};
}

/// The row first: what it no longer promises may then go from the files.
Status LogHouse::cut(const store::LogSize& hour) {
  std::vector<store::LogBatchName> batches;
  std::uint64_t lines = 0;
  YZ_CHECK(database_.write([&](store::Transaction& tx) -> Status {
    store::LogStore logs(tx);
    YZ_TRY(const std::vector<store::LogHour> found, logs.hours(hour.domain, hour.hour, hour.hour + 1));
    lines = found.empty() ? 0 : found.front().requests;
    YZ_TRY(batches, logs.batches(hour.hour));
    return logs.cut(hour.domain, hour.hour);
  }));
  evicted_.add(lines);
  for (const store::LogBatchName& name : batches) {
    const auto batch = folder_.head_of(name);
    if (!batch) continue;                                        // reading it is the business of those who need it
    std::vector<std::pair<std::uint64_t, std::uint64_t>> holes;  // offset, size
    batch->for_each_slice([&](const model::LogSlice& slice, std::uint64_t offset) {
      const bool is_wanted = slice.domain == hour.domain && slice.hour == hour.hour;
      if (is_wanted && slice.size >= kWorthAHole) holes.emplace_back(offset, slice.size);
    });
    for (const auto& [offset, size] : holes) {
      if (const Status freed = folder_.punch(name, offset, size); !freed) {
        log::warn("{}", freed.error().message);
        continue;
      }
      YZ_CHECK(database_.write([&](store::Transaction& tx) { return store::LogStore(tx).shrink(name, size); }));
    }
  }
  return {};
}

Status LogHouse::enforce_quota() {
  using Sums = std::pair<std::uint64_t, std::uint64_t>;
  YZ_TRY(const Sums sums, database_.read([](store::Transaction& tx) -> Result<Sums> {
    YZ_TRY(const std::uint64_t bytes, store::LogStore(tx).total_bytes());
    YZ_TRY(const std::uint64_t lost, store::LogStore(tx).total_lost());
    return Sums(bytes, lost);
  }));
  std::uint64_t total = sums.first;
  while (total > options_.quota.value) {
    YZ_TRY(const std::optional<store::LogFile> oldest,
           database_.read([](store::Transaction& tx) { return store::LogStore(tx).oldest(); }));
    if (!oldest) break;
    YZ_CHECK(evict(oldest->name));
    total -= std::min(total, oldest->bytes);
  }
  bytes_.set(static_cast<std::int64_t>(total));
  lost_.set(static_cast<std::int64_t>(sums.second));
  return {};
}

Status LogHouse::evict(const store::LogBatchName& name) {
  auto batch = folder_.head_of(name);
  if (!batch) {  // its lines are gone whatever the rows say
    log::error("{}", batch.error().message);
    batch = model::LogBatch();
  }
  model::LogBatchHead& head = batch->head;
  head.node = name.node, head.epoch = name.epoch, head.number = name.number;  // the name counts
  YZ_CHECK(database_.write([&](store::Transaction& tx) { return store::LogStore(tx).remove(head); }));
  for (const model::LogSlice& slice : head.slices) evicted_.add(slice.lines);
  return folder_.remove(name);
}

}  // namespace yz::control
