#include <chrono>
#include <string>

#include "http/conditional.h"
#include "http/freshness.h"
#include "http/invalidation.h"
#include "http/range.h"
#include "http/response_parser.h"
#include "http/storability.h"
#include "http/validation.h"
#include "http/vary.h"

/// Feeds one head, as both request and response, to every rule: none may crash, read out of bounds or loop.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace yz::http;
  static ResponseHead head;
  const std::string bytes = "HTTP/1.1 200 OK\r\n" + std::string(reinterpret_cast<const char*>(data), size) + "\r\n\r\n";
  ResponseParser parser;
  if (parser.parse(bytes, Method::kGet, head).state != Progress::kComplete) return 0;
  const Fields fields = head.fields;
  const yz::WallTime now{std::chrono::seconds(1'700'000'000)};
  const auto directives = response_directives(fields);
  const auto policy = stored_policy(200, fields, directives, now, now);
  (void)decide_reuse(policy, request_directives(fields), Profile::kRfc, now);
  (void)may_serve_on_error(policy, seconds(10), now);
  (void)decide_storability(Method::kGet, fields, 200, fields, directives,
                           freshness_lifetime(200, fields, directives, now), Profile::kRfc);
  (void)evaluate_preconditions(Method::kGet, fields, fields, now);
  (void)range_condition_holds(fields, fields, now);
  std::string scratch;
  (void)variant_key(varying_fields(fields), fields, scratch);
  (void)merge_fields(fields, fields);
  (void)invalidated_targets("http", "a.com", "/x/y?z", fields);
  if (const auto range = fields.value(FieldId::kRange)) (void)RangeSet::parse(*range, 1000);
  return 0;
}
