// What an identity provider answers: every reader takes any bytes. The first line is a token, the rest a key set and
// whatever else; a token is believed only when the key set has its key.
#include <cstdint>
#include <string_view>

#include "base/text.h"
#include "oidc/id_token.h"
#include "oidc/messages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace yz;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  const std::string_view token = text.substr(0, line);
  const std::string_view rest = line == std::string_view::npos ? text : text.substr(line + 1);

  const oidc::Expectation expected{"https://id.test", "yizhan", "the nonce"};
  const WallTime now(std::chrono::seconds(1'700'000'000));
  const auto keys = oidc::KeySet::read(rest);
  if (keys) YZ_ASSERT(keys->size() <= oidc::KeySet::kMaxKeys);
  if (const auto person = oidc::verify(token, keys.value_or(oidc::KeySet()), expected, now)) {
    YZ_ASSERT(keys && keys->size() > 0 && !person->subject.empty() && is_utf8(person->subject));
  }
  if (const auto metadata = oidc::read_metadata(rest, expected.issuer)) {
    YZ_ASSERT(metadata->token_endpoint.starts_with("https://"));
  }
  (void)oidc::read_token_answer(rest);
  (void)oidc::add_userinfo({"248289761001"}, rest, "email");
  YZ_ASSERT(oidc::read_refusal(rest).size() <= 64);
  return 0;
}
