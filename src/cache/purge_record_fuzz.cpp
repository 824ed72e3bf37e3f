#include <cstddef>
#include <cstdint>
#include <string>

#include "cache/purge_record.h"

/// What the decoder accepts must be written back as the very bytes it called good.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace yz::cache;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto file = decode_purge_file(bytes);
  if (!file || file->good_size == 0) return 0;
  std::string again = encode_purge_header();
  for (const PurgeRecord& record : file->records) append_purge_record(again, record);
  YZ_ASSERT(again == bytes.substr(0, file->good_size));
  return 0;
}
