#include "edge/upstream/failure.h"

#include <algorithm>

#include "net/http_client.h"

namespace yz::edge {
namespace {

/// Calls `look(segment)` for each of the contexts of "a: b: c" until one returns true.
template <typename Look>
bool any_context(std::string_view message, Look&& look) {
  while (true) {
    const auto end = message.find(": ");
    if (look(message.substr(0, end))) return true;
    if (end == std::string_view::npos) return false;
    message.remove_prefix(end + 2);
  }
}

}  // namespace

std::string_view reason_of(const Error& error) {
  std::string_view found = "failed";
  any_context(error.message, [&](std::string_view context) {
    const auto* at = std::find(kFailureReasons.begin(), kFailureReasons.end(), context);
    if (at == kFailureReasons.end()) return false;
    found = *at;
    return true;
  });
  return found;
}

Error with_reason(Error error, std::string_view reason) {
  if (reason_of(error) != "failed") return error;
  return std::move(error).with_context(reason);
}

Error classified(Error error) {
  const bool was_connecting = any_context(error.message, [](std::string_view c) { return c == net::kConnecting; });
  const bool was_shaking = any_context(error.message, [](std::string_view c) { return c == "TLS handshake"; });
  if (was_shaking && error.code != Code::kTimeout) return with_reason(std::move(error), "tls-handshake");
  switch (error.code) {
    case Code::kTimeout:
      return with_reason(std::move(error), was_connecting ? "connect-timeout" : "timeout");
    case Code::kUnavailable:
      return with_reason(std::move(error), was_connecting ? "connect-refused" : "closed");
    case Code::kInvalid:
      return with_reason(std::move(error), was_connecting ? "tls-handshake" : "invalid");
    case Code::kPermission:
      return with_reason(std::move(error), "tls-refused");
    default:
      return error;
  }
}

bool is_unsent(const Error& error) {
  const std::string_view reason = reason_of(error);
  return !was_asked(error) || reason == "dns" || reason.starts_with("connect-") || reason.starts_with("tls-");
}

bool was_asked(const Error& error) {
  const std::string_view reason = reason_of(error);
  return reason != "out" && !reason.starts_with("queue-");
}

http::StatusCode status_for(const Error& error) {
  if (error.fault == Fault::kClient) return 400;
  if (error.fault == Fault::kSelf || !was_asked(error)) return 503;
  return error.code == Code::kTimeout ? 504 : 502;
}

}  // namespace yz::edge
