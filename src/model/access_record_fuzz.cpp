// Records of an access log, a segment's head and a book of losses from untrusted bytes. Records are given their
// checksums here, because a fuzzer cannot guess them.
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "model/access_record.h"
#include "model/access_spool.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace model = yz::model;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)model::parse_segment_name(bytes.substr(0, 64));
  if (const auto head = model::decode_segment_head(bytes.substr(0, model::kSegmentHead))) {
    YZ_ASSERT(model::decode_segment_head(model::encode(*head)) == *head);
  }
  (void)model::decode_losses(bytes);

  std::string record(bytes);
  if (record.size() >= 8 && record.size() <= model::kMaxAccessRecord) {
    const auto length = static_cast<std::uint32_t>(record.size());
    std::memcpy(record.data(), &length, sizeof length);
    const auto sum = static_cast<std::uint32_t>(yz::hash64(std::string_view(record).substr(8)));
    std::memcpy(record.data() + 4, &sum, sizeof sum);
  }
  model::AccessRecordReader reader(record);
  while (const auto read = reader.next()) {
    std::string again(model::kMaxAccessRecord, '\0');
    again.resize(model::encode(*read, again));
    YZ_ASSERT(!again.empty());
    std::string line;
    std::string second;
    model::append_line(line, *read, {});
    model::append_line(second, *model::AccessRecordReader(again).next(), {});
    YZ_ASSERT(line == second && line.find('\n') == line.size() - 1);
  }
  return 0;
}
