#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/file.h"
#include "base/log.h"
#include "base/random.h"
#include "cli/cluster/cluster.h"
#include "cli/demo/story.h"
#include "cli/interrupt.h"
#include "cli/shell.h"
#include "cli/table.h"
#include "net/http_server.h"

namespace yz::cli {
namespace {

struct Options {
  std::string geo;
  std::string keep;
  std::vector<int> only;
  bool quick = false;
  bool production = false;
};

using Step = io::Task<Status> (*)(Story&);
constexpr Step kSteps[] = {step_domain,   step_dns,        step_files,     step_crowd,        step_refresh,
                           step_prefetch, step_correction, step_dead_node, step_dead_control, step_usage};

io::Task<Status> play(Story& story, const Options& o) {
  const MonoTime start = SystemClock::instance().mono();
  net::HttpServer server(story.reactor, story.origin);
  YZ_CO_TRY([[maybe_unused]] const Endpoint bound,
            server.listen({IpAddress::v4(0x7f000001), story.cluster.plan().origin_port}));
  YZ_CO_CHECK(co_await story.cluster.start());
  YZ_CO_TRY(story.unicom,
            sample_address(story.cluster.geo(), geo::Province::kBeijing, geo::Isp::kUnicom, "202.106.0.20"));
  YZ_CO_TRY(story.telecom,
            sample_address(story.cluster.geo(), geo::Province::kGuangdong, geo::Isp::kTelecom, "202.96.128.86"));
  story.tell(
      fmt::format("a cluster of its own is up after {}, in {}",
                  human_ms(std::chrono::duration<double, std::milli>(SystemClock::instance().mono() - start).count()),
                  story.cluster.plan().folder.string()));
  int number = 0;
  for (const Step step : kSteps) {
    ++number;
    const bool wanted =
        o.only.empty() || number == 1 || std::find(o.only.begin(), o.only.end(), number) != o.only.end();
    if (!wanted) continue;
    if (auto done = co_await step(story); !done)
      co_return fail(std::move(done).error().with_context(fmt::format("step {}", number)));
  }
  co_return Status();
}

Status demo(const Shell& shell, const Options& o) {
  YZ_CHECK(log::open("yz", {log::Level::kError, false, ""}));
  hold_stop_signals();
  const TempFolder temporary("yz-demo");
  const std::filesystem::path folder = o.keep.empty() ? temporary.path() : std::filesystem::path(o.keep);
  YZ_CHECK(make_folder(folder / "site"));
  Random random = Random::from_entropy();
  YZ_TRY(ClusterPlan plan,
         ClusterPlan::load_or_make(folder / "cluster", static_cast<std::uint16_t>(12'000 + random.below(18'000)),
                                   o.production ? Stores::kProduction : Stores::kEmbedded));
  io::Reactor reactor;
  ClusterOptions options;
  options.bin = shell.bin;
  options.geo = o.geo;
  options.edge_memory = "512MiB";
  Cluster cluster(reactor, std::move(plan), std::move(options));
  const DemoSize quick{200, 20ULL << 20, 50, 4ULL << 20, 40, 20, 2};
  Story story(reactor, cluster, o.quick ? quick : DemoSize(), folder / "site");
  const MonoTime start = SystemClock::instance().mono();
  Status result = reactor.block_on(unless_stopped(reactor, play(story, o)));
  reactor.block_on(cluster.stop());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(SystemClock::instance().mono() - start).count();
  if (!result) {
    shell.print(
        fmt::format("\n{} after {} s: {}\n", coloured(Colour::kRed, "demo failed"), seconds, result.error().message));
    if (o.keep.empty()) shell.print("its logs are gone; run it with --keep FOLDER to have them\n");
    return result;
  }
  shell.print(fmt::format("\n{} in {} s: {}\n", coloured(Colour::kGreen, "demo passed"), seconds,
                          fmt::join(story.summary, "; ")));
  return result;
}

}  // namespace

void add_demo(CLI::App& app, Shell& shell) {
  auto* command = app.add_subcommand("demo", "The story that proves it, step by step, with measured times");
  command->footer(
      "Starts a cluster of its own in a temporary folder on free ports, plays ten steps (a domain, DNS, files, a "
      "crowd,\n"
      "refresh, prefetch, a misplaced viewer, a dead node, a dead control, usage), and ends with 1 at the first that "
      "fails.\n"
      "Examples:\n"
      "  yz demo\n"
      "  yz demo --quick               smaller numbers, for a first look\n"
      "  yz demo --production          on MariaDB, NATS and Redis, with two controls\n"
      "  yz demo --only 5 --keep /tmp/d  step 1 and 5; logs stay in /tmp/d");
  const auto o = std::make_shared<Options>();
  command->add_option("--geo", o->geo, "Compiled address map (yz-geo-build); a few sample blocks without it");
  command->add_option("--keep", o->keep, "Folder for everything, kept afterwards");
  command->add_option("--only", o->only, "These steps only (and the first)")->check(CLI::Range(1, 10));
  command->add_flag("--quick", o->quick, "Smaller numbers");
  command->add_flag("--production", o->production, "On the stores of `yz up --production`");
  command->callback([&shell, o] { shell.action = [&shell, o] { return demo(shell, *o); }; });
}

}  // namespace yz::cli
