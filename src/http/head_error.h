#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/status.h"

namespace yz::http {

/// Why a head was refused. Each value is one rule; `rule()` names it.
enum class HeadError : std::uint8_t {
  kNone,
  kRequestLine,
  kRequestLineTooLong,
  kMethod,
  kTarget,
  kVersion,
  kVersionUnsupported,
  kStatusLine,
  kBareLineEnd,
  kFieldName,
  kFieldValue,
  kFieldFolded,
  kFieldTooLong,
  kTooManyFields,
  kHeadTooLarge,
  kHostMissing,
  kHostRepeated,
  kHostInvalid,
  kHostMismatch,
  kContentLength,
  kContentLengthRepeated,
  kTransferEncoding,
  kTransferCodingUnknown,
  kTransferEncodingInHttp10,
  kLengthAndTransferEncoding,
  kExpectation,
};

/// The rule that was broken, with its section, as one sentence for people.
[[nodiscard]] std::string_view rule(HeadError error);
/// What to answer a client whose request broke it: 400, 414, 417, 431, 501 or 505. The connection is closed after it.
[[nodiscard]] StatusCode status_for(HeadError error);

/// Bounds of a head (bytes, lines). Never above FieldList::kCapacity lines.
struct HeadLimits {
  std::size_t start_line = 8 * 1024;
  std::size_t field_line = 16 * 1024;
  std::size_t head = 64 * 1024;
  std::size_t fields = 128;
};

/// Where a parser stands after being shown the bytes so far.
enum class Progress : std::uint8_t { kComplete, kIncomplete, kBad };

struct HeadProgress {
  Progress state = Progress::kIncomplete;
  HeadError error = HeadError::kNone;  ///< with kBad
  std::size_t consumed = 0;            ///< with kComplete: bytes of the head; the body begins there
};

}  // namespace yz::http
