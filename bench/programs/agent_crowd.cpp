/// Thousands of nodes' agents in one process, against a real yz-control over the real channel: each joins with its own
/// token, keeps its own mutually authenticated session through a path that delays every message, and does what yz-agent
/// does with what it is told. Events go to standard output as lines of JSON (crowd.h); lines on standard input:
///     drain   no further usage batches; {"event":"drained",…} when control has acknowledged all
///     quit    as the end of the input
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/descriptor_limit.h"
#include "base/text.h"
#include "crowd.h"
#include "delayed_client.h"

namespace yz::bench {
namespace {

using namespace std::chrono_literals;

struct Options {
  std::uint16_t port = 0;
  std::string tokens;  ///< file: one join token a line
  std::uint64_t domain_first = 1, domain_last = 1;
  std::uint32_t delay_from = 40, delay_to = 80;  ///< milliseconds, each direction
  std::uint64_t seed = 1;
  std::uint32_t heartbeat = 1'000, usage = 1'000;
  std::uint32_t joiners = 8;
  std::vector<std::uint16_t> relays;
};

[[noreturn]] void give_up(const std::string& why) {
  fmt::print(stderr, "agent_crowd: {}\n", why);
  std::exit(1);
}

Options read_options(int argc, char** argv) {
  Options out;
  CLI::App app{"Thousands of simulated agents against one yz-control."};
  app.add_option("--port", out.port, "node port of yz-control on 127.0.0.1")->required();
  app.add_option("--tokens", out.tokens, "file with one join token a line: one agent each")->required();
  app.add_option("--first-domain", out.domain_first, "ids of the domains whose requests are counted");
  app.add_option("--last-domain", out.domain_last);
  app.add_option("--delay-from", out.delay_from, "milliseconds added in each direction, at least");
  app.add_option("--delay-to", out.delay_to, "at most");
  app.add_option("--seed", out.seed, "of all chance");
  app.add_option("--heartbeat", out.heartbeat, "milliseconds");
  app.add_option("--usage", out.usage, "milliseconds between an agent's usage batches; 0: none");
  app.add_option("--relay", out.relays, "ports of relays on 127.0.0.1: agents connect through them in turn");
  app.add_option("--joiners", out.joiners, "enrolments at once");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  return out;
}

std::vector<std::string> read_tokens(const std::string& file) {
  std::ifstream in(file);
  std::vector<std::string> out;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) out.push_back(line);
  }
  if (out.empty()) give_up("no join tokens in " + file);
  return out;
}

/// The whole of joining, for each token; several at once, without delay.
std::vector<rpc::NodeIdentity> join(const Options& options, const std::vector<std::string>& tokens) {
  std::vector<rpc::NodeIdentity> out(tokens.size());
  std::atomic<std::size_t> next{0};
  const double begun = monotonic_seconds();
  std::vector<std::thread> joiners;
  for (std::uint32_t i = 0; i < options.joiners; ++i) {
    joiners.emplace_back([&] {
      for (std::size_t mine = 0; (mine = next++) < tokens.size();) {
        rpc::EnrolOptions wish;
        wish.control = fmt::format("127.0.0.1:{}", options.port);
        wish.token = tokens[mine];
        wish.name = "simulated";
        auto identity = rpc::enrol(wish);
        if (!identity) give_up("joining: " + identity.error().message);
        out[mine] = *std::move(identity);
      }
    });
  }
  for (std::thread& joiner : joiners) joiner.join();
  say(fmt::format(R"({{"event":"joined","agents":{},"seconds":{:.3f}}})", out.size(), monotonic_seconds() - begun));
  return out;
}

std::vector<PathDelay> draw_delays(const Options& options, std::size_t count) {
  Random random(options.seed);
  const auto draw = [&] {
    const std::uint64_t span = (options.delay_to - options.delay_from) * 1'000ULL + 1;
    return std::chrono::microseconds(options.delay_from * 1'000ULL + random.below(span));
  };
  std::vector<PathDelay> out(count);
  std::chrono::microseconds longest{0};
  for (PathDelay& delay : out) {
    delay = {.up = draw(), .down = draw()};
    longest = std::max(longest, delay.round_trip());
  }
  say(fmt::format(R"({{"event":"paths","longest_round_trip":{:.6f}}})",
                  std::chrono::duration<double>(longest).count()));
  return out;
}

using Agents = std::vector<std::unique_ptr<SimulatedAgent>>;

SimulatedAgent::Counted sum(const Agents& agents) {
  SimulatedAgent::Counted out;
  for (const auto& agent : agents) {
    const SimulatedAgent::Counted one = agent->counted();
    out.batches += one.batches;
    out.requests += one.requests;
    out.stored_batches += one.stored_batches;
    out.stored_requests += one.stored_requests;
  }
  return out;
}

void drain(const Agents& agents) {
  for (const auto& agent : agents) agent->stop_counting();
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  const auto is_done = [&] {
    return std::ranges::all_of(agents, [](const auto& agent) { return agent->has_all_stored(); });
  };
  while (!is_done() && std::chrono::steady_clock::now() < deadline) std::this_thread::sleep_for(20ms);
  const SimulatedAgent::Counted all = sum(agents);
  say(fmt::format(R"({{"event":"drained","batches":{},"requests":{},"stored_batches":{},"stored_requests":{}}})",
                  all.batches, all.requests, all.stored_batches, all.stored_requests));
}

int run(const Options& options) {
  (void)raise_descriptor_limit();
  const std::vector<std::string> tokens = read_tokens(options.tokens);
  const std::vector<PathDelay> delays = draw_delays(options, tokens.size());
  const std::vector<rpc::NodeIdentity> identities = join(options, tokens);

  Crowd crowd;
  for (const std::uint16_t port : options.relays) crowd.controls.push_back(fmt::format("127.0.0.1:{}", port));
  if (crowd.controls.empty()) crowd.controls.push_back(fmt::format("127.0.0.1:{}", options.port));
  crowd.heartbeat = std::chrono::milliseconds(options.heartbeat);
  crowd.usage = std::chrono::milliseconds(options.usage);
  for (std::uint64_t id = options.domain_first; id <= options.domain_last; ++id) crowd.domains.emplace_back(id);
  crowd.attendance = std::make_unique<Attendance>(tokens.size());
  crowd.configs = std::make_unique<Milestones>("config", tokens.size());
  crowd.purges = std::make_unique<Milestones>("purge", tokens.size());
  Agents agents;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    agents.push_back(std::make_unique<SimulatedAgent>(crowd, identities[i], delays[i], options.seed + i));
  }
  for (const auto& agent : agents) agent->connect();

  std::thread([&agents] {
    for (;;) {
      const auto now = std::chrono::steady_clock::now();
      for (const auto& agent : agents) agent->pulse(now);
      std::this_thread::sleep_for(5ms);
    }
  }).detach();

  for (std::string command; std::getline(std::cin, command) && command != "quit";) {
    if (command == "drain") drain(agents);
  }
  // The sessions end with the process, as those of machines that lose their power do.
  std::_Exit(0);
}

}  // namespace
}  // namespace yz::bench

int main(int argc, char** argv) { return yz::bench::run(yz::bench::read_options(argc, argv)); }
