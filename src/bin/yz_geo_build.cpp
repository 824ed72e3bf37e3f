#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/clock.h"
#include "geo/build_command.h"
#include "geo/geo_map.h"

namespace {

int print_lookups(const std::filesystem::path& path, const std::vector<std::string>& addresses) {
  const auto map = yz::geo::GeoMap::open(path);
  if (!map) return fmt::print(stderr, "yz-geo-build: {}\n", map.error().message), 1;
  for (const auto& text : addresses) {
    const auto address = yz::IpAddress::parse(text);
    if (!address) return fmt::print(stderr, "yz-geo-build: {}\n", address.error().message), 2;
    const auto located = (*map)->locate(*address);
    fmt::print("{}  {}  {}\n", text, to_string((*map)->lookup(*address)), to_string(located.block));
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Compiles address databases into the map that schedulers and edges use.");
  app.footer(
      "Later kinds are laid over earlier ones, in the order listed here.\n"
      "Example: yz-geo-build --out geo.yzg --country-mmdb country.mmdb --ip2region ip2region.db --override ours.txt\n"
      "         yz-geo-build --lookup geo.yzg 1.2.4.8");
  yz::geo::BuildPlan plan;
  std::filesystem::path lookup_map;
  std::vector<std::string> addresses;
  app.add_option("--out", plan.out, "The map to write");
  app.add_option("--country-mmdb", plan.country_mmdbs, "MMDB with countries");
  app.add_option("--asn-csv", plan.asn_csvs, "List of first,last,asn,name");
  app.add_option("--ip2region", plan.ip2region, "ip2region IPv4 file (.db, .xdb or text)");
  app.add_option("--ipv6wry", plan.ipv6wry, "IPDB file of IPv6 places");
  app.add_option("--mmdb", plan.mmdbs, "Your own MMDB (GeoLite2, GeoIP2, GeoCN)");
  app.add_option("--override", plan.overrides, "Your own list: CIDR country province isp [AS<number>]");
  app.add_option("--lookup", lookup_map, "Look addresses up in this map instead of building one");
  app.add_option("addresses", addresses, "What to look up");
  CLI11_PARSE(app, argc, argv);

  if (!lookup_map.empty()) return print_lookups(lookup_map, addresses);
  if (plan.out.empty()) return fmt::print(stderr, "yz-geo-build: --out FILE is missing\n"), 2;
  const auto now = yz::SystemClock::instance().wall().time_since_epoch();
  const auto report = build_map(plan, static_cast<std::uint64_t>(now / std::chrono::seconds(1)));
  if (!report) return fmt::print(stderr, "yz-geo-build: {}\n", report.error().message), 1;
  for (const auto& line : report->lines) fmt::print("{}\n", line);
  fmt::print("{}: {} IPv4 and {} IPv6 ranges, {:.1f} MiB\n", plan.out.string(), report->v4_ranges, report->v6_ranges,
             static_cast<double>(report->file_size) / (1 << 20));
  return 0;
}
