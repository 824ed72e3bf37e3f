#include <string>

#include "base/result.h"
#include "http/chunked.h"

namespace {

struct Outcome {
  yz::http::ChunkedDecoder::State state = yz::http::ChunkedDecoder::State::kMore;
  std::size_t consumed = 0;
  std::string data;
};

Outcome decode(std::string_view input, std::size_t piece) {
  yz::http::ChunkedDecoder decoder;
  Outcome out;
  while (out.consumed < input.size() && out.state == yz::http::ChunkedDecoder::State::kMore) {
    const auto step = decoder.decode(input.substr(out.consumed, piece));
    YZ_ASSERT(step.consumed > 0 || step.state != yz::http::ChunkedDecoder::State::kMore);
    out.consumed += step.consumed;
    out.data += step.data;
    out.state = step.state;
  }
  return out;
}

}  // namespace

/// However the input is cut, the outcome is the same.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  const Outcome whole = decode(input, input.size());
  const Outcome cut = decode(input, 1 + data[0] % 16);
  YZ_ASSERT(whole.state == cut.state && whole.consumed == cut.consumed && whole.data == cut.data);
  return 0;
}
