// Prefetches from the API to nodes and back.
#include <algorithm>

#include <gtest/gtest.h>

#include "control/test_cluster.h"

namespace yz::control {
namespace {

using nlohmann::json;
using test::FakeNode;
using test::Response;
using test::TestControl;
using Urls = std::vector<std::string>;

class Prefetch : public testing::Test {
 protected:
  void SetUp() override {
    world_ = control_.make_world(2);
    a_ = join(0);
    b_ = join(1);
  }
  std::unique_ptr<FakeNode> join(std::size_t index) {
    auto node = std::make_unique<FakeNode>(control_, control_.join_token(world_.nodes[index]));
    const std::uint64_t head = control_.get("/healthz").json()["config_seq"];
    EXPECT_TRUE(node->wait([&] { return node->config->seq.value >= head; }));
    return node;
  }
  json prefetch(const json& body) {
    const Response answer = control_.post("/api/v1/prefetch", body);
    EXPECT_EQ(answer.status, 202) << answer.body;
    return answer.json();
  }
  std::string path_of(const json& task) { return "/api/v1/tasks/" + std::to_string(task["id"].get<std::uint64_t>()); }
  json ended(const json& task) {
    const auto events = control_.events(path_of(task) + "/events", "done");
    return events.empty() ? json() : events.back().second;
  }
  void set_rate(int rate) {
    const Response changed = control_.call("PATCH", "/api/v1/domains/" + std::to_string(world_.domain),
                                           json{{"prefetch_rate", rate}}.dump(), {{"If-Match", "*"}});
    ASSERT_EQ(changed.status, 200) << changed.body;
  }
  /// Control knows that the node has applied that record.
  bool has_forgotten(std::uint64_t node, std::uint64_t seq) {
    for (int i = 0; i < 500; ++i) {
      const json states = control_.get("/api/v1/node-states").json();
      for (const json& one : states["items"]) {
        if (one["node"] == node && one["purge_seq"] >= seq) return true;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }
  static Urls sorted(Urls urls) {
    std::ranges::sort(urls);
    return urls;
  }

  TestControl control_;
  TestControl::World world_;
  std::unique_ptr<FakeNode> a_, b_;
};

TEST_F(Prefetch, CountsWhatCameAndWhatDidNot) {
  EXPECT_EQ(ended(prefetch({{"urls", {"http://www.a.com/1", "http://www.a.com/2"}}}))["state"], "complete");
  const json done = ended(prefetch({{"urls", {"http://www.a.com/1", "http://www.a.com/missing"}}}));
  EXPECT_EQ(done["state"], "partial") << done;
  for (const json& node : done["nodes"]) {
    EXPECT_NE(node.value("message", "").find("missing"), std::string::npos) << done;
    EXPECT_EQ(node["urls_done"], 1);
    EXPECT_EQ(node["urls_failed"], 1);
  }
}

TEST_F(Prefetch, AFilmIsLoadedThroughItsManifests) {
  const std::string master = "http://www.a.com/film/index.m3u8";
  for (FakeNode* node : {a_.get(), b_.get()}) {
    node->manifests[master] = {"http://www.a.com/film/low.m3u8", "http://elsewhere.com/high.m3u8"};
    node->manifests["http://www.a.com/film/low.m3u8"] = {"http://www.a.com/film/1.ts", "http://www.a.com/film/2.ts"};
    node->manifests["http://www.a.com/film/1.ts"] = {"http://www.a.com/never"};
  }
  const json done = ended(prefetch({{"urls", {master}}}));
  EXPECT_EQ(done["state"], "complete") << done;
  EXPECT_EQ(done["manifests"], true);
  const Urls all{"http://www.a.com/film/1.ts", "http://www.a.com/film/2.ts", master, "http://www.a.com/film/low.m3u8"};
  EXPECT_EQ(sorted(a_->asked_urls()), sorted(all));
  EXPECT_EQ(sorted(b_->asked_urls()), sorted(all));
  for (const json& node : done["nodes"]) EXPECT_EQ(node["urls_done"], 4) << done;
  std::size_t readers = 0;
  for (FakeNode* node : {a_.get(), b_.get()}) {
    readers += std::ranges::any_of(node->asked(), &rpc::PrefetchTask::reads_manifests) ? 1 : 0;
  }
  EXPECT_EQ(readers, 1U) << "one reads for all";
}

TEST_F(Prefetch, ManifestsAreLeftAloneWhenToldSo) {
  a_->manifests["http://www.a.com/x.m3u8"] = b_->manifests["http://www.a.com/x.m3u8"] = {"http://www.a.com/1.ts"};
  EXPECT_EQ(ended(prefetch({{"urls", {"http://www.a.com/x.m3u8"}}, {"manifests", false}}))["state"], "complete");
  EXPECT_EQ(a_->asked_urls(), Urls{"http://www.a.com/x.m3u8"});
}

TEST_F(Prefetch, AnotherNodeReadsWhenTheScoutGoes) {
  a_->loads = b_->loads = false;
  a_->manifests["http://www.a.com/x.m3u8"] = b_->manifests["http://www.a.com/x.m3u8"] = {"http://www.a.com/1.ts"};
  const json task = prefetch({{"urls", {"http://www.a.com/x.m3u8"}}});
  ASSERT_TRUE(a_->wait([&] { return a_->prefetches.size() == 1; }));
  ASSERT_TRUE(b_->wait([&] { return b_->prefetches.size() == 1; }));
  FakeNode& scout = a_->asked()[0].reads_manifests ? *a_ : *b_;
  FakeNode& other = &scout == a_.get() ? *b_ : *a_;
  EXPECT_FALSE(other.asked()[0].reads_manifests);
  other.load(other.asked()[0]);
  scout.disconnect();
  ASSERT_TRUE(other.wait([&] { return other.prefetches.size() == 2; }));
  EXPECT_TRUE(other.asked()[1].reads_manifests);
  other.load(other.asked()[1]);
  ASSERT_TRUE(other.wait([&] { return other.prefetches.size() == 3; }));
  EXPECT_EQ(other.asked()[2].urls, Urls{"http://www.a.com/1.ts"});
  other.load(other.asked()[2]);
  scout.loads = true;
  scout.connect();
  EXPECT_EQ(ended(task)["state"], "complete") << "the one that came back gets what it owes";
}

TEST_F(Prefetch, AnOriginIsAskedAtItsPace) {
  set_rate(2);
  json urls = json::array();
  for (int i = 0; i < 6; ++i) urls.push_back("http://www.a.com/" + std::to_string(i));
  const auto start = std::chrono::steady_clock::now();
  // Two nodes of the first tier without a second: each asks the origin itself.
  EXPECT_EQ(ended(prefetch({{"urls", urls}}))["state"], "complete");
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(4'900))
      << "12 requests at 2 a second, one second of them saved";
  EXPECT_EQ(a_->asked_urls().size(), 6U);
  EXPECT_GE(a_->asked().size(), 5U) << "handed out one by one";
}

TEST_F(Prefetch, TasksOfADomainTakeTurns) {
  set_rate(2);
  json urls = json::array();
  for (int i = 0; i < 500; ++i) urls.push_back("http://www.a.com/big/" + std::to_string(i));
  const json big = prefetch({{"urls", urls}});
  EXPECT_EQ(ended(prefetch({{"urls", {"http://www.a.com/small"}}}))["state"], "complete");
  const json shown = control_.get(path_of(big)).json();
  EXPECT_EQ(shown["state"], "running") << shown;
  EXPECT_LT(shown["progress"]["percent"], 10);
}

TEST_F(Prefetch, RefreshedFirstItIsLoadedOnlyWhereItIsForgotten) {
  a_->acks_purges = b_->acks_purges = false;
  const json task = prefetch({{"urls", {"http://www.a.com/1", "http://www.a.com/2"}}, {"refresh", "soft"}});
  EXPECT_EQ(task["mode"], "soft") << task;
  ASSERT_TRUE(a_->wait([&] { return a_->purges.size() == 2; }));
  ASSERT_TRUE(b_->wait([&] { return b_->purges.size() == 2; }));
  EXPECT_EQ(a_->purges[0].key, "/1");
  EXPECT_FALSE(a_->purges[0].hard);
  a_->send(rpc::PurgeAck{a_->applied});
  ASSERT_TRUE(has_forgotten(world_.nodes[0], 2));
  EXPECT_TRUE(a_->asked().empty()) << "b may still hand out the old";
  b_->send(rpc::PurgeAck{b_->applied});
  EXPECT_EQ(ended(task)["state"], "complete");
  EXPECT_EQ(sorted(a_->asked_urls()), (Urls{"http://www.a.com/1", "http://www.a.com/2"}));
}

TEST_F(Prefetch, ARefreshBeforeItIsNotARefreshTask) {
  EXPECT_EQ(ended(prefetch({{"urls", {"http://www.a.com/1"}}, {"refresh", "hard"}}))["kind"], "prefetch");
  EXPECT_EQ(control_.get("/api/v1/tasks?kind=refresh").json()["items"].size(), 0U);
  EXPECT_EQ(control_.post("/api/v1/prefetch", {{"urls", {"http://www.a.com/1"}}, {"refresh", "all"}}).status, 422);
  EXPECT_EQ(control_.post("/api/v1/prefetch", {{"urls", {"http://www.a.com/1"}}, {"manifests", 1}}).status, 422);
}

TEST_F(Prefetch, GoesOnAfterControlDied) {
  a_->loads = b_->loads = false;
  a_->manifests["http://www.a.com/x.m3u8"] = b_->manifests["http://www.a.com/x.m3u8"] = {"http://www.a.com/1.ts"};
  const json task = prefetch({{"urls", {"http://www.a.com/x.m3u8"}}});
  ASSERT_TRUE(a_->wait([&] { return a_->prefetches.size() == 1; }));
  a_->loads = b_->loads = true;
  control_.restart();
  EXPECT_EQ(ended(task)["state"], "complete");
  EXPECT_EQ(a_->asked_urls().back(), "http://www.a.com/1.ts");
}

}  // namespace
}  // namespace yz::control
