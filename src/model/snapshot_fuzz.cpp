// Snapshots, deltas, purge records and resources from untrusted bytes. The fuzzer cannot guess a CRC, so the input is a
// body that is framed here; the first byte chooses the kind. What decodes must encode to something equal.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/hash.h"
#include "model/codec.h"

namespace {

std::string framed(std::string_view magic, std::string_view body) {
  std::string out(magic);
  yz::ByteWriter writer(out);
  writer.u16(1), writer.u16(0), writer.raw(body);
  writer.u32(yz::crc32c(out));
  return out;
}

template <typename Decode>
void check(std::string_view magic, std::string_view body, Decode decode) {
  const auto value = decode(framed(magic, body));
  if (!value) return;
  const auto again = decode(yz::model::encode(*value));
  YZ_ASSERT(again && *again == *value);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace m = yz::model;
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      check("YZCS", body, m::decode_snapshot);
      break;
    case 1:
      check("YZCD", body, m::decode_delta);
      break;
    case 2:
      check("YZPR", body, m::decode_purge_records);
      break;
    default:
      check("YZRS", body, m::decode_resource);
      break;
  }
  (void)m::decode_snapshot({reinterpret_cast<const char*>(data), size});
  return 0;
}
