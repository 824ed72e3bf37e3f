// DNS with a client subnet names the right node; the blocks its answers are valid for never overlap; explain says why.
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "base/text.h"
#include "cli/demo/story.h"
#include "cli/dns_client.h"

namespace yz::cli {
namespace {

using nlohmann::json;

bool overlap(const IpPrefix& a, const IpPrefix& b) { return a.contains(b.address) || b.contains(a.address); }

io::Task<Status> check_viewer(Story& story, std::string who, IpAddress client, const PlannedNode& right) {
  YZ_CO_TRY(const DnsAnswer answer, co_await resolve_through(story.cluster.dns(), story.cname(story.host), client));
  std::string addresses;
  for (const IpAddress& address : answer.addresses) addresses += to_string(address) + " ";
  story.tell(fmt::format("{} {}/24 -> {}(TTL {}, valid for {})", who, to_string(client), addresses, answer.ttl,
                         answer.scope ? to_string(*answer.scope) : "everyone"));
  YZ_CO_CHECK(story.check(answer.addresses.size() == 1 && answer.addresses[0] == right.address,
                          fmt::format("{} is sent to {}", who, right.name)));
  YZ_CO_CHECK(story.check(answer.scope && answer.scope->length > 0,
                          "the answer is valid for a part of the address space only"));

  const std::string path =
      fmt::format("/api/v1/explain?name={}&address={}", story.host, percent_encode(to_string(client)));
  YZ_CO_TRY(const json why, co_await story.cluster.api().get(path));
  const std::string text = why.value("text", "");
  for (const std::string_view line : split(text, '\n')) {
    if (!line.empty()) story.tell(fmt::format("  | {}", line));
  }
  const json chosen = why["decision"].value("chosen", json::array());
  co_return story.check(chosen.size() == 1 && chosen[0].value("name", "") == right.name, "explain names the same node");
}

io::Task<Status> check_scopes(Story& story) {
  Random random(42);
  std::set<IpPrefix> scopes;
  int asked = 0;
  for (; asked < 400; ++asked) {
    const IpAddress client = asked == 0 ? story.unicom
                             : asked == 1
                                 ? story.telecom
                                 : IpAddress::v4(static_cast<std::uint32_t>(random.next() | 0x01000000) & 0xdfffffff);
    YZ_CO_TRY(const DnsAnswer answer, co_await resolve_through(story.cluster.dns(), story.cname(story.host), client));
    if (answer.scope) scopes.insert(*answer.scope);
  }
  std::size_t overlaps = 0;
  for (auto a = scopes.begin(); a != scopes.end(); ++a) {
    for (auto b = std::next(a); b != scopes.end(); ++b) overlaps += overlap(*a, *b) ? 1 : 0;
  }
  co_return story.check(overlaps == 0 && scopes.size() >= 2,
                        fmt::format("{} viewers anywhere, {} different blocks, no two overlap", asked, scopes.size()));
}

}  // namespace

io::Task<Status> step_dns(Story& story) {
  story.title(2, "DNS by place and line");
  YZ_CO_CHECK(co_await check_viewer(story, "Beijing Unicom", story.unicom, story.beijing()));
  YZ_CO_CHECK(co_await check_viewer(story, "Guangdong Telecom", story.telecom, story.guangdong()));
  co_return co_await check_scopes(story);
}

}  // namespace yz::cli
