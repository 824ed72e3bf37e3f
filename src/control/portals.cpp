#include "control/portals.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "http/method.h"

namespace yz::control {
namespace {

constexpr std::uint64_t kMaxFile = 8 << 20;

/// A portal: where it is, and its folder in the build.
struct Mount {
  std::string_view path;
  std::string_view folder;
};
constexpr std::array kMounts = {Mount{"/operator/", "operator"}, Mount{"/portal/", "customer"},
                                Mount{"/assets/", "assets"}};

/// Scripts and styles come from us alone; images may be inline (data:). Trusted types leave scripts no way in through
/// markup.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

constexpr std::string_view kNotBuilt =
    "The portals are not here. Build them with ./dev build, or name their folder with yz-control --web.\n";

std::string_view type_of(std::string_view path) {
  struct Known {
    std::string_view suffix, type;
  };
  static constexpr Known kKnown[] = {{".html", "text/html; charset=utf-8"},
                                     {".css", "text/css; charset=utf-8"},
                                     {".js", "text/javascript; charset=utf-8"},
                                     {".svg", "image/svg+xml"},
                                     {".png", "image/png"},
                                     {".woff2", "font/woff2"},
                                     {".json", "application/json"}};
  for (const Known& known : kKnown) {
    if (path.ends_with(known.suffix)) return known.type;
  }
  return "application/octet-stream";
}

bool is_compressed_form(std::string_view path) { return path.ends_with(".br") || path.ends_with(".gz"); }

void add_safety(http::HeaderMap& headers) {
  headers.add("Content-Security-Policy", kPolicy);
  headers.add("X-Content-Type-Options", "nosniff");
  headers.add("X-Frame-Options", "DENY");
  headers.add("Referrer-Policy", "same-origin");
  headers.add("Cross-Origin-Opener-Policy", "same-origin");
  headers.add("Cross-Origin-Resource-Policy", "same-origin");
}

io::Task<void> send_note(net::Exchange& exchange, int status, http::HeaderMap headers, std::string text) {
  add_safety(headers);
  headers.add("Content-Type", "text/plain; charset=utf-8");
  headers.add("Cache-Control", "no-cache");
  (void)co_await exchange.respond(status, std::move(headers), std::move(text));
}

io::Task<void> send_elsewhere(net::Exchange& exchange, std::string location) {
  http::HeaderMap headers;
  headers.add("Location", location);
  co_await send_note(exchange, 302, std::move(headers), "See " + location + "\n");
}

}  // namespace

double coding_weight(std::string_view accept_encoding, std::string_view coding) {
  double of_any = 0;
  for (const std::string_view item : split(accept_encoding, ',')) {
    const auto semicolon = item.find(';');
    const std::string_view name = trim(item.substr(0, semicolon));
    double weight = 1;
    if (semicolon != std::string_view::npos) {
      const std::string_view parameter = trim(item.substr(semicolon + 1));
      if (parameter.starts_with("q=") || parameter.starts_with("Q=")) {
        const std::string_view number = parameter.substr(2);
        if (std::from_chars(number.data(), number.data() + number.size(), weight).ec != std::errc()) weight = 0;
      }
    }
    if (equals_ignoring_case(name, coding)) return weight;
    if (name == "*") of_any = weight;
  }
  return of_any;
}

std::filesystem::path Portals::find(const std::filesystem::path& program_folder) {
  for (const char* place : {"web", "../share/yizhan/web", "../../web"}) {
    std::error_code failed;
    const auto folder = std::filesystem::weakly_canonical(program_folder / place, failed);
    if (!failed && std::filesystem::exists(folder / "operator" / "index.html", failed)) return folder;
  }
  return {};
}

Result<std::unique_ptr<Portals>> Portals::open(const std::filesystem::path& folder, net::HttpHandler& next) {
  std::unique_ptr<Portals> portals(new Portals(next));
  if (!folder.empty()) YZ_CHECK(portals->read(folder));
  return portals;
}

Status Portals::read(const std::filesystem::path& folder) {
  for (const Mount& mount : kMounts) {
    const auto root = folder / mount.folder;
    std::error_code failed;
    for (std::filesystem::recursive_directory_iterator it(root, failed), end; !failed && it != end;
         it.increment(failed)) {
      const std::string name = it->path().string();
      if (!it->is_regular_file() || is_compressed_form(name)) continue;
      File file;
      YZ_TRY(file.plain, read_file(it->path(), kMaxFile));
      if (auto form = read_file(name + ".gz", kMaxFile)) file.gzip = *std::move(form);
      if (auto form = read_file(name + ".br", kMaxFile)) file.brotli = *std::move(form);
      file.type = type_of(name);
      file.is_immutable = mount.path == "/assets/";
      file.tag = to_hex(sha256(file.plain)).substr(0, 20);
      files_.emplace(std::string(mount.path) + it->path().lexically_relative(root).generic_string(), std::move(file));
    }
    if (failed)
      return fail(Code::kNotFound, root.string() + ": " + failed.message() + "; is it a build of the portals?");
  }
  for (const char* index : {"/operator/index.html", "/portal/index.html"}) {
    if (!files_.contains(index)) {
      return fail(Code::kNotFound, folder.string() + " is no build of the portals: it lacks " + index + ".");
    }
  }
  return {};
}

const Portals::File* Portals::find_file(std::string_view path) const {
  if (const auto it = files_.find(path); it != files_.end()) return &it->second;
  const std::string_view last = path.substr(path.rfind('/') + 1);
  if (path.starts_with("/assets/") || last.find('.') != std::string_view::npos) return nullptr;
  const auto index = files_.find(path.starts_with("/operator/") ? "/operator/index.html" : "/portal/index.html");
  return index == files_.end() ? nullptr : &index->second;
}

io::Task<void> Portals::handle(net::Exchange& exchange) {
  const std::string path(exchange.request().path);
  const auto is_below = [&](const Mount& mount) {
    return path.starts_with(mount.path) || path == mount.path.substr(0, mount.path.size() - 1);
  };
  if (path != "/" && std::ranges::none_of(kMounts, is_below)) {
    co_await next_.handle(exchange);
    co_return;
  }
  const http::Method method = exchange.request().method;
  http::HeaderMap headers;
  if (method != http::Method::kGet && method != http::Method::kHead) {
    headers.add("Allow", "GET, HEAD");
    co_await send_note(exchange, 405, std::move(headers), "Only GET and HEAD are answered here.\n");
  } else if (path == "/") {
    co_await send_elsewhere(exchange, "/portal/");
  } else if (!has_files()) {
    co_await send_note(exchange, 404, std::move(headers), std::string(kNotBuilt));
  } else if (path == "/operator" || path == "/portal") {
    co_await send_elsewhere(exchange, path + "/");
  } else if (const File* file = find_file(path); file != nullptr) {
    co_await send(exchange, *file);
  } else {
    co_await send_note(exchange, 404, std::move(headers), "There is no such file.\n");
  }
}

io::Task<void> Portals::send(net::Exchange& exchange, const File& file) const {
  const http::Fields& asked = exchange.request().fields;
  const std::string_view accepted = asked.value(http::FieldId::kAcceptEncoding).value_or("");
  const double brotli = file.brotli.empty() ? 0 : coding_weight(accepted, "br");
  const double gzip = file.gzip.empty() ? 0 : coding_weight(accepted, "gzip");
  std::string_view body = file.plain;
  std::string_view coding;
  if (brotli > 0 && brotli >= gzip) {
    body = file.brotli;
    coding = "br";
  } else if (gzip > 0) {
    body = file.gzip;
    coding = "gzip";
  }
  std::string tag = "\"" + file.tag;
  if (!coding.empty()) tag.append("-").append(coding);
  tag.append("\"");

  http::HeaderMap headers;
  headers.add("ETag", tag);
  headers.add("Vary", "Accept-Encoding");
  headers.add("Cache-Control", file.is_immutable ? "public, max-age=31536000, immutable" : "no-cache");
  add_safety(headers);
  if (asked.value(http::FieldId::kIfNoneMatch).value_or("") == tag) {
    (void)co_await exchange.respond(304, std::move(headers), "");
    co_return;
  }
  headers.add("Content-Type", file.type);
  if (!coding.empty()) headers.add("Content-Encoding", coding);
  exchange.begin(200, headers, net::BodyLength{body.size()});
  if (!co_await exchange.send(body)) co_return;
  (void)co_await exchange.finish();
}

}  // namespace yz::control
