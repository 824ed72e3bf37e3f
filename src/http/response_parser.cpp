#include "http/response_parser.h"

#include "base/text.h"
#include "http/field_block.h"
#include "http/scan.h"

namespace yz::http {
namespace {

/// version SP 3DIGIT SP [reason] CRLF (RFC 9112 §4). The space after the status may be missing when the reason is.
HeadProgress parse_status_line(std::string_view bytes, const ResponseRules& rules, ResponseHead& head) {
  const auto waits = [&] {
    return bytes.size() > rules.limits.start_line ? bad(HeadError::kStatusLine) : incomplete();
  };
  const HeadProgress version = parse_version(bytes, 0, head.version);
  if (version.state != Progress::kComplete) return version;
  const std::size_t at = version.consumed;
  if (bytes.size() < at + 5) return waits();
  if (bytes[at] != ' ') return bad(HeadError::kStatusLine);
  const auto status = parse_u32(bytes.substr(at + 1, 3));
  if (!status || *status < 100 || *status > 599) return bad(HeadError::kStatusLine);
  head.status = static_cast<StatusCode>(*status);

  std::size_t reason = at + 4;
  if (bytes[reason] == ' ') {
    ++reason;
  } else if (bytes[reason] != '\r') {
    return bad(bytes[reason] == '\n' ? HeadError::kBareLineEnd : HeadError::kStatusLine);
  }
  const std::size_t end = find_value_end(bytes, reason, rules.allow_obs_text);
  if (end == bytes.size()) return waits();
  if (bytes[end] != '\r') return bad(bytes[end] == '\n' ? HeadError::kBareLineEnd : HeadError::kStatusLine);
  if (end + 1 == bytes.size()) return incomplete();
  if (bytes[end + 1] != '\n') return bad(HeadError::kBareLineEnd);
  if (end > rules.limits.start_line) return bad(HeadError::kStatusLine);
  head.reason = bytes.substr(reason, end - reason);
  return {Progress::kComplete, HeadError::kNone, end + 2};
}

/// RFC 9112 §6.3, in its order.
HeadError decide_framing(ResponseHead& head, Method request, const ResponseRules& rules) {
  head.framing = Framing::kNone;
  head.content_length = 0;
  const BodyFields body = read_body_fields(head.fields);
  if (body.error != HeadError::kNone) return body.error;
  head.content_length = body.length;
  if (request == Method::kHead || forbids_body(head.status)) return HeadError::kNone;
  if (request == Method::kConnect && is_success(head.status)) return HeadError::kNone;
  if (body.has_coding) {
    if (head.version == Version::kHttp10) head.keep_alive = false;
    if (body.has_length) head.keep_alive = false;
    head.content_length = 0;
    if (body.chunked) {
      head.framing = Framing::kChunked;
      return HeadError::kNone;
    }
    if (rules.unknown_coding == ResponseRules::UnknownCoding::kRefuse) return HeadError::kTransferCodingUnknown;
    head.framing = Framing::kUntilClose;
    head.keep_alive = false;
    return HeadError::kNone;
  }
  if (body.has_length) {
    head.framing = body.length > 0 ? Framing::kLength : Framing::kNone;
    return HeadError::kNone;
  }
  head.framing = Framing::kUntilClose;
  head.keep_alive = false;
  return HeadError::kNone;
}

HeadProgress parse_whole(std::string_view bytes, const ResponseRules& rules, Method request, ResponseHead& head) {
  const HeadProgress line = parse_status_line(bytes, rules, head);
  if (line.state != Progress::kComplete) return line;
  head.fields.clear();
  const HeadProgress block = parse_field_block(bytes, line.consumed, rules.limits, rules.allow_obs_text, head.fields);
  if (block.state != Progress::kComplete) return block;
  head.keep_alive = wants_keep_alive(head.fields, head.version);
  if (const HeadError error = decide_framing(head, request, rules); error != HeadError::kNone) return bad(error);
  return block;
}

}  // namespace

HeadProgress ResponseParser::parse(std::string_view bytes, Method request, ResponseHead& head) {
  if (searched_ > 0 && bytes.size() <= rules_.limits.head &&
      !holds_empty_line(bytes, searched_ > 2 ? searched_ - 2 : 0)) {
    searched_ = bytes.size();
    return incomplete();
  }
  HeadProgress progress = parse_whole(bytes, rules_, request, head);
  if (progress.state == Progress::kIncomplete && bytes.size() > rules_.limits.head) {
    progress = bad(HeadError::kHeadTooLarge);
  }
  searched_ = progress.state == Progress::kIncomplete ? bytes.size() : 0;
  return progress;
}

}  // namespace yz::http
