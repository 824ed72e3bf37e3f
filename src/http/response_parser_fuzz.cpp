#include <string>

#include "base/result.h"
#include "http/response_parser.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace yz::http;
  if (size == 0) return 0;
  const auto method = static_cast<Method>(data[0] % 10);
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  static ResponseHead head;
  ResponseParser parser({.unknown_coding = data[0] & 64 ? ResponseRules::UnknownCoding::kReadUntilClose
                                                        : ResponseRules::UnknownCoding::kRefuse});
  const auto progress = parser.parse(bytes, method, head);
  if (progress.state == Progress::kComplete) {
    YZ_ASSERT(progress.consumed <= bytes.size());
    YZ_ASSERT(head.status >= 100 && head.status <= 599);
    if (method == Method::kHead) YZ_ASSERT(head.framing == Framing::kNone);
  }
  return 0;
}
