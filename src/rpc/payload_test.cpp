#include "rpc/payload.h"

#include <gtest/gtest.h>

namespace yz::rpc {
namespace {

TEST(Payload, ComesTogetherFromItsSlices) {
  const std::string whole(kMaxPiece * 2 + 17, 'x');
  PieceAssembler assembler(whole.size());
  SharedBytes result;
  std::size_t pieces = 0;
  for (std::size_t sent = 0; sent < whole.size(); ++pieces) {
    ASSERT_EQ(result, nullptr);
    const Slice slice = next_slice(sent, whole.size());
    sent += slice.size;
    auto added = assembler.add(whole.size(), slice.offset, whole.substr(slice.offset, slice.size));
    ASSERT_TRUE(added) << added.error().message;
    result = *added;
  }
  EXPECT_EQ(pieces, 3u);
  ASSERT_NE(result, nullptr);
  EXPECT_EQ(*result, whole);
}

TEST(Payload, EmptyIsWholeAtOnce) {
  PieceAssembler assembler(10);
  const auto added = assembler.add(0, 0, "");
  ASSERT_TRUE(added);
  ASSERT_NE(*added, nullptr);
  EXPECT_EQ(**added, "");
}

TEST(Payload, APieceAtTheStartGivesUpTheOneBefore) {
  PieceAssembler assembler(100);
  ASSERT_TRUE(assembler.add(10, 0, "01234"));
  ASSERT_TRUE(assembler.add(4, 0, "ab"));
  const auto added = assembler.add(4, 2, "cd");
  ASSERT_TRUE(added);
  ASSERT_NE(*added, nullptr);
  EXPECT_EQ(**added, "abcd");
}

TEST(Payload, WhatDoesNotContinueIsRefused) {
  struct Case {
    std::uint64_t size, offset;
    std::string data;
  };
  for (const Case& c : {Case{10, 3, "x"}, Case{10, 6, "x"}, Case{11, 5, "x"}, Case{10, 5, "toolong"}, Case{10, 5, ""},
                        Case{10, 1ULL << 63, "x"}}) {
    PieceAssembler assembler(100);
    ASSERT_TRUE(assembler.add(10, 0, "01234"));
    const auto added = assembler.add(c.size, c.offset, std::string(c.data));
    ASSERT_FALSE(added) << c.offset;
    EXPECT_EQ(added.error().code, Code::kInvalid);
  }
}

TEST(Payload, AnnouncedSizeIsBounded) {
  PieceAssembler assembler(100);
  const auto added = assembler.add(101, 0, "x");
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, Code::kLimit);
}

}  // namespace
}  // namespace yz::rpc
