#include "dns/name.h"

#include <gtest/gtest.h>

namespace yz::dns {
namespace {

TEST(Name, TextAndWireFormsAgreeAndCaseIsKept) {
  const auto name = *Name::parse("wWw.Example.COM");
  EXPECT_EQ(name.wire(), std::string_view("\3wWw\7Example\3COM\0", 17));
  EXPECT_EQ(to_string(name), "wWw.Example.COM.");
  EXPECT_EQ(to_host(name), "wWw.Example.COM");
  EXPECT_EQ(name, *Name::parse("www.example.com."));
  EXPECT_EQ(to_host(name.lowered()), "www.example.com");
  EXPECT_EQ(name.label_count(), 3U);
  EXPECT_TRUE(Name::parse(".")->is_root());
  EXPECT_EQ(to_string(Name()), ".");
}

TEST(Name, EscapesGoBothWays) {
  const auto name = *Name::parse("a\\.b.\\001c\\\\.x");
  EXPECT_EQ(name.label_count(), 3U);
  EXPECT_EQ(to_host(name), "a\\.b.\\001c\\\\.x");
}

TEST(Name, BadNamesAreRefused) {
  const std::string long_label(64, 'a');
  std::string long_name;
  for (int i = 0; i < 128; ++i) long_name += "a.";
  for (const auto& bad : {std::string(""), std::string("a..b"), std::string(".a"), std::string("a\\"),
                          std::string("a\\25"), std::string("a\\256"), long_label, long_name}) {
    EXPECT_FALSE(Name::parse(bad)) << bad;
  }
  EXPECT_TRUE(Name::parse(std::string(63, 'a')));
  EXPECT_EQ(Name::parse(long_name.substr(2))->size(), 255U);
}

TEST(Name, WireFormsMustEndAndHoldNoPointer) {
  EXPECT_TRUE(Name::from_wire(std::string_view("\1a\0rest", 7)));
  for (const auto bad : {std::string_view(""), std::string_view("\1a", 2), std::string_view("\1a\xc0\x0c", 4),
                         std::string_view("\x40", 1), std::string_view("\5abc\0", 5)}) {
    EXPECT_FALSE(Name::from_wire(bad));
  }
  std::string wire;
  for (int i = 0; i < 127; ++i) wire += std::string("\1a", 2);
  EXPECT_TRUE(Name::from_wire(wire + std::string(1, '\0')));
  EXPECT_FALSE(Name::from_wire(wire + std::string("\1a\0", 3)));
}

TEST(Name, AncestryGoesByLabelsNotByBytes) {
  const auto zone = *Name::parse("Cdn.test");
  EXPECT_TRUE(Name::parse("www.cdn.TEST")->is_within(zone));
  EXPECT_TRUE(zone.is_within(zone));
  EXPECT_TRUE(zone.is_within(Name()));
  EXPECT_FALSE(Name::parse("acdn.test")->is_within(zone));
  EXPECT_FALSE(Name::parse("test")->is_within(zone));
  EXPECT_EQ(to_host(Name::parse("a.b.c")->parent()), "b.c");
  EXPECT_TRUE(Name().parent().is_root());
  EXPECT_EQ(to_host(*zone.with_label("x")), "x.Cdn.test");
  EXPECT_FALSE(zone.with_label(""));
}

}  // namespace
}  // namespace yz::dns
