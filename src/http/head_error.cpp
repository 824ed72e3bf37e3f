#include "http/head_error.h"

namespace yz::http {

std::string_view rule(HeadError error) {
  switch (error) {
    case HeadError::kNone:
      return "no rule was broken";
    case HeadError::kRequestLine:
      return "a request line is method SP target SP version (RFC 9112 §3)";
    case HeadError::kRequestLineTooLong:
      return "the request line exceeds the limit";
    case HeadError::kMethod:
      return "a method is a token (RFC 9110 §9.1)";
    case HeadError::kTarget:
      return "the request target has none of the four forms (RFC 9112 §3.2)";
    case HeadError::kVersion:
      return "a version is HTTP/ digit . digit (RFC 9112 §2.3)";
    case HeadError::kVersionUnsupported:
      return "only HTTP/1.0 and HTTP/1.1 are spoken on this connection";
    case HeadError::kStatusLine:
      return "a status line is version SP 3 digits (100-599) SP reason (RFC 9112 §4)";
    case HeadError::kBareLineEnd:
      return "lines end in CRLF, never in CR or LF alone (RFC 9112 §2.2)";
    case HeadError::kFieldName:
      return "a field name is a token directly followed by a colon (RFC 9112 §5.1)";
    case HeadError::kFieldValue:
      return "a field value holds a byte that is not allowed (RFC 9110 §5.5)";
    case HeadError::kFieldFolded:
      return "line folding is obsolete and refused (RFC 9112 §5.2)";
    case HeadError::kFieldTooLong:
      return "a field line exceeds the limit";
    case HeadError::kTooManyFields:
      return "there are more field lines than the limit";
    case HeadError::kHeadTooLarge:
      return "the head exceeds the limit";
    case HeadError::kHostMissing:
      return "HTTP/1.1 requires a Host field (RFC 9112 §3.2)";
    case HeadError::kHostRepeated:
      return "there is exactly one Host field (RFC 9112 §3.2)";
    case HeadError::kHostInvalid:
      return "Host is a name or address with an optional port (RFC 9110 §7.2)";
    case HeadError::kHostMismatch:
      return "Host and the target's authority differ (RFC 9112 §3.2.2)";
    case HeadError::kContentLength:
      return "Content-Length is a plain decimal number below 2^63 (RFC 9110 §8.6)";
    case HeadError::kContentLengthRepeated:
      return "there is at most one Content-Length (RFC 9112 §6.3)";
    case HeadError::kTransferEncoding:
      return "Transfer-Encoding is exactly one field that ends in chunked (RFC 9112 §6.3)";
    case HeadError::kTransferCodingUnknown:
      return "chunked is the only transfer coding spoken here (RFC 9112 §6.1)";
    case HeadError::kTransferEncodingInHttp10:
      return "HTTP/1.0 has no Transfer-Encoding (RFC 9112 §6.1)";
    case HeadError::kLengthAndTransferEncoding:
      return "Content-Length and Transfer-Encoding exclude each other (RFC 9112 §6.3)";
    case HeadError::kExpectation:
      return "100-continue is the only expectation (RFC 9110 §10.1.1)";
  }
  return "";
}

StatusCode status_for(HeadError error) {
  switch (error) {
    case HeadError::kRequestLineTooLong:
      return 414;
    case HeadError::kExpectation:
      return 417;
    case HeadError::kFieldTooLong:
    case HeadError::kTooManyFields:
    case HeadError::kHeadTooLarge:
      return 431;
    case HeadError::kTransferCodingUnknown:
      return 501;
    case HeadError::kVersionUnsupported:
      return 505;
    default:
      return 400;
  }
}

}  // namespace yz::http
