#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/cluster/cluster.h"
#include "cli/file_server.h"
#include "cli/interrupt.h"
#include "cli/origin_url.h"
#include "cli/shell.h"
#include "cli/table.h"
#include "net/fetch.h"
#include "net/http_server.h"

namespace yz::cli {
namespace {

using nlohmann::json;

struct Options {
  std::string geo;
  std::string site;
  std::string origin;
  std::string memory = "256MiB";
  std::string disk = "1GiB";
  int port = 7080;
  bool production = false;
};

/// Production has a folder beside an embedded cluster's where none is named.
std::filesystem::path state_folder(const Shell& shell, const Options& o) {
  return o.production && shell.state == Shell().state ? shell.state / "production" : shell.state;
}

/// Held as long as the cluster runs, so that two runs never share a folder.
Result<UniqueFd> lock_folder(const std::filesystem::path& folder) {
  YZ_CHECK(make_folder(folder));
  UniqueFd lock(::open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return fail_errno((folder / "lock").string(), errno);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::kUnavailable,
                fmt::format("a cluster runs in {} already; stop it, or choose another --state", folder.string()));
  }
  return lock;
}

/// Whether control has the portals' files.
io::Task<bool> serves_portals(io::Reactor& reactor, std::string api_url) {
  io::BlockingPool pool;
  io::Resolver resolver(pool);
  net::HttpClient client(reactor);
  net::FetchRequest request;
  request.url = api_url + "/operator/";
  request.method = "HEAD";
  const auto answer = co_await net::fetch(client, resolver, std::move(request));
  co_return answer && answer->status == 200;
}

std::string where_table(const Cluster& cluster, const std::string& origin, bool has_portals) {
  const ClusterPlan& plan = cluster.plan();
  Table table({"what", "where", "log"});
  const auto log = [&](std::string_view name) { return std::filesystem::relative(cluster.log_of(name)).string(); };
  if (has_portals) {
    table.add({"operator's portal", plan.api_url() + "/operator/", log("control")});
    table.add({"customer's portal", plan.api_url() + "/portal/", ""});
  }
  table.add({"control (REST)", plan.api_url(), log("control")});
  table.add({"control (nodes)", fmt::format("127.0.0.1:{}", plan.rpc_port), ""});
  if (plan.production) {
    const PlannedControl second = plan.controls().back();
    table.add({"second control (REST)", second.api_url(), log(second.name)});
    table.add({"second control (nodes)", fmt::format("127.0.0.1:{}", second.rpc_port), ""});
    table.add({"MariaDB", fmt::format("127.0.0.1:{}", plan.production->database_port), log("mariadb")});
    table.add({"NATS", fmt::format("127.0.0.1:{}", plan.production->bus_port), log("nats")});
    table.add({"Redis", fmt::format("127.0.0.1:{}", plan.production->redis_port), log("redis")});
  }
  table.add({"scheduler (DNS)", fmt::format("127.0.0.1:{} udp, tcp", plan.dns_port), log("gslb")});
  table.add({"scheduler (302, HTTP-DNS)", fmt::format("http://127.0.0.1:{}", plan.gslb_port), ""});
  for (const PlannedNode& node : plan.nodes) {
    table.add({fmt::format("edge {} ({})", node.name, node.group),
               fmt::format("http://{}, https on port {}", to_string(cluster.edge(node)), plan.https_port),
               log("agent " + node.name)});
  }
  table.add({"origin", origin, ""});
  return table.text();
}

std::string what_next(const Cluster& cluster, const std::filesystem::path& state) {
  const ClusterPlan& plan = cluster.plan();
  const auto sample = [&](geo::Province province, geo::Isp isp, const char* wanted) {
    const auto found = sample_address(cluster.geo(), province, isp, wanted);
    return found ? to_string(*found) : std::string(wanted);
  };
  const std::string unicom = sample(geo::Province::kBeijing, geo::Isp::kUnicom, "202.106.0.20");
  const std::string telecom = sample(geo::Province::kGuangdong, geo::Isp::kTelecom, "202.96.128.86");
  const std::string yz = fmt::format("{} --state {}", (cluster.options().bin / "yz").string(), state.string());
  const PlannedNode& beijing = plan.nodes.front();
  return fmt::format(
      "\nWhat to type next\n"
      "  a viewer in Beijing on Unicom, and one in Guangdong on Telecom:\n"
      "    dig @127.0.0.1 -p {} {} +subnet={}/24 +short\n"
      "    dig @127.0.0.1 -p {} {} +subnet={}/24 +short\n"
      "  the first request is a miss, the second a hit (see Cache-Status):\n"
      "    curl -sD- -o/dev/null -H 'Host: {}' http://{}/\n"
      "  the same over TLS, with the edges' own certificate until you upload yours (yz certificate add):\n"
      "    curl -sk --resolve {}:{}:{} https://{}:{}/ -o/dev/null -D-\n"
      "  why a viewer is sent where it is; refresh; traffic; nodes live:\n"
      "    {} explain {} {}\n"
      "    {} refresh http://{}/\n"
      "    {} usage\n"
      "    {} top\n"
      "  the operator's portal, and the API, sign you in as admin@localhost, password {}\n"
      "Ctrl-C stops everything; the same command starts it again with its state and what its caches held.\n",
      plan.dns_port, plan.cname(), unicom, plan.dns_port, plan.cname(), telecom, plan.domain,
      to_string(cluster.edge(beijing)), plan.domain, plan.https_port, to_string(beijing.address), plan.domain,
      plan.https_port, yz, plan.domain, unicom, yz, plan.domain, yz, yz, plan.admin_password);
}

/// Starts the sample origin when no other is named; tells where the origin is.
class SampleOrigin {
 public:
  Result<OriginUrl> start(io::Reactor& reactor, const ClusterPlan& plan, const Options& o) {
    if (!o.origin.empty()) return parse_origin_url(o.origin);
    std::filesystem::path site = o.site;
    if (site.empty()) {
      site = plan.folder / "site";
      YZ_CHECK(write_sample_site(site));
    }
    if (!std::filesystem::is_directory(site))
      return fail(Code::kNotFound, fmt::format("{} is not a folder", site.string()), Fault::kClient);
    files_.emplace(FileServer::Options{site, std::chrono::seconds(3600), {}});
    server_.emplace(reactor, *files_);
    YZ_TRY([[maybe_unused]] const Endpoint bound, server_->listen({IpAddress::v4(0x7f000001), plan.origin_port}));
    text_ = fmt::format("http://127.0.0.1:{} over {}", plan.origin_port, site.string());
    return OriginUrl{"127.0.0.1", plan.origin_port, false};
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::optional<FileServer> files_;
  std::optional<net::HttpServer> server_;
  std::string text_;
};

/// Runs until told to stop; fails when the cluster does not come up.
io::Task<Status> bring_up(const Shell& shell, const Options& o, Cluster& cluster, io::Reactor& reactor) {
  SampleOrigin origin;
  YZ_CO_TRY(const OriginUrl where, origin.start(reactor, cluster.plan(), o));
  YZ_CO_CHECK(co_await cluster.start());
  YZ_CO_TRY(const json domain,
            co_await cluster.ensure_domain(cluster.plan().domain, where.host, where.port, where.tls));
  YZ_CO_CHECK(co_await cluster.wait_until_ready(std::chrono::seconds(20)));
  YZ_CO_CHECK(co_await cluster.wait_for_dns(domain.value("cname", cluster.plan().cname()), std::chrono::seconds(20)));
  const bool has_portals = co_await serves_portals(reactor, cluster.plan().api_url());
  shell.print("\n" + where_table(cluster, o.origin.empty() ? origin.text() : o.origin, has_portals));
  shell.print(what_next(cluster, state_folder(shell, o)));
  co_return co_await stay();
}

Status up(const Shell& shell, const Options& o) {
  YZ_CHECK(log::open("yz", {log::Level::kWarn, false, ""}));
  const std::filesystem::path folder = state_folder(shell, o);
  YZ_TRY(const UniqueFd lock, lock_folder(folder));
  hold_stop_signals();
  YZ_TRY(ClusterPlan plan, ClusterPlan::load_or_make(folder, static_cast<std::uint16_t>(o.port),
                                                     o.production ? Stores::kProduction : Stores::kEmbedded));
  io::Reactor reactor;
  ClusterOptions options;
  options.bin = shell.bin;
  options.geo = o.geo;
  options.edge_memory = o.memory;
  if (o.disk != "0") options.edge_disk = o.disk;
  options.progress = [&shell](std::string_view what) { shell.print(fmt::format("starting {} ...\n", what)); };
  Cluster cluster(reactor, std::move(plan), std::move(options));
  const Status result = reactor.block_on(unless_stopped(reactor, bring_up(shell, o, cluster, reactor)));
  shell.print("\nstopping ...\n");
  reactor.block_on(cluster.stop());
  const bool was_told_to = !result && result.error().code == Code::kCancelled;
  return was_told_to ? Status() : result;
}

}  // namespace

void add_up(CLI::App& app, Shell& shell) {
  auto* command = app.add_subcommand("up", "Run a whole CDN on this machine");
  command->footer(
      "Starts control, a scheduler, L1 edges for Beijing Unicom (127.0.1.1) and Guangdong Telecom (127.0.2.1), two L2\n"
      "edges (127.0.3.1, 127.0.3.2) and a sample origin, each as a process, and says what to try.\n"
      "Examples:\n"
      "  yz up                                 state in .state, a small sample site\n"
      "  yz up --site /usr/share/doc           your own folder as the origin\n"
      "  yz up --origin https://www.a.com      your own origin\n"
      "  yz --state /tmp/second up             a second CDN beside the first\n"
      "  yz up --production                    on real MariaDB, NATS and Redis, with two controls; state in\n"
      "                                        .state/production, which `yz --state` then names");
  const auto o = std::make_shared<Options>();
  command->add_option("--site", o->site, "Folder the sample origin serves");
  command->add_option("--origin", o->origin, "Your own origin instead: http://host[:port]")->excludes("--site");
  command->add_option("--geo", o->geo, "Compiled address map (yz-geo-build); a few sample blocks without it");
  command->add_option("--memory", o->memory, "Cache of each edge")->capture_default_str();
  command
      ->add_option(
          "--disk", o->disk,
          "Disk cache of each edge, warm after a restart: a file in its folder that takes what it uses; 0: none")
      ->capture_default_str();
  command->add_option("--port", o->port, "Where the search for free ports starts")
      ->capture_default_str()
      ->check(CLI::Range(1024, 32000));
  command->add_flag("--production", o->production,
                    "With two controls on servers of its own (Debian: mariadb-server-core, mariadb-client-core, "
                    "nats-server, redis-server)");
  command->callback([&shell, o] { shell.action = [&shell, o] { return up(shell, *o); }; });
}

}  // namespace yz::cli
