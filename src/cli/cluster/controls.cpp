// How a cluster's instances of control come up, on which stores, and which of them is asked.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/cluster/cluster.h"
#include "cli/cluster/mariadb.h"
#include "cli/cluster/nats.h"
#include "cli/cluster/redis.h"

namespace yz::cli {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {
constexpr unsigned kSecretMode = 0600;
}  // namespace

io::Task<Status> Cluster::start_stores() {
  if (!plan_.production) co_return Status();
  options_.progress("MariaDB, NATS and Redis");
  const Mariadb database = mariadb_of(plan_);
  const Nats bus = nats_of(plan_);
  const Redis counters = redis_of(plan_);
  YZ_CO_TRY(Program counters_program, prepare(counters, log_of("redis")));
  YZ_CO_TRY(Program bus_program, prepare(bus, log_of("nats")));
  YZ_CO_TRY(Program database_program, co_await prepare(reactor_, database, log_of("mariadb")));
  YZ_CO_CHECK(programs_.start(std::move(counters_program)));
  YZ_CO_CHECK(programs_.start(std::move(bus_program)));
  YZ_CO_CHECK(programs_.start(std::move(database_program)));
  const MonoTime deadline = reactor_.in(seconds(60));
  if (auto open = co_await wait_until_open(counters, deadline); !open) {
    co_return fail(open.error().code, fmt::format("{}: {}", open.error().message, last_words_of("redis")));
  }
  if (auto open = co_await wait_until_open(bus, deadline); !open) {
    co_return fail(open.error().code, fmt::format("{}: {}", open.error().message, last_words_of("nats")));
  }
  if (auto open = co_await wait_until_open(database, deadline); !open) {
    co_return fail(open.error().code, fmt::format("{}: {}", open.error().message, last_words_of("mariadb")));
  }
  co_return Status();
}

io::Task<Status> Cluster::start_controls() {
  YZ_CO_CHECK(write_file_atomically(plan_.folder / "operator.token", plan_.api_token + "\n", kSecretMode));
  YZ_CO_CHECK(write_file_atomically(plan_.folder / "admin.password", plan_.admin_password + "\n", kSecretMode));
  const std::vector<PlannedControl> controls = plan_.controls();
  for (const PlannedControl& control : controls) {
    options_.progress(control.name);
    YZ_CO_CHECK(share_seal_key(control));
    YZ_CO_CHECK(start_control(control));
    YZ_CO_CHECK(co_await wait_for_control(control));
  }
  // The lease of one that was killed may last a little.
  const MonoTime deadline = reactor_.in(seconds(20));
  while (true) {
    const auto leader = co_await find_leader();
    if (leader) co_return Status();
    if (reactor_.now() >= deadline) co_return fail(leader.error());
    co_await io::sleep_for(milliseconds(50));
  }
}

/// All instances seal with the key of the first.
Status Cluster::share_seal_key(const PlannedControl& control) const {
  const auto key = state_of_control(plan_.controls().front()) / "seal.key";
  const auto copy = state_of_control(control) / "seal.key";
  if (key == copy || std::filesystem::exists(copy)) return {};
  YZ_TRY(const std::string text, read_file(key, 1024));
  YZ_CHECK(make_folder(copy.parent_path()));
  return write_file_atomically(copy, text, kSecretMode);
}

Status Cluster::start_control(const PlannedControl& control) {
  json settings = {{"listen", fmt::format("127.0.0.1:{}", control.api_port)},
                   {"node_listen", fmt::format("127.0.0.1:{}", control.rpc_port)},
                   {"state", state_of_control(control).string()},
                   {"access_logs", {{"folder", (plan_.folder / "access-logs").string()}}},
                   {"ip_data", geo_file_.string()},
                   {"cdn_zone", plan_.zone},
                   {"check_private_origins", true},
                   {"admin_password_file", (plan_.folder / "admin.password").string()},
                   {"bootstrap_token_file", (plan_.folder / "operator.token").string()}};
  if (plan_.production) {
    settings["database"] = mariadb_of(plan_).url();
    settings["bus"] = nats_of(plan_).url();
    settings["redis"] = redis_of(plan_).url();
    settings["rate_limit"] = 100'000;  // none meets it; counted it is
  }
  return start_program(control.name, "yz-control", settings);
}

io::Task<Status> Cluster::wait_for_control(PlannedControl control) {
  asker_.set_target({control.api_url(), plan_.api_token});
  const MonoTime deadline = reactor_.in(seconds(30));
  while (true) {
    const auto health = co_await asker_.get("/healthz");
    if (health) co_return Status();
    if (reactor_.now() >= deadline || programs_.restarts_of(control.name) >= 3) {
      co_return fail(Code::kUnavailable,
                     fmt::format("{} does not start: {}", control.name, last_words_of(control.name)));
    }
    co_await io::sleep_for(milliseconds(50));
  }
}

io::Task<Result<std::string>> Cluster::find_leader() {
  const std::vector<PlannedControl> controls = plan_.controls();
  for (const PlannedControl& control : controls) {
    asker_.set_target({control.api_url(), plan_.api_token});
    const auto health = co_await asker_.get("/healthz");
    if (!health || !health->value("leader", false)) continue;
    api_.set_target(asker_.target());
    co_return control.name;
  }
  co_return fail(Code::kUnavailable, "no instance of control leads");
}

json Cluster::node_addresses_of_control() const {
  json out = json::array();
  for (const PlannedControl& control : plan_.controls()) out.push_back(fmt::format("127.0.0.1:{}", control.rpc_port));
  return out;
}

}  // namespace yz::cli
