#include <cstdlib>
#include <cstring>

#include "dns/client_subnet.h"

/// What is accepted must be written back as the same bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto subnet = yz::dns::parse_client_subnet(input);
  if (!subnet) return 0;
  const auto wire = to_wire(*subnet);
  if (std::string_view(wire.bytes, wire.size) != input) std::abort();
  return 0;
}
