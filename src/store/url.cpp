#include "base/text.h"
#include "store/connection.h"

namespace yz::store {
namespace {

Result<std::string> decoded(std::string_view text) { return percent_decode(text); }

Status read_options(std::string_view options, DatabaseUrl& url) {
  for (const std::string_view option : split(options, '&')) {
    if (!option.starts_with("socket=")) {
      return fail(Code::kInvalid, "database URL: the only option is 'socket=/path'");
    }
    YZ_TRY(url.socket, decoded(option.substr(7)));
  }
  return {};
}

Status read_host(std::string_view text, DatabaseUrl& url) {
  const std::size_t colon = text.rfind(':');
  url.host = std::string(text.substr(0, colon));
  if (url.host.empty()) return fail(Code::kInvalid, "database URL: expected a host after 'mysql://user:password@'");
  if (colon == std::string_view::npos) return {};
  const auto port = parse_u32(text.substr(colon + 1), 65'535);
  if (!port || *port == 0) return fail(Code::kInvalid, "database URL: the port is not a number from 1 to 65535");
  url.port = static_cast<std::uint16_t>(*port);
  return {};
}

Result<DatabaseUrl> parse_mysql(std::string_view rest) {
  DatabaseUrl url{.mysql = true};
  if (const std::size_t question = rest.find('?'); question != std::string_view::npos) {
    YZ_CHECK(read_options(rest.substr(question + 1), url));
    rest = rest.substr(0, question);
  }
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos || slash + 1 == rest.size()) {
    return fail(Code::kInvalid, "database URL: expected '/DATABASE' after the host");
  }
  YZ_TRY(url.database, decoded(rest.substr(slash + 1)));
  std::string_view authority = rest.substr(0, slash);
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string_view account = authority.substr(0, at);
    const std::size_t colon = account.find(':');
    YZ_TRY(url.user, decoded(account.substr(0, colon)));
    if (colon != std::string_view::npos) {
      YZ_TRY(url.password, decoded(account.substr(colon + 1)));
    }
    authority = authority.substr(at + 1);
  }
  YZ_CHECK(read_host(authority, url));
  return url;
}

}  // namespace

Result<DatabaseUrl> DatabaseUrl::parse(std::string_view text) {
  if (text.starts_with("sqlite:")) {
    std::string_view path = text.substr(7);
    if (path.starts_with("//")) path.remove_prefix(2);
    if (path.empty() || path == ":memory:") {
      return fail(Code::kInvalid, "database URL: expected 'sqlite:' and the path of a file");
    }
    // SOCI has no way to escape it.
    if (path.find('"') != std::string_view::npos) {
      return fail(Code::kInvalid, "database URL: the path of a SQLite file cannot contain '\"'");
    }
    return DatabaseUrl{.path = std::string(path)};
  }
  if (text.starts_with("mysql://")) return parse_mysql(text.substr(8));
  if (text.starts_with("mariadb://")) return parse_mysql(text.substr(10));
  return fail(Code::kInvalid, "database URL: expected 'sqlite:PATH' or 'mysql://USER:PASSWORD@HOST:PORT/DATABASE'");
}

}  // namespace yz::store
