#include "gslb/state_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "gslb/test_world.h"

namespace yz::gslb {
namespace {

TEST(StateStore, WhatWasKeptComesBack) {
  const TempFolder folder;
  const StateStore store(folder.path() / "state");
  ASSERT_TRUE(store.prepare());
  EXPECT_FALSE((*store.load_config()).has_value());
  EXPECT_TRUE((*store.load_node_states()).empty());

  const auto config = test::config();
  ASSERT_TRUE(store.save(config));
  model::NodeState state;
  state.node = {3};
  state.ready = state.connected = true;
  state.acked_config = {9};
  ASSERT_TRUE(store.save(std::vector{state}));
  EXPECT_EQ((*store.load_config())->content_hash(), config.content_hash());
  EXPECT_EQ((*store.load_node_states()).at(0), state);
  struct stat status{};
  ASSERT_EQ(::stat((folder.path() / "state/config.yzc").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U) << "it holds the cluster's key";
}

TEST(StateStore, DamageIsSaidAndNotServed) {
  const TempFolder folder;
  const StateStore store(folder.path());
  ASSERT_TRUE(store.save(test::config()));
  auto bytes = *read_file(folder.path() / "config.yzc");
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  ASSERT_TRUE(write_file_atomically(folder.path() / "config.yzc", bytes));
  EXPECT_EQ(store.load_config().error().code, Code::kCorrupt);
  ASSERT_TRUE(write_file_atomically(folder.path() / "node-states.json", "[{"));
  EXPECT_FALSE(store.load_node_states());
  ASSERT_TRUE(write_file_atomically(folder.path() / "identity.json", "{\"node\":1}"));
  EXPECT_FALSE(store.load_identity());
}

TEST(StateStore, WithoutAFolderNothingIsKept) {
  const StateStore store{std::filesystem::path()};
  EXPECT_TRUE(store.save(test::config()));
  EXPECT_FALSE((*store.load_config()).has_value());
}

}  // namespace
}  // namespace yz::gslb
