#include "control/prefetch/prefetch_run.h"

#include <gtest/gtest.h>

namespace yz::control {
namespace {

using model::DomainId;
using model::NodeId;
using model::TaskState;

const NodeId kA{1}, kB{2};
const DomainId kDomain{1};

model::Task task(std::vector<std::string> urls, bool reads_manifests) {
  model::Task out;
  out.kind = model::TaskKind::kPrefetch;
  out.reads_manifests = reads_manifests;
  for (std::string& url : urls) out.targets.push_back({model::PurgeKind::kUrl, kDomain, "", std::move(url)});
  for (const NodeId node : {kA, kB}) out.nodes.push_back({.node = node, .message = {}, .updated = {}});
  return out;
}

rpc::PrefetchedUrl ended(std::string url, bool ok = true, bool was_read = false) {
  return {std::move(url), ok, ok ? 200U : 404U, 1, ok ? "" : "gone", was_read};
}

TEST(PrefetchRun, ANodeIsDoneWhenItHasEndedAll) {
  PrefetchRun run(task({"http://a/1", "http://a/2", "http://a/1"}, false));
  ASSERT_EQ(run.urls().size(), 2U) << "each once";
  EXPECT_TRUE(run.take(kA, ended("http://a/1"))->is_first);
  EXPECT_FALSE(run.take(kA, ended("http://a/1"))) << "nothing new";
  EXPECT_FALSE(run.take(kB, ended("http://a/1"))->is_first);
  EXPECT_FALSE(run.is_done(kA));
  EXPECT_TRUE(run.take(kA, ended("http://a/2", false)));
  EXPECT_TRUE(run.is_done(kA));
  EXPECT_FALSE(run.is_done(kB));
  const model::NodeProgress progress = run.progress(kA, {});
  EXPECT_EQ(progress.state, TaskState::kPartial);
  EXPECT_EQ(progress.message, "http://a/2: gone");
}

TEST(PrefetchRun, StrangersAndUnknownUrlsSayNothing) {
  PrefetchRun run(task({"http://a/1"}, false));
  EXPECT_FALSE(run.take(NodeId{9}, ended("http://a/1")));
  EXPECT_FALSE(run.take(kA, ended("http://a/2")));
}

TEST(PrefetchRun, ManifestsKeepItOpenUntilAllAreRead) {
  PrefetchRun run(task({"http://a/m"}, true));
  run.release(0);
  run.set_scout(kA);
  EXPECT_TRUE(run.is_to_read(kA, 0));
  EXPECT_FALSE(run.is_to_read(kB, 0));
  EXPECT_TRUE(run.take(kB, ended("http://a/m")));
  EXPECT_FALSE(run.is_done(kB)) << "it may lead to more";
  const auto variant = run.add("http://a/v", kDomain, 0);
  ASSERT_TRUE(variant);
  EXPECT_FALSE(run.add("http://a/v", kDomain, 0)) << "known";
  EXPECT_FALSE(run.take(kA, ended("http://a/m", true, true))->ends_reading) << "the variant is to be read";
  const auto segment = run.add("http://a/s", kDomain, *variant);
  ASSERT_TRUE(segment);
  EXPECT_TRUE(run.take(kA, ended("http://a/v", true, true))->ends_reading) << "segments lead nowhere";
  EXPECT_FALSE(run.add("http://a/x", kDomain, *segment));
  EXPECT_TRUE(run.take(kA, ended("http://a/s")));
  EXPECT_TRUE(run.is_done(kA));
  EXPECT_EQ(run.progress(kA, {}).done, 3U);
}

TEST(PrefetchRun, ANodeIsOwedWhatIsReleasedAndNotEnded) {
  PrefetchRun run(task({"http://a/1", "http://a/2", "http://a/3"}, true));
  run.release(0), run.release(1);
  ASSERT_TRUE(run.take(kB, ended("http://a/1")));
  EXPECT_EQ(run.owed(kB), (std::vector<std::size_t>{1}));
  run.set_scout(kB);
  EXPECT_EQ(run.owed(kB), (std::vector<std::size_t>{0, 1})) << "the new scout reads what it has, too";
  EXPECT_TRUE(run.owed(NodeId{9}).empty());
}

TEST(PrefetchRun, TooManyLinksAreCutAndThatIsSaid) {
  PrefetchRun run(task({"http://a/m"}, true));
  for (std::size_t i = 0; i < PrefetchRun::kMostUrls + 5; ++i) run.add("http://a/" + std::to_string(i), kDomain, 0);
  EXPECT_EQ(run.urls().size(), PrefetchRun::kMostUrls);
  EXPECT_NE(run.progress(kA, {}).message.find("20000"), std::string::npos);
  PrefetchRun heavy(task({"http://a/m"}, true));
  for (int i = 0; i < 3'000; ++i) heavy.add("http://a/" + std::to_string(i) + std::string(7'900, 'x'), kDomain, 0);
  EXPECT_LT(heavy.urls().size(), 2'200U) << "16 MiB of them";
}

}  // namespace
}  // namespace yz::control
