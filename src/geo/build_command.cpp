#include "geo/build_command.h"

#include <fmt/format.h>

#include "base/file.h"
#include "geo/geo_builder.h"
#include "geo/geo_map.h"
#include "geo/sources.h"

namespace yz::geo {
namespace {

using Files = std::vector<std::filesystem::path>;
using Reader = Result<Layer> (*)(std::string_view);

Status lay_file(GeoBuilder& builder, BuildReport& report, const std::filesystem::path& path, Result<Layer> layer) {
  if (!layer) return fail(std::move(layer).error().with_context(path.string()));
  builder.lay(*layer);
  report.lines.push_back(fmt::format("{}: {} ranges", path.string(), layer->size()));
  return {};
}

Status lay_all(GeoBuilder& builder, BuildReport& report, const Files& files, Reader read) {
  for (const auto& path : files) {
    YZ_TRY(const auto bytes, read_file(path));
    YZ_CHECK(lay_file(builder, report, path, read(bytes)));
  }
  return {};
}

Status lay_mmdbs(GeoBuilder& builder, BuildReport& report, const Files& files) {
  for (const auto& path : files) YZ_CHECK(lay_file(builder, report, path, read_mmdb(path)));
  return {};
}

}  // namespace

Result<BuildReport> build_map(const BuildPlan& plan, std::uint64_t built_at) {
  GeoBuilder builder;
  BuildReport report;
  YZ_CHECK(lay_mmdbs(builder, report, plan.country_mmdbs));
  YZ_CHECK(lay_all(builder, report, plan.asn_csvs, read_asn_csv));
  YZ_CHECK(lay_all(builder, report, plan.ip2region, read_ip2region));
  YZ_CHECK(lay_all(builder, report, plan.ipv6wry, read_ipv6wry));
  YZ_CHECK(lay_mmdbs(builder, report, plan.mmdbs));
  YZ_CHECK(lay_all(builder, report, plan.overrides, read_overrides));

  const std::string bytes = builder.build(built_at);
  YZ_TRY(const auto map, GeoMap::from_bytes(bytes));
  YZ_CHECK(write_file_atomically(plan.out, bytes));
  report.v4_ranges = map->range_count(IpFamily::kV4);
  report.v6_ranges = map->range_count(IpFamily::kV6);
  report.file_size = bytes.size();
  return report;
}

}  // namespace yz::geo
