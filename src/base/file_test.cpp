#include "base/file.h"

#include <gtest/gtest.h>

namespace yz {
namespace {

TEST(File, AtomicWriteReplacesTheWholeContent) {
  const TempFolder folder;
  const auto path = folder.path() / "state";
  ASSERT_TRUE(write_file_atomically(path, std::string(100'000, 'a')));
  ASSERT_TRUE(write_file_atomically(path, "b"));
  EXPECT_EQ(*read_file(path), "b");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(File, ErrorsNameTheFile) {
  const auto missing = read_file("/nonexistent/x");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::kNotFound);
  EXPECT_NE(missing.error().message.find("/nonexistent/x"), std::string::npos);
  EXPECT_FALSE(write_file_atomically("/nonexistent/x", ""));
}

TEST(File, ReadStopsAtTheLimit) {
  const TempFolder folder;
  ASSERT_TRUE(write_file_atomically(folder.path() / "big", std::string(1000, 'a')));
  EXPECT_EQ(read_file(folder.path() / "big", 999).error().code, Code::kLimit);
}

}  // namespace
}  // namespace yz
