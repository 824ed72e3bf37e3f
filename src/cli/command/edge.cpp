#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/shell.h"
#include "net/http_client.h"

namespace yz::cli {
namespace {

using nlohmann::json;

/// One GET on an edge's admin socket (docs/formats/edge-admin.md).
io::Task<Result<json>> get_admin(std::string socket, std::string target) {
  net::HttpClient client(io::Reactor::current());
  net::Upstream upstream;
  upstream.unix_path = std::move(socket);
  net::ClientRequest request;
  request.target = std::move(target);
  YZ_CO_TRY(auto response, co_await client.send(std::move(upstream), std::move(request)));
  YZ_CO_TRY(const std::string body, co_await response.read_all(16 << 20));
  auto document = json::parse(body, nullptr, false);
  if (document.is_discarded()) co_return fail(Code::kCorrupt, "the edge's answer is not JSON");
  if (response.status() != 200) {
    co_return fail(Code::kInvalid, "the edge says: " + document.value("detail", std::to_string(response.status())));
  }
  co_return document;
}

void add_line(std::string& out, std::string_view name, const json& value) {
  if (value.is_null()) return;
  fmt::format_to(std::back_inserter(out), "{:<12}{}\n", name,
                 value.is_string() ? value.get<std::string>() : value.dump());
}

/// The answer of /why for people: the verdict first, then its reasons.
std::string why_text(const json& why) {
  std::string out;
  const auto at = [](const json& from, const char* name) { return from.contains(name) ? from[name] : json(); };
  add_line(out, "verdict", at(why, "verdict"));
  for (const char* name :
       {"not_cached", "backoff", "key", "profile", "varies_by", "owner", "purge_seq", "config_seq"}) {
    add_line(out, name, at(why, name));
  }
  if (const json rule = at(why, "rule"); rule.is_object()) {
    add_line(out, "rule",
             fmt::format("{} '{}' -> {}, {} s, priority {}", rule.value("match", ""), rule.value("pattern", ""),
                         rule.value("action", ""), rule.value("ttl_s", 0), rule.value("priority", 0)));
  }
  if (const json stored = at(why, "stored"); stored.is_object()) {
    const json f = at(stored, "freshness");
    const json purge = at(stored, "purge");
    add_line(out, "stored",
             fmt::format("{}, {} bytes, ETag {}", stored.value("status", 0), stored.value("bytes", 0ULL),
                         stored.value("etag", "none")));
    add_line(out, "age",
             fmt::format("{} s = {} s on arrival + {} s here, since {}", f.value("current_age_s", 0),
                         f.value("corrected_initial_age_s", 0), f.value("resident_time_s", 0),
                         f.value("response_time", "")));
    add_line(out, "lifetime",
             fmt::format("{} s, {}; {} for {} s", f.value("lifetime_s", 0), f.value("lifetime_from", ""),
                         f.value("fresh", false) ? "fresh" : "stale", std::abs(f.value("fresh_for_s", 0))));
    add_line(out, "purge", fmt::format("{}, born under {}", purge.value("verdict", ""), purge.value("born_seq", 0ULL)));
  }
  add_line(out, "slices", at(why, "slices"));
  for (const json& next : at(why, "would_ask")) add_line(out, "would ask", next);
  return out;
}

struct WhyOptions {
  std::string url;
  std::string admin;
  std::vector<std::string> fields;
};

Status show_why(const Shell& shell, const WhyOptions& o) {
  std::string target = "/why?url=" + percent_encode(o.url);
  std::string lines;
  for (const std::string& field : o.fields) lines += field + "\n";
  if (!lines.empty()) target += "&fields=" + percent_encode(lines);
  io::Reactor reactor;
  YZ_TRY(const json why, reactor.block_on(get_admin(o.admin, std::move(target))));
  if (shell.json) {
    shell.print_json(why);
  } else {
    shell.print(why_text(why));
  }
  return {};
}

}  // namespace

void add_edge(CLI::App& app, Shell& shell) {
  auto* edge = app.add_subcommand("edge", "Look into an edge on this machine, through its admin socket");
  edge->require_subcommand(1);
  auto* why = edge->add_subcommand("why", "What an edge would do with a GET of a URL now, and why");
  why->footer(
      "Examples:\n"
      "  yz edge why http://www.a.com/x.css --admin /run/yizhan/edge.sock\n"
      "  yz edge why http://www.a.com/x.css --admin edge.sock -H 'Accept-Encoding: gzip'   the variant for gzip");
  const auto o = std::make_shared<WhyOptions>();
  why->add_option("url", o->url, "http://host/path, as a viewer asks for it")->required();
  why->add_option("--admin", o->admin, "The edge's admin socket (its option `admin`)")->required();
  why->add_option("-H,--header", o->fields, "A field of the request, as \"Name: value\"; may be repeated");
  why->callback([&shell, o] { shell.action = [&shell, o] { return show_why(shell, *o); }; });
}

}  // namespace yz::cli
