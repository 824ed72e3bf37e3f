#include "base/bytes.h"

#include <gtest/gtest.h>

namespace yz {
namespace {

TEST(Bytes, ReaderGivesBackWhatWriterPut) {
  std::string out;
  ByteWriter w(out);
  w.u8(7), w.u16(0xbeef), w.u32(0xdeadbeef), w.u64(UINT64_MAX), w.varint(0), w.varint(300), w.varint(UINT64_MAX);
  w.str("origin");
  ByteReader r(out);
  EXPECT_EQ(r.u8(), 7);
  EXPECT_EQ(r.u16(), 0xbeef);
  EXPECT_EQ(r.u32(), 0xdeadbeef);
  EXPECT_EQ(r.u64(), UINT64_MAX);
  EXPECT_EQ(r.varint(), 0U);
  EXPECT_EQ(r.varint(), 300U);
  EXPECT_EQ(r.varint(), UINT64_MAX);
  EXPECT_EQ(r.str(), "origin");
  EXPECT_TRUE(r.ok() && r.at_end());
}

TEST(Bytes, ReaderNeverReadsPastTheEnd) {
  ByteReader r(
      std::string_view("\x05"
                       "abc",
                       4));
  EXPECT_EQ(r.str(), "");
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.u64(), 0U);
}

TEST(Bytes, ReaderRefusesVarintsOfMoreThan64Bits) {
  ByteReader r("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
  EXPECT_EQ(r.varint(), 0U);
  EXPECT_FALSE(r.ok());
}

TEST(Bytes, CountRefusesMoreThanTheRestCanHold) {
  ByteReader r(
      std::string_view("\x03"
                       "ab",
                       3));
  EXPECT_EQ(r.count(), 0U);
  EXPECT_FALSE(r.ok());
}

TEST(Bytes, SizesAreReadWithUnits) {
  EXPECT_EQ(parse_byte_count("512MiB")->value, 512ULL << 20);
  EXPECT_EQ(parse_byte_count("2G")->value, 2ULL << 30);
  EXPECT_EQ(parse_byte_count("1000")->value, 1000U);
  EXPECT_FALSE(parse_byte_count("MiB"));
  EXPECT_FALSE(parse_byte_count("1.5GiB"));
  EXPECT_FALSE(parse_byte_count("99999999999999TiB"));
}

}  // namespace
}  // namespace yz
