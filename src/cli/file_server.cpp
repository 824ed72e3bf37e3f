#include "cli/file_server.h"

#include <algorithm>
#include <ctime>
#include <optional>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/text.h"
#include "http/header_map.h"
#include "io/reactor.h"

namespace yz::cli {

using http::FieldId;

struct FileServer::File {
  UniqueFd fd;
  std::uint64_t size = 0;
  std::string etag;
  std::string last_modified;
  std::string type;
};

namespace {

constexpr std::size_t kPiece = 64 * 1024;

std::string_view type_of(std::string_view path) {
  struct Known {
    std::string_view suffix, type;
  };
  static constexpr Known kKnown[] = {{".html", "text/html; charset=utf-8"},
                                     {".css", "text/css"},
                                     {".js", "text/javascript"},
                                     {".svg", "image/svg+xml"},
                                     {".png", "image/png"},
                                     {".jpg", "image/jpeg"},
                                     {".gif", "image/gif"},
                                     {".txt", "text/plain; charset=utf-8"}};
  for (const Known& known : kKnown) {
    if (path.ends_with(known.suffix)) return known.type;
  }
  return "application/octet-stream";
}

/// IMF-fixdate (RFC 9110 §5.6.7).
std::string http_date(std::time_t seconds) {
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts)};
}

struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};

/// One satisfiable range of "bytes=a-b", "bytes=a-" or "bytes=-n"; none: the whole file is sent (RFC 9110 §14.2).
std::optional<ByteRange> parse_range(std::string_view text, std::uint64_t size) {
  if (!text.starts_with("bytes=") || size == 0) return std::nullopt;
  text.remove_prefix(6);
  const auto dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = parse_u64(text.substr(0, dash));
  const auto last = parse_u64(text.substr(dash + 1));
  if (dash == 0)
    return last && *last > 0 ? std::optional(ByteRange{size - std::min(*last, size), size - 1}) : std::nullopt;
  if (!first || *first >= size || (dash + 1 < text.size() && !last)) return std::nullopt;
  const ByteRange range{*first, std::min(last.value_or(size - 1), size - 1)};
  return range.first <= range.last ? std::optional(range) : std::nullopt;
}

std::string tag_of(std::string_view path) {
  const auto slash = path.find('/', 1);
  return slash == std::string_view::npos ? "root" : std::string(path.substr(1, slash - 1));
}

}  // namespace

