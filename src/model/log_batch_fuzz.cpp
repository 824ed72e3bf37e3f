// Log batches from untrusted bytes: the input is a head's body, framed here because a fuzzer cannot guess a CRC.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/hash.h"
#include "model/log_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  std::string bytes = "YZLB";
  yz::ByteWriter writer(bytes);
  writer.u16(1), writer.u16(0), writer.u32(static_cast<std::uint32_t>(body.size()));
  writer.u32(yz::crc32c(body, yz::crc32c(bytes)));
  writer.raw(body);
  if (const auto batch = yz::model::decode_log_batch_head(bytes)) {
    std::uint64_t frames = 0;
    for (const auto& slice : batch->head.slices) frames += slice.size;
    if (frames < 1 << 20) {
      const auto again = yz::model::decode_log_batch(yz::model::encode(batch->head, std::string(frames, 'f')));
      YZ_ASSERT(again && again->head == batch->head);
    }
  }
  (void)yz::model::decode_log_batch(body);
  return 0;
}
