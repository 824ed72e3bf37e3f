#include "cli/shell.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/cluster/plan.h"

namespace yz::cli {

Result<ApiTarget> Shell::target() const {
  const auto environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  ApiTarget out{control.empty() ? environment("YZ_CONTROL") : control, token.empty() ? environment("YZ_TOKEN") : token};
  if (!out.url.empty() && !out.token.empty()) return out;
  const auto plan = ClusterPlan::load(state);
  if (!plan) {
    return fail(Code::kInvalid,
                fmt::format("which CDN? Give --control URL and --token TOKEN (or YZ_CONTROL and YZ_TOKEN), or --state "
                            "with the folder of a running `yz up`: {}",
                            plan.error().message),
                Fault::kClient);
  }
  if (out.url.empty()) out.url = plan->api_url();
  if (out.token.empty()) out.token = plan->api_token;
  return out;
}

Status Shell::with_api(const std::function<io::Task<Status>(ApiClient&)>& work) const {
  YZ_TRY(ApiTarget where, target());
  io::Reactor reactor;
  ApiClient api(reactor, std::move(where));
  return reactor.block_on(work(api));
}

void Shell::print(std::string_view text) const {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Shell::print_json(const nlohmann::json& document) const {
  print(document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace yz::cli
