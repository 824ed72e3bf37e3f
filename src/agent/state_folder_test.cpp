#include "agent/state_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent/test_support.h"
#include "base/file.h"
#include "rpc/membership.h"

namespace yz::agent {
namespace {

rpc::NodeIdentity test_identity() {
  const WallTime now = SystemClock::instance().wall();
  const auto ca = rpc::make_ca("test", now).value();
  const auto own = rpc::make_key_and_request().value();
  return {model::NodeId{9},
          {own.key_pem, rpc::sign_request(ca, own.request_pem, model::NodeId{9}, now, std::chrono::hours(1)).value()},
          ca.certificate_pem};
}

TEST(StateFolder, KeepsTheIdentityForItsOwnerOnly) {
  TempFolder folder;
  const auto state = StateFolder::open(folder.path() / "agent");
  ASSERT_TRUE(state) << state.error().message;
  ASSERT_FALSE(rpc::load_identity(state->identity()).value());
  const auto identity = test_identity();
  ASSERT_TRUE(rpc::save_identity(state->identity(), identity));
  const auto loaded = rpc::load_identity(state->identity()).value();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->node, identity.node);
  EXPECT_EQ(loaded->pair.key_pem, identity.pair.key_pem);
  EXPECT_EQ(loaded->ca_pem, identity.ca_pem);
  struct stat info{};
  ASSERT_EQ(::stat((folder.path() / "agent/identity.pem").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat((folder.path() / "agent").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST(StateFolder, ADamagedIdentityIsAnErrorThatNamesTheFile) {
  TempFolder folder;
  const auto state = StateFolder::open(folder.path());
  ASSERT_TRUE(state);
  auto identity = test_identity();
  identity.pair.key_pem = test_identity().pair.key_pem;
  ASSERT_TRUE(rpc::save_identity(state->identity(), identity));
  const auto loaded = rpc::load_identity(state->identity());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::kCorrupt);
  EXPECT_NE(loaded.error().message.find("identity.pem"), std::string::npos);
}

TEST(StateFolder, KeepsConfigurationAndPositionAndSurvivesDamage) {
  TempFolder folder;
  const auto state = StateFolder::open(folder.path());
  ASSERT_TRUE(state);
  EXPECT_FALSE(state->load_config());
  EXPECT_EQ(state->load_purge_position().value, 0u);
  ASSERT_TRUE(state->save_config(model::encode(test_config(4))));
  ASSERT_TRUE(state->save_purge_position(model::PurgeSeq{17}));
  EXPECT_EQ(state->load_config().value(), test_config(4));
  EXPECT_EQ(state->load_purge_position().value, 17u);
  ASSERT_TRUE(state->save_config(model::encode(test_config(4)).substr(0, 30)));
  EXPECT_FALSE(state->load_config());
}

TEST(StateFolder, IsForOneAgentAtATime) {
  TempFolder folder;
  const auto state = StateFolder::open(folder.path());
  ASSERT_TRUE(state);
  const auto second = StateFolder::open(folder.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace yz::agent
