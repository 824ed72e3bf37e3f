// A year of 1,000 domains, and how long a chart of it takes: 365 days by the day, 31 by the hour, 2 by five minutes.
// Argument 0 is SQLite, 1 MariaDB. Filling takes a minute or two for each and is not measured; a folder named by
// YZ_STATISTICS_BENCH keeps SQLite's for the next time.

#include <cstdlib>
#include <map>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "base/file.h"
#include "base/log.h"
#include "store/database.h"
#include "store/mariadb_server_for_test.h"
#include "store/statistics_store.h"

namespace yz::store {
namespace {

constexpr std::uint32_t kBegin = 20'000 * 1440;
constexpr std::uint32_t kDays = 365;
constexpr std::uint32_t kEnd = kBegin + kDays * 1440;

/// Rows of one scope, one facet and one step: `ids` owners times `values` values times the steps of the last `days`.
struct Part {
  Scope scope;
  std::uint32_t ids;
  Facet facet;
  std::uint32_t values;
};
// As is_kept() has it; every domain has its total, some have what is told apart.
constexpr Part kParts[] = {
    {Scope::kAll, 1, Facet::kTotal, 1},       {Scope::kAll, 1, Facet::kStatus, 5},
    {Scope::kAll, 1, Facet::kCache, 6},       {Scope::kAll, 1, Facet::kRegion, 250},
    {Scope::kAll, 1, Facet::kIsp, 10},        {Scope::kAll, 1, Facet::kGroup, 40},
    {Scope::kAll, 1, Facet::kNode, 200},      {Scope::kAll, 1, Facet::kDomain, 1000},
    {Scope::kAll, 1, Facet::kTenant, 50},     {Scope::kTenant, 1, Facet::kTotal, 1},
    {Scope::kTenant, 1, Facet::kRegion, 250}, {Scope::kTenant, 1, Facet::kDomain, 1000},
    {Scope::kDomain, 1000, Facet::kTotal, 1}, {Scope::kDomain, 100, Facet::kStatus, 3},
    {Scope::kDomain, 10, Facet::kRegion, 60},
};

struct Length {
  StatisticsStep step;
  std::string_view table;
  std::uint32_t minutes;  ///< before the end
};
constexpr Length kLengths[] = {{StatisticsStep::kDay, "stat_1d", kDays * 1440},
                               {StatisticsStep::kHour, "stat_1h", 31 * 1440},
                               {StatisticsStep::kFiveMinutes, "stat_5m", 2 * 1440}};

Status fill(Transaction& tx) {
  YZ_CHECK(tx.execute("CREATE TABLE number (i BIGINT NOT NULL PRIMARY KEY)"));
  std::string digits;
  for (int i = 0; i < 1000; ++i) digits += fmt::format("{}({})", i == 0 ? "" : ", ", i);
  return tx.execute("INSERT INTO number VALUES " + digits) ? Status() : fail(Code::kInternal, "numbers");
}

Status fill(Transaction& tx, const Length& length, const Part& part) {
  const auto step = static_cast<std::uint32_t>(length.step);
  const std::uint32_t steps = length.minutes / step;
  // Steps are 1,000 a + b.
  return tx.execute(fmt::format("INSERT INTO {} SELECT {}, d.i + {}, 0, {}, {} + (a.i * 1000 + b.i) * {}, v.i, 1000 + "
                                "v.i, 1000000 + d.i * v.i, "
                                "1000, 10, 10000, 5000, 900, 900000 FROM number d, number a, number b, number v "
                                "WHERE d.i < {} AND v.i < {} AND a.i < {} AND a.i * 1000 + b.i < {}",
                                length.table, static_cast<int>(part.scope), part.scope == Scope::kAll ? 0 : 1,
                                static_cast<int>(part.facet), kEnd - length.minutes, step, part.ids, part.values,
                                steps / 1000 + 1, steps))
             ? Status()
             : fail(Code::kInternal, "the year cannot be written");
}

std::unique_ptr<Database> open_year(const std::string& url) {
  auto db = Database::open(url, {.durability = Durability::kProcess});
  YZ_ASSERT(db.has_value());
  if ((*db)->write([](Transaction& tx) { return fill(tx); })) {
    for (const Length& length : kLengths) {
      for (const Part& part : kParts) {
        const Status done = (*db)->write([&](Transaction& tx) { return fill(tx, length, part); });
        if (!done) log::error("{}", done.error().message);
        YZ_ASSERT(done.has_value());
      }
    }
  }
  return *std::move(db);
}

/// One for each engine, made when first asked for; null when it cannot be.
Database* year(std::int64_t engine) {
  static const TempFolder folder;
  static std::unique_ptr<MariadbServer> server;
  static std::map<std::int64_t, std::unique_ptr<Database>> years;
  if (years.contains(engine)) return years.at(engine).get();
  const char* kept = std::getenv("YZ_STATISTICS_BENCH");
  if (engine == 0) {
    const std::filesystem::path path = kept == nullptr ? folder.path() : std::filesystem::path(kept);
    return (years[0] = open_year("sqlite:" + (path / "year.db").native())).get();
  }
  auto started = MariadbServer::start();
  if (!started) return nullptr;
  server = *std::move(started);
  YZ_ASSERT(server->create_database("year").has_value());
  return (years[1] = open_year(server->url("year"))).get();
}

/// A chart as the API makes it: the total, the ranking, the series of the ten largest.
void chart(benchmark::State& state, Scope scope, Facet facet, StatisticsStep step, std::uint32_t minutes) {
  Database* const db = year(state.range(0));
  if (db == nullptr) return state.SkipWithError("no MariaDB here");
  const StatisticsQuery query{.scope = scope,
                              .id = scope == Scope::kAll ? 0U : 1U,
                              .facet = facet,
                              .step = step,
                              .from_minute = kEnd - minutes,
                              .to_minute = kEnd};
  std::size_t points = 0;
  for (auto _ : state) {
    const auto done = db->read([&](Transaction& tx) -> Status {
      StatisticsStore store(tx);
      StatisticsQuery total = query;
      total.facet = Facet::kTotal;
      YZ_TRY(const auto all, store.series(total));
      points = all.size();
      if (facet == Facet::kTotal) return {};
      YZ_TRY(const auto top, store.ranking(query, 10));
      YZ_TRY(const auto series, store.series_of(query, top));
      points += series.size();
      return {};
    });
    YZ_ASSERT(done.has_value());
  }
  state.counters["points"] = static_cast<double>(points);
}

constexpr auto kDay = StatisticsStep::kDay;
constexpr auto kHour = StatisticsStep::kHour;
constexpr auto kFive = StatisticsStep::kFiveMinutes;
constexpr std::uint32_t kYear = kDays * 1440, kMonth = 31 * 1440, kTwoDays = 2 * 1440;

#define YZ_CHART(name, ...)                   \
  BENCHMARK_CAPTURE(chart, name, __VA_ARGS__) \
      ->Arg(0)                                \
      ->Arg(1)                                \
      ->Unit(benchmark::kMillisecond)         \
      ->UseRealTime()                         \
      ->Iterations(5)
YZ_CHART(year_total, Scope::kAll, Facet::kTotal, kDay, kYear);
YZ_CHART(year_by_domain, Scope::kAll, Facet::kDomain, kDay, kYear);
YZ_CHART(year_by_node, Scope::kAll, Facet::kNode, kDay, kYear);
YZ_CHART(year_by_region, Scope::kAll, Facet::kRegion, kDay, kYear);
YZ_CHART(year_of_a_tenant_by_domain, Scope::kTenant, Facet::kDomain, kDay, kYear);
YZ_CHART(year_of_a_domain_by_region, Scope::kDomain, Facet::kRegion, kDay, kYear);
YZ_CHART(year_of_a_domain_by_status, Scope::kDomain, Facet::kStatus, kDay, kYear);
YZ_CHART(month_by_domain, Scope::kAll, Facet::kDomain, kHour, kMonth);
YZ_CHART(month_by_region, Scope::kAll, Facet::kRegion, kHour, kMonth);
YZ_CHART(month_of_a_domain_by_region, Scope::kDomain, Facet::kRegion, kHour, kMonth);
YZ_CHART(two_days_by_domain, Scope::kAll, Facet::kDomain, kFive, kTwoDays);
YZ_CHART(two_days_by_region, Scope::kAll, Facet::kRegion, kFive, kTwoDays);
// A few hours more on either side: days, hours and five minutes together.
YZ_CHART(odd_days_by_domain, Scope::kAll, Facet::kDomain, kFive, kTwoDays - 700);

}  // namespace
}  // namespace yz::store
