#include "edge/upstream/signing.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/hash.h"
#include "base/text.h"
#include "http/date.h"

namespace yz::edge {
namespace {

constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";
constexpr std::string_view kAwsService = "s3";
constexpr std::string_view kAmzPrefix = "x-amz-";
constexpr std::string_view kAmzContent = "x-amz-content-sha256";
constexpr std::string_view kAmzDate = "x-amz-date";

/// "20130524T000000Z".
std::string basic_date(WallTime now) {
  std::string text = format_rfc3339(std::chrono::floor<std::chrono::seconds>(now)).substr(0, 19);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text + "Z";
}

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// The text with percent-encoding made uniform: unreserved letters plain, all others encoded in capitals, '/' as asked.
std::string recoded(std::string_view text, bool keeps_slash) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      c = static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else if (c == '/' && keeps_slash) {
      out.push_back(c);
      continue;
    }
    if (is_unreserved(c)) {
      out.push_back(c);
    } else {
      fmt::format_to(std::back_inserter(out), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

struct Target {
  std::string_view path;
  std::string_view query;
};
Target split_target(std::string_view target) {
  const auto mark = target.find('?');
  if (mark == std::string_view::npos) return {target, {}};
  return {target.substr(0, mark), target.substr(mark + 1)};
}

/// The query's parameters as they stand, name and value.
std::vector<std::pair<std::string_view, std::string_view>> parameters(std::string_view query) {
  std::vector<std::pair<std::string_view, std::string_view>> out;
  if (query.empty()) return out;
  for (const std::string_view one : split(query, '&')) {
    const auto equals = one.find('=');
    if (one.empty()) continue;
    out.emplace_back(one.substr(0, equals),
                     equals == std::string_view::npos ? std::string_view() : one.substr(equals + 1));
  }
  return out;
}

std::string canonical_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> coded;
  for (const auto& [name, value] : parameters(query)) coded.emplace_back(recoded(name, false), recoded(value, false));
  std::sort(coded.begin(), coded.end());
  std::string out;
  for (const auto& [name, value] : coded) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

/// The fields whose names begin with `prefix`, by their names in lower case.
std::map<std::string, std::string> fields_of(const net::ClientRequest& request, std::string_view prefix) {
  std::map<std::string, std::string> out;
  for (const http::Field& field : request.headers) {
    std::string name = to_lower(field.name);
    if (name.starts_with(prefix)) out[std::move(name)] = field.value;
  }
  return out;
}

/// The names of the fields that are signed, as they stand in the signature.
std::string aws_signed_names(const net::ClientRequest& request) {
  std::string names = "host";
  for (const auto& [name, value] : fields_of(request, kAmzPrefix)) names.append(";").append(name);
  return names;
}

void sign_for_aws(net::ClientRequest& request, const model::OriginGroup& group, WallTime now) {
  const std::string date = basic_date(now);
  const std::string day = date.substr(0, 8);
  request.headers.set(kAmzDate, date);
  request.headers.set(kAmzContent, kUnsignedPayload);
  const std::string canonical = aws_canonical_request(request);
  const std::string scope = fmt::format("{}/{}/{}/aws4_request", day, group.auth_region, kAwsService);
  const std::string to_sign = fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", date, scope, to_hex(sha256(canonical)));
  std::string key = hmac_sha256("AWS4" + group.auth_secret, day);
  for (const std::string_view part :
       {std::string_view(group.auth_region), kAwsService, std::string_view("aws4_request")}) {
    key = hmac_sha256(key, part);
  }
  request.headers.set("Authorization",
                      fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}", group.auth_key,
                                  scope, aws_signed_names(request), to_hex(hmac_sha256(key, to_sign))));
}

std::string hmac_sha1_base64(std::string_view key, std::string_view data) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(data.data()),
       data.size(), digest.data(), &size);
  std::array<unsigned char, EVP_MAX_MD_SIZE * 2> text{};
  const int length = EVP_EncodeBlock(text.data(), digest.data(), static_cast<int>(size));
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(length)};
}

void sign_for_oss(net::ClientRequest& request, const model::OriginGroup& group, WallTime now) {
  const std::string date(http::DateText(std::chrono::floor<std::chrono::seconds>(now)).text());
  request.headers.set("Date", date);
  const std::string bucket =
      group.auth_bucket.empty() ? request.host.substr(0, request.host.find('.')) : group.auth_bucket;
  const std::string to_sign = oss_string_to_sign(request, date, bucket);
  request.headers.set("Authorization",
                      fmt::format("OSS {}:{}", group.auth_key, hmac_sha1_base64(group.auth_secret, to_sign)));
}

}  // namespace

std::string aws_canonical_request(const net::ClientRequest& request) {
  const Target target = split_target(request.target);
  std::string fields = fmt::format("host:{}\n", request.host);
  for (const auto& [name, value] : fields_of(request, kAmzPrefix)) fields += fmt::format("{}:{}\n", name, value);
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, recoded(target.path, true),
                     canonical_query(target.query), fields, aws_signed_names(request),
                     request.headers.value(kAmzContent).value_or(kUnsignedPayload));
}

std::string oss_string_to_sign(const net::ClientRequest& request, std::string_view date, std::string_view bucket) {
  // The parameters that OSS signs: sub-resources, and those that change the answer's fields.
  static constexpr std::array<std::string_view, 14> kSigned = {"acl",
                                                               "partNumber",
                                                               "response-cache-control",
                                                               "response-content-disposition",
                                                               "response-content-encoding",
                                                               "response-content-language",
                                                               "response-content-type",
                                                               "response-expires",
                                                               "security-token",
                                                               "uploadId",
                                                               "uploads",
                                                               "versionId",
                                                               "versions",
                                                               "x-oss-process"};
  std::string fields;
  for (const auto& [name, value] : fields_of(request, "x-oss-")) fields += fmt::format("{}:{}\n", name, value);

  const Target target = split_target(request.target);
  std::vector<std::pair<std::string_view, std::string_view>> chosen;
  for (const auto& one : parameters(target.query)) {
    if (std::find(kSigned.begin(), kSigned.end(), one.first) != kSigned.end()) chosen.push_back(one);
  }
  std::sort(chosen.begin(), chosen.end());
  std::string resource = fmt::format("/{}{}", bucket, target.path);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    resource += i == 0 ? '?' : '&';
    resource += chosen[i].first;
    if (!chosen[i].second.empty()) resource.append("=").append(chosen[i].second);
  }
  return fmt::format("{}\n{}\n{}\n{}\n{}{}", request.method, request.headers.value("Content-MD5").value_or(""),
                     request.headers.value("Content-Type").value_or(""), date, fields, resource);
}

void sign_for_origin(net::ClientRequest& request, const model::OriginGroup& group, WallTime now) {
  if (request.method != "GET" && request.method != "HEAD") return;
  switch (group.auth) {
    case model::OriginAuth::kNone:
      return;
    case model::OriginAuth::kAwsV4:
      return sign_for_aws(request, group, now);
    case model::OriginAuth::kAliOss:
      return sign_for_oss(request, group, now);
  }
}

}  // namespace yz::edge
