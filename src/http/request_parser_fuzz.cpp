#include <string>

#include "base/result.h"
#include "http/request_parser.h"

/// A head parsed at once and one parsed in growing prefixes must agree, and views must lie inside the input.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace yz::http;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static RequestHead whole;
  static RequestHead grown;
  RequestParser at_once;
  const auto first = at_once.parse(bytes, whole);
  RequestParser growing;
  HeadProgress second;
  const std::size_t step = size > 512 ? 61 : 1;
  for (std::size_t n = step; second.state == Progress::kIncomplete; n += step) {
    second = growing.parse(bytes.substr(0, std::min(n, size)), grown);
    if (n >= size) break;
  }
  if (first.state == Progress::kComplete) {
    YZ_ASSERT(second.state == Progress::kComplete && second.consumed == first.consumed);
    YZ_ASSERT(whole.fields.size() == grown.fields.size());
    for (const Field& field : whole.fields) {
      YZ_ASSERT(field.name.data() >= bytes.data() && field.value.data() + field.value.size() <= bytes.data() + size);
    }
    YZ_ASSERT(whole.framing != Framing::kUntilClose);
  }
  return 0;
}
