// Usage batches from untrusted bytes: the input is a body, framed here because a fuzzer cannot guess a CRC.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/hash.h"
#include "model/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view body(reinterpret_cast<const char*>(data), size);
  std::uint16_t version = 1;  // the corpus of before version 4 stays of use
  if (!body.empty() && body.front() == 0) version = 4, body.remove_prefix(1);
  std::string bytes = "YZUB";
  yz::ByteWriter writer(bytes);
  writer.u16(version), writer.u16(0), writer.raw(body);
  writer.u32(yz::crc32c(bytes));
  if (const auto batch = yz::model::decode_usage_batch(bytes)) {
    const auto again = yz::model::decode_usage_batch(yz::model::encode(*batch));
    YZ_ASSERT(again && *again == *batch);
  }
  (void)yz::model::decode_usage_batch(body);
  return 0;
}
