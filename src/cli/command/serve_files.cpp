#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/ip.h"
#include "cli/file_server.h"
#include "cli/interrupt.h"
#include "cli/shell.h"
#include "net/http_server.h"

namespace yz::cli {
namespace {

Status serve(const Shell& shell, const std::string& listen, const std::string& site, int max_age) {
  YZ_TRY(const Endpoint endpoint, Endpoint::parse(listen));
  if (!std::filesystem::is_directory(site))
    return fail(Code::kNotFound, fmt::format("{} is not a folder", site), Fault::kClient);
  hold_stop_signals();
  io::Reactor reactor;
  FileServer files({site, std::chrono::seconds(max_age), {}});
  net::HttpServer server(reactor, files);
  YZ_TRY(const Endpoint bound, server.listen(endpoint));
  shell.print(fmt::format("serving {} on http://{}\n", site, to_string(bound)));
  const Status stopped = reactor.block_on(unless_stopped(reactor, stay()));
  return stopped.error().code == Code::kCancelled ? Status() : stopped;
}

}  // namespace

void add_serve_files(CLI::App& app, Shell& shell) {
  auto* command = app.add_subcommand("serve-files", "A plain origin over a folder, for trying things");
  command->footer("Examples:\n  yz serve-files --site /usr/share/doc --listen 127.0.0.1:9000");
  struct Options {
    std::string listen = "127.0.0.1:9000", site = ".";
    int max_age = 3600;
  };
  const auto o = std::make_shared<Options>();
  command->add_option("--listen", o->listen, "address:port")->capture_default_str();
  command->add_option("--site", o->site, "The folder")->capture_default_str();
  command->add_option("--max-age", o->max_age, "Seconds caches may keep its files")->capture_default_str();
  command->callback(
      [&shell, o] { shell.action = [&shell, o] { return serve(shell, o->listen, o->site, o->max_age); }; });
}

}  // namespace yz::cli
