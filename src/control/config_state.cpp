#include "control/config_state.h"

#include <algorithm>
#include <string>
#include <utility>
#include <variant>

#include "store/config_log.h"

namespace yz::control {
namespace {

constexpr std::size_t kBatch = 1000;
/// Further behind than this, reading the whole state is cheaper than following the log.
constexpr std::uint64_t kFollowAtMost = 5000;

}  // namespace

ConfigState::ConfigState() : current_(std::make_shared<const model::ConfigSnapshot>()) {}

model::SnapshotPtr ConfigState::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

Result<model::SnapshotPtr> ConfigState::as_of(store::Transaction& tx) const {
  const model::SnapshotPtr base = current();
  store::ConfigLog log(tx);
  YZ_TRY(const model::ConfigSeq head, log.head());
  if (head <= base->seq) return base;
  if (base->seq.value == 0 || head.value - base->seq.value > kFollowAtMost) {
    YZ_TRY(model::ConfigSnapshot whole, log.snapshot());
    return std::make_shared<const model::ConfigSnapshot>(std::move(whole));
  }
  auto next = std::make_shared<model::ConfigSnapshot>(*base);
  while (next->seq < head) {
    YZ_TRY(const std::vector<store::ConfigRecord> records, log.since(next->seq, kBatch));
    if (records.empty()) return fail(Code::kCorrupt, "the configuration log ends before its head");
    for (const store::ConfigRecord& record : records) {
      if (record.resource) {
        next->put(*record.resource, record.seq);
      } else {
        next->remove(record.key, record.seq);
      }
    }
  }
  return model::SnapshotPtr(std::move(next));
}

void ConfigState::advance(const model::SnapshotPtr& snapshot) {
  {
    const std::lock_guard lock(mutex_);
    if (snapshot->seq <= current_->seq) return;
    current_ = snapshot;
  }
  if (listener_) listener_(snapshot);
}

namespace {

std::string relative(std::string pointer, const model::ResourceKey& key) {
  constexpr std::string_view kPlurals[] = {"settings", "origin_groups", "domains",     "node_groups",
                                           "nodes",    "policies",      "certificates"};
  std::string prefix = '/' + std::string(kPlurals[static_cast<std::size_t>(key.kind)]);
  if (key.kind != model::ResourceKind::kSettings) prefix += '/' + std::to_string(key.id);
  if (!pointer.starts_with(prefix)) return pointer;
  const std::string rest = pointer.substr(prefix.size());
  return rest.empty() || rest.starts_with('/') ? rest : pointer;
}

/// An id that no row has: of a resource that is not stored yet.
constexpr std::uint64_t kUnusedId = UINT64_MAX >> 1;

}  // namespace

model::Problems find_problems(const model::ConfigSnapshot& after, const std::vector<model::ResourceKey>& changed) {
  model::Problems out;
  for (const model::ResourceKey& key : changed) {
    for (model::Problem& found : model::validate_change(after, key)) {
      found.pointer = relative(std::move(found.pointer), key);
      if (std::find(out.begin(), out.end(), found) == out.end()) out.push_back(std::move(found));
    }
  }
  return out;
}

model::Problems problems_of_putting(const model::ConfigSnapshot& config, const model::Resource& resource) {
  model::Resource placed = resource;
  std::visit(
      [](auto& value) {
        if constexpr (requires { value.id; }) {
          if (!value.id) value.id.value = kUnusedId;
        }
      },
      placed);
  model::ConfigSnapshot after = config;
  const model::ResourceKey key = model::key_of(placed);
  after.put(std::move(placed), model::ConfigSeq{config.seq.value + 1});
  return find_problems(after, {key});
}

}  // namespace yz::control
