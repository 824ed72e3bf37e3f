#include "dns/zone.h"

#include <gtest/gtest.h>

namespace yz::dns {
namespace {

Name n(std::string_view text) { return *Name::parse(text); }

std::vector<Record> apex() {
  return {make_soa(n("cdn.test"), 3600, n("ns1.cdn.test"), n("hostmaster.cdn.test"), 7, {}),
          make_ns(n("cdn.test"), 3600, n("ns1.cdn.test"))};
}

TEST(Zone, KnowsWhatExistsAndWhatOnlyLiesAbove) {
  auto records = apex();
  records.push_back(make_txt(n("a.b.C.cdn.test"), 60, "hello"));
  const Zone::Service services[] = {{n("WWW.x.cdn.test"), 3}};
  const auto zone = Zone::build(n("cdn.test"), records, services);
  ASSERT_TRUE(zone) << zone.error().message;
  ASSERT_NE(zone->find(n("a.b.c.cdn.test")), nullptr);
  EXPECT_NE(zone->find(n("a.b.c.cdn.test"))->find(Type::kTxt), nullptr);
  ASSERT_NE(zone->find(n("c.cdn.test")), nullptr) << "an empty non-terminal exists";
  EXPECT_TRUE(zone->find(n("c.cdn.test"))->sets.empty());
  EXPECT_EQ(zone->find(n("www.x.cdn.test"))->service, 3U);
  EXPECT_EQ(zone->find(n("z.cdn.test")), nullptr);
  EXPECT_EQ(zone->negative_ttl(), 60U);
}

TEST(Zone, MergesSetsAndKeepsTheLowestTtl) {
  auto records = apex();
  const auto owner = n("h.cdn.test");
  for (const auto* text : {"192.0.2.1", "192.0.2.2", "192.0.2.1"}) {
    records.push_back(make_address(owner, records.size() == 2 ? 300 : 60, *IpAddress::parse(text)));
  }
  const auto zone = Zone::build(n("cdn.test"), records, {});
  ASSERT_TRUE(zone);
  const auto* set = zone->find(owner)->find(Type::kA);
  EXPECT_EQ(set->data.size(), 2U);
  EXPECT_EQ(set->ttl, 60U);
}

TEST(Zone, RefusesWhatCannotBeServed) {
  const auto expect_refused = [](std::vector<Record> records, std::vector<Zone::Service> services, const char* part) {
    const auto zone = Zone::build(n("cdn.test"), records, services);
    ASSERT_FALSE(zone) << part;
    EXPECT_NE(zone.error().message.find(part), std::string::npos) << zone.error().message;
  };
  const auto with = [](Record record) {
    auto records = apex();
    records.push_back(std::move(record));
    return records;
  };
  expect_refused({}, {}, "exactly one SOA");
  expect_refused({apex()[0]}, {}, "no NS");
  expect_refused(with(make_txt(n("other.test"), 60, "x")), {}, "other.test.: lies outside");
  expect_refused(with(make_cname(n("cdn.test"), 60, n("x.test"))), {}, "a CNAME stands alone");
  expect_refused(with(make_cname(n("a.cdn.test"), 60, n("x.test"))), {{n("a.cdn.test"), 1}}, "a CNAME stands alone");
  expect_refused(with(make_ns(n("a.cdn.test"), 60, n("x.test"))), {}, "below the apex");
  expect_refused(with(make_address(n("a.cdn.test"), 60, IpAddress::v4(1))), {{n("a.cdn.test"), 1}}, "both fixed");
}

}  // namespace
}  // namespace yz::dns
