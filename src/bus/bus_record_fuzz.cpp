// Whatever a segment file holds, reading it ends, stays inside it, and what decodes encodes back to the same bytes.

#include <cstdint>
#include <string>

#include "bus/record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto first = yz::bus::decode_segment_header(bytes)) {
    YZ_ASSERT(yz::bus::encode_segment_header(*first) == bytes.substr(0, yz::bus::kSegmentHeaderSize));
    bytes.remove_prefix(yz::bus::kSegmentHeaderSize);
  }
  for (;;) {
    const auto record = yz::bus::decode_record(bytes);
    if (!record || !*record) return 0;
    std::string again;
    yz::bus::append_record(again, (*record)->offset, (*record)->at, (*record)->bytes);
    YZ_ASSERT(again == bytes.substr(0, (*record)->size));
    bytes.remove_prefix((*record)->size);
  }
}
