// What a refresh and a usage batch cost the database. SQLite on the disk of the temporary folder; argument 0 is
// Durability::kPower, 1 is Durability::kProcess.

#include <benchmark/benchmark.h>

#include "base/file.h"
#include "store/database.h"
#include "store/purge_log.h"
#include "store/task_store.h"
#include "store/usage_store.h"

namespace yz::store {
namespace {

std::unique_ptr<Database> open(const TempFolder& folder, std::int64_t durability) {
  return *Database::open("sqlite:" + (folder.path() / "bench.db").native(),
                         {.durability = static_cast<Durability>(durability)});
}

void refresh_of_one_url_for_ten_nodes(benchmark::State& state) {
  const TempFolder folder;
  const auto db = open(folder, state.range(0));
  std::vector<TaskNode> nodes;
  for (std::uint64_t i = 1; i <= 10; ++i) nodes.push_back({{i}});
  for (auto _ : state) {
    auto task = db->write([&](Transaction& tx) -> Result<model::Task> {
      YZ_TRY(const auto records, PurgeLog(tx).append({{.seq = {}, .domain = {1}, .key = "/a.js"}}));
      model::Task fresh;
      fresh.targets = {{.kind = model::PurgeKind::kUrl, .domain = {1}, .key = "/a.js", .url = "http://a.com/a.js"}};
      fresh.first_seq = fresh.last_seq = records[0].seq;
      return TaskStore(tx).create({}, fresh, nodes);
    });
    YZ_ASSERT(task.has_value());
  }
}
BENCHMARK(refresh_of_one_url_for_ten_nodes)->Arg(0)->Arg(1)->UseRealTime();

void usage_batch_of_hundred_keys(benchmark::State& state) {
  const TempFolder folder;
  const auto db = open(folder, state.range(0));
  model::UsageBatch batch{.node = {1}, .epoch = 1, .number = 0, .records = {}};
  for (std::uint64_t i = 0; i < 100; ++i) {
    batch.records.push_back({.key = {.minute = 100, .domain = {i}}, .counts = {.requests = 1}});
  }
  for (auto _ : state) {
    ++batch.number;
    auto fresh = db->write([&](Transaction& tx) { return UsageStore(tx).ingest(batch, WallTime{}); });
    YZ_ASSERT(fresh && *fresh);
  }
}
BENCHMARK(usage_batch_of_hundred_keys)->Arg(0)->Arg(1)->UseRealTime();

void purges_since(benchmark::State& state) {
  const TempFolder folder;
  const auto db = open(folder, 1);
  YZ_ASSERT(db->write([](Transaction& tx) { return PurgeLog(tx).append(std::vector<model::PurgeRecord>(10'000)); }));
  for (auto _ : state) {
    auto records = db->read([](Transaction& tx) { return PurgeLog(tx).since({9'900}, 100); });
    benchmark::DoNotOptimize(records);
  }
}
BENCHMARK(purges_since);

}  // namespace
}  // namespace yz::store
