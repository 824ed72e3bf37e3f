#include <benchmark/benchmark.h>

#include "dns/authority.h"
#include "dns/test_query.h"

namespace yz::dns {
namespace {

class TwoAddresses final : public ServiceSource {
 public:
  ServiceAnswer answer(std::uint32_t, Type, const Query&) override {
    ServiceAnswer out;
    out.addresses[0] = IpAddress::v4(0x7f000101);
    out.addresses[1] = IpAddress::v4(0x7f000102);
    out.count = 2;
    out.scope = 24;
    return out;
  }
};

Authority make_authority() {
  const Name zone = *Name::parse("cdn.test");
  std::vector<Record> records = {make_soa(zone, 3600, *Name::parse("ns1.cdn.test"), *Name::parse("h.cdn.test"), 1, {}),
                                 make_ns(zone, 3600, *Name::parse("ns1.cdn.test"))};
  std::vector<Zone::Service> services;
  for (std::uint32_t i = 1; i <= 10'000; ++i) {
    services.push_back({*Name::parse("www.customer" + std::to_string(i) + ".com.cdn.test"), i});
  }
  std::vector<Zone> zones;
  zones.push_back(*Zone::build(zone, records, services));
  return Authority(std::move(zones), {});
}

void answer_all(benchmark::State& state, const std::string& query) {
  static const Authority kAuthority = make_authority();
  TwoAddresses source;
  char out[4096];
  for (auto _ : state) benchmark::DoNotOptimize(kAuthority.answer(query, true, source, out));
}

void BM_AnswerPlain(benchmark::State& state) {
  answer_all(state, test::query("www.customer77.com.cdn.test", Type::kA));
}
BENCHMARK(BM_AnswerPlain);

void BM_AnswerWithSubnet(benchmark::State& state) {
  answer_all(state, test::query("www.customer77.com.cdn.test", Type::kA, test::opt(test::ecs("00011800cb0071"))));
}
BENCHMARK(BM_AnswerWithSubnet);

void BM_AnswerNxDomain(benchmark::State& state) { answer_all(state, test::query("nobody.cdn.test", Type::kA)); }
BENCHMARK(BM_AnswerNxDomain);

}  // namespace
}  // namespace yz::dns
