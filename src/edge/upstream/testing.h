#pragma once

#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "edge/testing.h"
#include "model/codec.h"
#include "model/sample_snapshot.h"

namespace yz::edge::testing {

using namespace std::chrono_literals;
using net::Exchange;

/// One edge that goes straight to the origins of its only group, which each test sets up.
class Origins : public ::testing::Test {
 protected:
  Origins() {
    config_ = model::sample_snapshot();
    for (const std::uint64_t l2 : {3, 4}) config_.remove({model::ResourceKind::kNode, l2}, {1});
    model::Domain domain = *config_.domains.find({1});
    domain.cache_rules.clear();
    domain.stale_on_error = 0s;
    config_.put(domain, {1});
    group_ = *config_.origin_groups.find({1});
    group_.origins.clear();
    group_.open_time = 300ms;
  }

  void add(const Endpoint& at, bool is_backup = false) {
    group_.origins.push_back({to_string(at.address), at.port, 1, is_backup, false});
  }
  void start(unsigned workers = 1) {
    config_.put(group_, {1});
    Options options;
    options.listen = {net::testing::kAnyLoopback};
    options.node = {1};
    options.memory = mib(32);
    options.workers = workers;
    options.leader_timeout = leader_timeout_;
    auto server = EdgeServer::start(std::move(options));
    ASSERT_TRUE(server) << server.error().message;
    const auto applied = (*server)->apply_snapshot(model::encode(config_));
    ASSERT_TRUE(applied) << applied.error().message;
    (*server)->set_ready(true);
    edge_ = std::move(*server);
  }
  Reply get(const std::string& path, std::string_view method = "GET", std::string_view body = "") {
    return ask(edge_->listening()[0], method, path, "", "www.a.com", body);
  }
  /// Requests for `count` different paths at once.
  std::vector<Reply> get_at_once(const std::string& prefix, int count) {
    std::vector<Reply> replies(static_cast<std::size_t>(count));
    std::vector<std::thread> threads;
    for (int i = 0; i < count; ++i) {
      threads.emplace_back([&, i] { replies[static_cast<std::size_t>(i)] = get(prefix + std::to_string(i)); });
    }
    for (auto& thread : threads) thread.join();
    return replies;
  }
  static bool says(const Reply& reply, std::string_view reason) {
    return reply.field("Cache-Status").find("detail=" + std::string(reason)) != std::string::npos;
  }
  double metric(const std::string& line_begin) {
    const std::string text = edge_->metrics().expose();
    const auto at = text.find("\n" + line_begin);
    return at == std::string::npos ? -1 : std::stod(text.substr(text.find("} ", at) + 2));
  }
  double state_of(const Endpoint& at) {
    return metric("yz_edge_upstream_state{group=\"1\",server=\"" + to_string(at) + "\"");
  }

  model::ConfigSnapshot config_;
  model::OriginGroup group_;
  std::chrono::milliseconds leader_timeout_{10'000};
  std::unique_ptr<EdgeServer> edge_;
};

inline io::Task<void> answer_with(Exchange& exchange, http::StatusCode status, std::string body) {
  http::HeaderMap headers{{"Cache-Control", "no-store"}};
  (void)co_await exchange.respond(status, std::move(headers), std::move(body));
}

}  // namespace yz::edge::testing
