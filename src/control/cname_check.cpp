#include "control/cname_check.h"

#include <algorithm>
#include <memory>

#include <netdb.h>
#include <sys/socket.h>

#include "base/text.h"
#include "io/socket.h"

namespace yz::control {
namespace {

NameLookup ask_system(const std::string& name) {
  NameLookup out;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_CANONNAME;
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(name.c_str(), nullptr, &hints, &list);
  if (code == EAI_NONAME || code == EAI_NODATA) out.state = NameLookup::State::kNoRecord;
  if (code != 0) return out;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(list, &::freeaddrinfo);
  out.state = NameLookup::State::kFound;
  if (list->ai_canonname != nullptr) out.canonical = to_lower(list->ai_canonname);
  if (out.canonical.ends_with('.')) out.canonical.pop_back();
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    io::SocketAddress address;
    std::copy_n(reinterpret_cast<const char*>(entry->ai_addr), entry->ai_addrlen,
                reinterpret_cast<char*>(&address.storage));
    const IpAddress ip = address.endpoint().address;
    if (std::ranges::find(out.addresses, ip) == out.addresses.end()) out.addresses.push_back(ip);
  }
  return out;
}

}  // namespace

io::Task<Result<NameLookup>> look_up_name(io::BlockingPool& pool, std::string name, MonoTime deadline) {
  auto ask = [asked = std::move(name)]() -> Result<NameLookup> { return ask_system(asked); };
  auto found = co_await pool.run(std::move(ask), deadline);
  if (!found && found.error().code == Code::kTimeout) co_return NameLookup{};
  co_return found;
}

std::string_view judge_cname(const NameLookup& found, std::string_view target, const model::ConfigSnapshot& config) {
  if (found.state == NameLookup::State::kNoRecord) return "no_record";
  if (found.state == NameLookup::State::kFailed) return "failed";
  if (found.canonical == target) return "points_here";
  const auto is_ours = [&](const IpAddress& address) {
    return std::ranges::any_of(config.nodes, [&](const auto& node) {
      const std::vector<IpAddress>& own = node.second.value->addresses;
      return std::ranges::find(own, address) != own.end();
    });
  };
  const bool is_served = !found.addresses.empty() && std::ranges::all_of(found.addresses, is_ours);
  return is_served ? "served_here" : "elsewhere";
}

}  // namespace yz::control
