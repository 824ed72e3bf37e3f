// What an authority answers: every reader takes any bytes, and what it says of them is text that JSON can carry.
#include <cstdint>
#include <string_view>

#include "acme/certificate_request.h"
#include "acme/messages.h"
#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace yz;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)acme::read_directory(text);
  if (const auto order = acme::read_order(text); order && order->problem) YZ_ASSERT(is_utf8(order->problem->text()));
  (void)acme::read_authorization(text);
  (void)acme::read_renewal_info(text);
  YZ_ASSERT(is_utf8(acme::read_problem(400, text).text()));
  (void)acme::read_retry_after(text, WallTime(std::chrono::seconds(1'700'000'000)));
  (void)acme::links_of(text, "alternate");
  (void)acme::read_leaf(text);
  return 0;
}
