#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/shell.h"
#include "cli/task_view.h"

namespace yz::cli {
namespace {

using nlohmann::json;

struct Options {
  std::vector<std::string> urls;
  std::vector<std::string> directories;
  std::vector<std::string> tags;
  std::vector<std::string> domains;
  bool all = false;
  bool soft = false;
  bool refresh = false;
  bool no_manifests = false;
  bool no_wait = false;
  int timeout_s = 60;
};

/// Sends the task and, unless told not to, waits until it is final. A task that is not complete is a failure.
io::Task<Status> run_task(ApiClient& api, const Shell& shell, std::string path, json body, Options o) {
  YZ_CO_TRY(json task, co_await api.post(std::move(path), std::move(body)));
  if (!o.no_wait) {
    YZ_CO_TRY(task, co_await api.wait_for_task(task["id"].get<std::uint64_t>(), std::chrono::milliseconds(10),
                                               std::chrono::seconds(o.timeout_s)));
  }
  shell.json ? shell.print_json(task) : shell.print(task_text(task));
  const std::string state = task.value("state", "");
  if (state == "failed" || state == "partial") co_return fail(Code::kUnavailable, fmt::format("the task is {}", state));
  co_return Status();
}

Result<json> refresh_body(const Options& o) {
  json tags = json::array();
  for (const std::string& text : o.tags) {
    const auto equals = text.find('=');
    if (equals == std::string::npos)
      return fail(Code::kInvalid, fmt::format("'{}': expected --tag DOMAIN=TAG", text), Fault::kClient);
    tags.push_back({{"domain", text.substr(0, equals)}, {"tag", text.substr(equals + 1)}});
  }
  if (o.urls.empty() && o.directories.empty() && tags.empty() && o.domains.empty() && !o.all) {
    return fail(Code::kInvalid, "nothing to refresh: name URLs, or --dir, --tag, --domain or --all", Fault::kClient);
  }
  json body = {{"mode", o.soft ? "soft" : "hard"}};
  if (!o.urls.empty()) body["urls"] = o.urls;
  if (!o.directories.empty()) body["directories"] = o.directories;
  if (!tags.empty()) body["tags"] = tags;
  if (!o.domains.empty()) body["domains"] = o.domains;
  if (o.all) body["all"] = true;
  return body;
}

void add_waiting(CLI::App* command, Options& o) {
  command->add_flag("--no-wait", o.no_wait, "Return as soon as it is accepted; see: yz task watch ID");
  command->add_option("--timeout", o.timeout_s, "Seconds to wait for the nodes")->capture_default_str();
}

}  // namespace

void add_refresh(CLI::App& app, Shell& shell) {
  auto* command = app.add_subcommand("refresh", "Make every node forget old content, and wait until all have");
  command->footer(
      "Examples:\n"
      "  yz refresh http://www.a.com/logo.png            all variants of one URL\n"
      "  yz refresh --dir http://www.a.com/images/       everything below\n"
      "  yz refresh --tag www.a.com=news                 everything the origin tagged (Cache-Tag)\n"
      "  yz refresh --domain www.a.com --soft            kept, but confirmed with the origin before use");
  const auto o = std::make_shared<Options>();
  command->add_option("url", o->urls, "URLs");
  command->add_option("--dir", o->directories, "Directory URL, ending in / (repeatable)");
  command->add_option("--tag", o->tags, "DOMAIN=TAG (repeatable)");
  command->add_option("--domain", o->domains, "Everything of a host name (repeatable)");
  command->add_flag("--all", o->all, "Everything of every domain");
  command->add_flag("--soft", o->soft, "Revalidate instead of dropping");
  add_waiting(command, *o);
  command->callback([&shell, o] {
    shell.action = [&shell, o]() -> Status {
      YZ_TRY(const json body, refresh_body(*o));
      return shell.with_api([&](ApiClient& api) { return run_task(api, shell, "/api/v1/refresh", body, *o); });
    };
  });
}

void add_prefetch(CLI::App& app, Shell& shell) {
  auto* command = app.add_subcommand("prefetch", "Load content into the nodes before viewers ask");
  command->footer(
      "Examples:\n"
      "  yz prefetch http://www.a.com/film.mp4 http://www.a.com/poster.jpg\n"
      "  yz prefetch http://www.a.com/film/index.m3u8            with all that the playlist leads to\n"
      "  yz prefetch --refresh http://www.a.com/app.js           forgotten first, then loaded anew: one task\n"
      "How fast the origin is asked: yz domain set www.a.com '{\"prefetch_rate\": 20}'");
  const auto o = std::make_shared<Options>();
  command->add_option("url", o->urls, "URLs")->required();
  auto* refresh = command->add_flag("--refresh", o->refresh, "Have every node forget them first");
  command->add_flag("--soft", o->soft, "With --refresh: revalidate instead of dropping")->needs(refresh);
  command->add_flag("--no-manifests", o->no_manifests, "Load HLS and DASH manifests alone, not what they lead to");
  add_waiting(command, *o);
  command->callback([&shell, o] {
    shell.action = [&shell, o] {
      json body = {{"urls", o->urls}, {"manifests", !o->no_manifests}};
      if (o->refresh) body["refresh"] = o->soft ? "soft" : "hard";
      return shell.with_api([&](ApiClient& api) { return run_task(api, shell, "/api/v1/prefetch", body, *o); });
    };
  });
}

}  // namespace yz::cli
