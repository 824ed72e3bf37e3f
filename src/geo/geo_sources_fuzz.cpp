#include "geo/sources.h"

/// The first byte picks the reader; the rest is its file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace yz::geo;
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 4) {
    case 0:
      (void)read_ip2region(input);
      break;
    case 1:
      (void)read_ipv6wry(input);
      break;
    case 2:
      (void)read_asn_csv(input);
      break;
    default:
      (void)read_overrides(input);
  }
  return 0;
}
