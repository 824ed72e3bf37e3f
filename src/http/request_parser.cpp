#include "http/request_parser.h"

#include <algorithm>

#include "base/text.h"
#include "http/authority.h"
#include "http/field_block.h"
#include "http/scan.h"

namespace yz::http {
namespace {

constexpr std::size_t kLongestMethod = 32;

HeadError split_path(std::string_view text, RequestHead& head) {
  if (!text.starts_with('/')) return HeadError::kTarget;
  const auto question = text.find('?');
  head.path = text.substr(0, question);
  head.has_query = question != std::string_view::npos;
  head.query = head.has_query ? text.substr(question + 1) : std::string_view();
  return HeadError::kNone;
}

/// RFC 9112 §3.2.2. The authority goes to host and port; Host is compared with it later.
HeadError parse_absolute(RequestHead& head) {
  head.form = TargetForm::kAbsolute;
  const auto colon = head.target.find("://");
  if (colon == std::string_view::npos) return HeadError::kTarget;
  head.scheme = head.target.substr(0, colon);
  if (default_port(head.scheme) == 0) return HeadError::kTarget;
  const std::string_view rest = head.target.substr(colon + 3);
  const auto end = std::min(rest.find_first_of("/?"), rest.size());
  const auto authority = parse_authority(rest.substr(0, end));
  if (!authority) return HeadError::kTarget;
  head.host = authority->host;
  head.port = authority->port;
  if (end < rest.size()) return split_path(rest.substr(end), head);
  head.path = head.method == Method::kOptions ? "*" : "/";
  return HeadError::kNone;
}

HeadError parse_target(RequestHead& head) {
  head.scheme = head.host = head.path = head.query = {};
  head.port = 0;
  head.has_query = false;
  if (head.method == Method::kConnect) {
    head.form = TargetForm::kAuthority;
    const auto authority = parse_authority(head.target);
    if (!authority || authority->port == 0) return HeadError::kTarget;
    head.host = authority->host;
    head.port = authority->port;
    return HeadError::kNone;
  }
  if (head.target.starts_with('/')) {
    head.form = TargetForm::kOrigin;
    return split_path(head.target, head);
  }
  if (head.target == "*" && head.method == Method::kOptions) {
    head.form = TargetForm::kAsterisk;
    head.path = head.target;
    return HeadError::kNone;
  }
  return parse_absolute(head);
}

/// method SP target SP version CRLF (RFC 9112 §3), single spaces.
HeadProgress parse_request_line(std::string_view bytes, std::size_t at, const HeadLimits& limits, RequestHead& head) {
  const auto waits = [&] {
    return bytes.size() - at > limits.start_line ? bad(HeadError::kRequestLineTooLong) : incomplete();
  };
  std::size_t end = at;
  while (end < bytes.size() && is_token_char(bytes[end])) ++end;
  if (end - at > kLongestMethod) return bad(HeadError::kMethod);
  if (end == bytes.size()) return waits();
  if (bytes[end] == '\n') return bad(HeadError::kBareLineEnd);
  if (end == at) return bad(HeadError::kMethod);
  if (bytes[end] != ' ') return bad(HeadError::kRequestLine);
  head.method_text = bytes.substr(at, end - at);
  head.method = parse_method(head.method_text);

  const std::size_t target = end + 1;
  const std::size_t target_end = find_target_end(bytes, target);
  if (target_end == bytes.size()) return waits();
  if (target_end - at > limits.start_line) return bad(HeadError::kRequestLineTooLong);
  if (bytes[target_end] != ' ') {
    // "GET /\r\n" is HTTP/0.9, which has no version at all.
    return bad(bytes[target_end] == '\n'   ? HeadError::kBareLineEnd
               : bytes[target_end] == '\r' ? HeadError::kRequestLine
                                           : HeadError::kTarget);
  }
  if (target_end == target) return bad(HeadError::kRequestLine);
  head.target = bytes.substr(target, target_end - target);

  const HeadProgress version = parse_version(bytes, target_end + 1, head.version);
  if (version.state != Progress::kComplete) return version;
  const std::size_t line_end = version.consumed;
  if (line_end == bytes.size()) return incomplete();
  if (bytes[line_end] == '\n') return bad(HeadError::kBareLineEnd);
  if (bytes[line_end] != '\r') return bad(HeadError::kVersion);
  if (line_end + 1 == bytes.size()) return incomplete();
  if (bytes[line_end + 1] != '\n') return bad(HeadError::kBareLineEnd);
  if (line_end - at > limits.start_line) return bad(HeadError::kRequestLineTooLong);
  if (const HeadError error = parse_target(head); error != HeadError::kNone) return bad(error);
  return {Progress::kComplete, HeadError::kNone, line_end + 2};
}

/// One Host, valid, equal to the authority of the target (RFC 9112 §3.2).
HeadError check_host(RequestHead& head) {
  const Field* host = head.fields.find(FieldId::kHost);
  if (host == nullptr) {
    return head.version == Version::kHttp11 ? HeadError::kHostMissing : HeadError::kNone;
  }
  if (head.fields.all().count(FieldId::kHost) > 1) return HeadError::kHostRepeated;
  const auto authority = parse_authority(host->value);
  if (!authority) return HeadError::kHostInvalid;
  if (head.form == TargetForm::kAbsolute || head.form == TargetForm::kAuthority) {
    const Authority target{head.host, head.port};
    const bool same = head.form == TargetForm::kAuthority && authority->port == 0
                          ? equals_ignoring_case(target.host, authority->host)
                          : same_authority(target, *authority, head.scheme);
    return same ? HeadError::kNone : HeadError::kHostMismatch;
  }
  head.host = authority->host;
  head.port = authority->port;
  return HeadError::kNone;
}

/// RFC 9112 §6.3; a request never reads until close.
HeadError check_body(RequestHead& head) {
  head.framing = Framing::kNone;
  head.content_length = 0;
  const BodyFields body = read_body_fields(head.fields);
  if (body.error != HeadError::kNone) return body.error;
  if (body.has_coding) {
    if (head.version == Version::kHttp10) return HeadError::kTransferEncodingInHttp10;
    if (body.has_length) return HeadError::kLengthAndTransferEncoding;
    if (!body.chunked) {
      const std::string_view value = head.fields.find(FieldId::kTransferEncoding)->value;
      const bool single = is_token(value);
      return single && !equals_ignoring_case(value, "identity") ? HeadError::kTransferCodingUnknown
                                                                : HeadError::kTransferEncoding;
    }
    head.framing = Framing::kChunked;
  } else if (body.has_length && body.length > 0) {
    head.framing = Framing::kLength;
    head.content_length = body.length;
  }
  return HeadError::kNone;
}

HeadError check_expect(RequestHead& head) {
  head.expects_continue = false;
  const Field* expect = head.fields.find(FieldId::kExpect);
  if (expect == nullptr || head.version == Version::kHttp10) return HeadError::kNone;
  if (!equals_ignoring_case(expect->value, "100-continue")) return HeadError::kExpectation;
  head.expects_continue = true;
  return HeadError::kNone;
}

HeadProgress parse_whole(std::string_view bytes, const RequestRules& rules, RequestHead& head) {
  std::size_t at = 0;
  if (bytes.starts_with("\r\n")) at = 2;
  if (at == bytes.size() || bytes == "\r") return incomplete();
  const HeadProgress line = parse_request_line(bytes, at, rules.limits, head);
  if (line.state != Progress::kComplete) return line;
  head.fields.clear();
  const HeadProgress block = parse_field_block(bytes, line.consumed, rules.limits, rules.allow_obs_text, head.fields);
  if (block.state != Progress::kComplete) return block;
  for (const auto check : {check_host, check_body, check_expect}) {
    if (const HeadError error = check(head); error != HeadError::kNone) return bad(error);
  }
  head.keep_alive = wants_keep_alive(head.fields, head.version);
  return block;
}

}  // namespace

HeadProgress RequestParser::parse(std::string_view bytes, RequestHead& head) {
  if (searched_ > 0 && bytes.size() <= rules_.limits.head &&
      !holds_empty_line(bytes, searched_ > 2 ? searched_ - 2 : 0)) {
    searched_ = bytes.size();
    return incomplete();
  }
  HeadProgress progress = parse_whole(bytes, rules_, head);
  if (progress.state == Progress::kIncomplete && bytes.size() > rules_.limits.head) {
    progress = bad(HeadError::kHeadTooLarge);
  }
  searched_ = progress.state == Progress::kIncomplete ? bytes.size() : 0;
  return progress;
}

}  // namespace yz::http
