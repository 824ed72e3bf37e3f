#include "http/cdn_loop.h"

#include "base/text.h"

namespace yz::http {

std::size_t count_in_loop(Fields request, std::string_view cdn_id) {
  std::size_t count = 0;
  for_each_element(request, FieldId::kCdnLoop, [&](std::string_view element) {
    const std::string_view id = trim(element.substr(0, element.find(';')));
    if (equals_ignoring_case(id, cdn_id)) ++count;
  });
  return count;
}

std::string via_value(Fields message, Version received, std::string_view pseudonym) {
  std::string value = message.has(FieldId::kVia) ? message.combined(name_of(FieldId::kVia)) + ", " : std::string();
  value += received == Version::kHttp10 ? "1.0 " : received == Version::kHttp2 ? "2 " : "1.1 ";
  value += pseudonym;
  return value;
}

void add_loop_and_via(HeaderMap& request, std::string_view cdn_id, Version received, std::string_view pseudonym) {
  if (request.has(FieldId::kCdnLoop)) {
    // Before the others: behind a quote that somebody left open it would be part of a string, and never seen again.
    std::string loop(cdn_id);
    const std::string others = request.fields().combined(name_of(FieldId::kCdnLoop));
    if (!others.empty()) loop.append(", ").append(others);
    request.set(FieldId::kCdnLoop, loop);
  } else {
    request.add(FieldId::kCdnLoop, cdn_id);
  }
  const std::string via = via_value(request.fields(), received, pseudonym);
  if (request.has(FieldId::kVia)) return request.set(FieldId::kVia, via);
  request.add(FieldId::kVia, via);
}

}  // namespace yz::http
