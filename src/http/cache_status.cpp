#include "http/cache_status.h"

#include <iterator>

#include <fmt/format.h>

namespace yz::http {
std::string_view to_string(Forward forward) {
  switch (forward) {
    case Forward::kNone:
      return "";
    case Forward::kBypass:
      return "bypass";
    case Forward::kMethod:
      return "method";
    case Forward::kUriMiss:
      return "uri-miss";
    case Forward::kVaryMiss:
      return "vary-miss";
    case Forward::kMiss:
      return "miss";
    case Forward::kRequest:
      return "request";
    case Forward::kStale:
      return "stale";
    case Forward::kPartial:
      return "partial";
  }
  return "";
}

namespace {

constexpr std::size_t kUsualParameters = 64;  // what most write, so that the text grows once

template <typename Number>
void append_number(std::string& out, std::string_view label, Number value) {
  out.append(label).append(std::string_view(fmt::format_int(value).c_str()));
}

}  // namespace

void append_cache_status(std::string& out, std::string_view cache, const CacheStatus& status) {
  out.reserve(out.size() + cache.size() + kUsualParameters);
  out.append(cache);
  if (status.hit) out.append("; hit");
  if (!status.hit && status.forward != Forward::kNone) {
    out.append("; fwd=").append(to_string(status.forward));
    if (status.forward_status != 0) append_number(out, "; fwd-status=", status.forward_status);
    if (status.stored) out.append("; stored");
    if (status.collapsed) out.append("; collapsed");
  }
  if (status.ttl) append_number(out, "; ttl=", status.ttl->count());
  if (!status.detail.empty()) out.append("; detail=").append(status.detail);
}

}  // namespace yz::http