Result<FileServer::File> FileServer::open(const std::string& path) const {
  for (const std::string_view part : split(path, '/')) {
    if (part == ".." || part.find('\0') != std::string_view::npos)
      return fail(Code::kPermission, "no way out of the folder");
  }
  std::filesystem::path where = options_.root / std::string_view(path).substr(1);
  std::error_code ignored;
  if (std::filesystem::is_directory(where, ignored)) where /= "index.html";
  File file;
  file.fd = UniqueFd(::open(where.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!file.fd || ::fstat(file.fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return fail(Code::kNotFound, "no such file");
  file.size = static_cast<std::uint64_t>(info.st_size);
  file.etag = fmt::format("\"{:x}-{:x}-{:x}-{:x}\"", info.st_ino, info.st_mtim.tv_sec, info.st_mtim.tv_nsec, file.size);
  file.last_modified = http_date(info.st_mtim.tv_sec);
  file.type = type_of(where.native());
  return file;
}

io::Task<void> FileServer::handle(net::Exchange& exchange) {
  const http::RequestHead& request = exchange.request();
  const bool is_head = request.method == http::Method::kHead;
  if (request.method != http::Method::kGet && !is_head) {
    (void)co_await exchange.respond_text(405, "text/plain", "GET and HEAD only\n");
    co_return;
  }
  const auto path = percent_decode(request.path);
  if (!is_head) {
    ++fetches_;
    ++fetches_by_path_[path ? *path : std::string(request.path)];
  }
  auto file = path && path->starts_with('/') ? open(*path) : Result<File>(fail(Code::kInvalid, "not a path"));
  if (!file) {
    (void)co_await exchange.respond_text(404, "text/plain", "there is no such file\n");
    co_return;
  }
  http::HeaderMap headers{{"Content-Type", file->type},
                          {"ETag", file->etag},
                          {"Last-Modified", file->last_modified},
                          {"Accept-Ranges", "bytes"},
                          {"Cache-Tag", tag_of(*path)}};
  headers.add("Cache-Control", fmt::format("public, max-age={}", options_.max_age.count()));

  const auto none_match = request.fields.value(FieldId::kIfNoneMatch);
  const auto since = request.fields.value(FieldId::kIfModifiedSince);
  if (none_match ? none_match->find(file->etag) != std::string_view::npos || *none_match == "*"
                 : since == file->last_modified) {
    (void)co_await exchange.respond(304, std::move(headers), {});
    co_return;
  }
  std::uint64_t offset = 0, size = file->size;
  http::StatusCode status = 200;
  const auto range_text = request.fields.value(FieldId::kRange);
  const auto if_range = request.fields.value(FieldId::kIfRange);
  if (range_text && (!if_range || *if_range == file->etag)) {
    if (const auto range = parse_range(*range_text, file->size)) {
      headers.add("Content-Range", fmt::format("bytes {}-{}/{}", range->first, range->last, file->size));
      offset = range->first, size = range->last - range->first + 1, status = 206;
    }
  }
  const std::uint64_t rate = options_.rate ? options_.rate(*path) : 0;
  exchange.begin(status, headers, {size});
  if (!is_head) co_await send_body(exchange, file->fd.get(), offset, size, rate);
  (void)co_await exchange.finish();
}

io::Task<void> FileServer::send_body(net::Exchange& exchange, int fd, std::uint64_t offset, std::uint64_t size,
                                     std::uint64_t rate) {
  std::vector<char> buffer(rate == 0 ? 0 : kPiece);
  while (size > 0) {
    const std::uint64_t piece =
        rate == 0 ? size : std::min<std::uint64_t>(size, std::max<std::uint64_t>(rate / 20, 1024));
    if (const auto sent = co_await exchange.send_file(fd, static_cast<std::uint64_t>(offset), piece); !sent) co_return;
    bytes_ += piece;
    offset += piece;
    size -= piece;
    if (rate != 0) co_await io::sleep_for(std::chrono::milliseconds(piece * 1000 / rate));
  }
}

std::uint64_t FileServer::fetches_of(const std::string& path) const {
  const auto it = fetches_by_path_.find(path);
  return it == fetches_by_path_.end() ? 0 : it->second;
}

void FileServer::forget_counts() {
  fetches_by_path_.clear();
  fetches_ = 0;
  bytes_ = 0;
}

Status write_sample_site(const std::filesystem::path& folder) {
  YZ_CHECK(make_folder(folder / "pictures"));
  if (std::filesystem::exists(folder / "index.html")) return {};
  YZ_CHECK(write_file_atomically(
      folder / "index.html",
      "<!doctype html>\n<html lang=\"en\">\n<title>Yizhan</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n"
      "<h1>It works</h1>\n<p>This page came through your own CDN. Ask again and look at "
      "<code>Cache-Status</code>.</p>\n"
      "<img src=\"/pictures/horse.svg\" alt=\"a relay horse\">\n"));
  YZ_CHECK(write_file_atomically(folder / "style.css",
                                 "body { font: 1.1em/1.5 sans-serif; max-width: 40em; margin: 3em auto; }\n"));
  return write_file_atomically(
      folder / "pictures" / "horse.svg",
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 120 80\" width=\"240\">"
      "<path d=\"M10 70 L25 40 L60 35 L85 10 L100 18 L95 30 L80 45 L85 70 L77 70 L68 50 L35 52 L20 70 Z\" "
      "fill=\"#7a4a21\"/></svg>\n");
}

}  // namespace yz::cli
