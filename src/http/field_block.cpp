#include "http/field_block.h"

#include "base/text.h"
#include "http/scan.h"

namespace yz::http {
namespace {

constexpr bool is_space(char c) { return c == ' ' || c == '\t'; }

/// A line that is not all there yet: too long already, or worth waiting for.
HeadProgress wait_for_line(std::size_t line_bytes, const HeadLimits& limits) {
  return line_bytes > limits.field_line ? bad(HeadError::kFieldTooLong) : incomplete();
}

/// The line end at `at`: kComplete with the index after CRLF.
HeadProgress parse_line_end(std::string_view bytes, std::size_t at, HeadError otherwise) {
  if (at == bytes.size()) return incomplete();
  if (bytes[at] == '\n') return bad(HeadError::kBareLineEnd);
  if (bytes[at] != '\r') return bad(otherwise);
  if (at + 1 == bytes.size()) return incomplete();
  if (bytes[at + 1] != '\n') return bad(HeadError::kBareLineEnd);
  return {Progress::kComplete, HeadError::kNone, at + 2};
}

HeadProgress parse_field(std::string_view bytes, std::size_t at, const HeadLimits& limits, bool allow_obs_text,
                         FieldList& fields) {
  if (is_space(bytes[at])) return bad(HeadError::kFieldFolded);
  std::size_t colon = at;
  while (colon < bytes.size() && is_token_char(bytes[colon])) ++colon;
  if (colon == bytes.size()) return wait_for_line(colon - at, limits);
  if (bytes[colon] != ':' || colon == at) return bad(HeadError::kFieldName);

  std::size_t first = colon + 1;
  while (first < bytes.size() && is_space(bytes[first])) ++first;
  const std::size_t stop = find_value_end(bytes, first, allow_obs_text);
  const HeadProgress end = parse_line_end(bytes, stop, HeadError::kFieldValue);
  if (end.state == Progress::kIncomplete) return wait_for_line(bytes.size() - at, limits);
  if (end.state == Progress::kBad) return end;
  if (stop - at > limits.field_line) return bad(HeadError::kFieldTooLong);

  std::size_t last = stop;
  while (last > first && is_space(bytes[last - 1])) --last;
  const std::string_view name = bytes.substr(at, colon - at);
  if (fields.size() >= limits.fields || !fields.add({name, bytes.substr(first, last - first), find_field_id(name)})) {
    return bad(HeadError::kTooManyFields);
  }
  return end;
}

}  // namespace

HeadProgress parse_field_block(std::string_view bytes, std::size_t at, const HeadLimits& limits, bool allow_obs_text,
                               FieldList& fields) {
  for (;;) {
    if (at == bytes.size()) return incomplete();
    const bool ends = bytes[at] == '\r' || bytes[at] == '\n';
    const HeadProgress step = ends ? parse_line_end(bytes, at, HeadError::kBareLineEnd)
                                   : parse_field(bytes, at, limits, allow_obs_text, fields);
    if (step.state != Progress::kComplete) return step;
    if (step.consumed > limits.head) return bad(HeadError::kHeadTooLarge);
    if (ends) return step;
    at = step.consumed;
  }
}

BodyFields read_body_fields(const FieldList& fields) {
  BodyFields body;
  for (const Field& field : fields) {
    if (field.id == FieldId::kContentLength) {
      if (body.has_length) return {.error = HeadError::kContentLengthRepeated};
      const auto length = parse_u64(field.value);
      // A leading zero is legal, but "010" is octal to some; only "0" itself is taken.
      const bool plain = field.value.size() == 1 || !field.value.starts_with('0');
      if (!length || *length > INT64_MAX || !plain) return {.error = HeadError::kContentLength};
      body.has_length = true;
      body.length = *length;
    } else if (field.id == FieldId::kTransferEncoding) {
      if (body.has_coding) return {.error = HeadError::kTransferEncoding};
      body.has_coding = true;
      body.chunked = equals_ignoring_case(field.value, "chunked");
    }
  }
  return body;
}

bool wants_keep_alive(const FieldList& fields, Version version) {
  if (!fields.has(FieldId::kConnection)) return version == Version::kHttp11;
  if (lists_token(fields, FieldId::kConnection, "close")) return false;
  return version == Version::kHttp11 || lists_token(fields, FieldId::kConnection, "keep-alive");
}

HeadProgress parse_version(std::string_view bytes, std::size_t at, Version& version) {
  constexpr std::string_view kName = "HTTP/";
  const std::string_view rest = bytes.substr(at);
  if (rest.size() < kName.size() + 3) {
    const std::size_t known = std::min(rest.size(), kName.size());
    return rest.substr(0, known) == kName.substr(0, known) ? incomplete() : bad(HeadError::kVersion);
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!rest.starts_with(kName) || !is_digit(rest[5]) || rest[6] != '.' || !is_digit(rest[7])) {
    return bad(HeadError::kVersion);
  }
  if (rest[5] != '1') return bad(HeadError::kVersionUnsupported);
  version = rest[7] == '0' ? Version::kHttp10 : Version::kHttp11;
  return {Progress::kComplete, HeadError::kNone, at + 8};
}

}  // namespace yz::http
