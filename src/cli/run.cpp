#include <cstdio>
#include <filesystem>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/shell.h"

namespace yz::cli {

int run(int argc, char** argv) {
  CLI::App app("yz: runs and drives a Yizhan CDN", "yz");
  app.footer(
      "Start here:\n"
      "  yz up            a whole CDN on this machine; says what to try\n"
      "  yz demo          the story that proves it\n"
      "  yz COMMAND --help   every command explains itself with examples");
  Shell shell;
  std::string state = shell.state.string();
  app.add_option("--control", shell.control, "Where control's API is: http://host:port (or YZ_CONTROL)");
  app.add_option("--token", shell.token, "API token (or YZ_TOKEN)");
  app.add_option("--state", state, "State folder of `yz up`, which also remembers control and token")
      ->capture_default_str();
  app.add_flag("--json", shell.json, "Print JSON instead of tables");
  app.require_subcommand(1);
  app.fallthrough();

  for (auto add : {add_up,       add_demo, add_domain, add_certificate, add_origin, add_node,       add_refresh,
                   add_prefetch, add_task, add_quota,  add_usage,       add_bill,   add_cap,        add_logs,
                   add_explain,  add_edge, add_top,    add_user,        add_audit,  add_serve_files}) {
    add(app, shell);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::RequiredError& e) {
    const auto left = app.remaining(true);
    if (left.empty()) return app.exit(e) == 0 ? 0 : 2;
    fmt::print(stderr, "yz: there is no command '{}'; --help lists them\n", left.front());
    return 2;
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  std::error_code ignored;
  shell.bin = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  shell.state = state;
  const Status done = shell.action();
  if (done) return 0;
  std::fflush(stdout);
  fmt::print(stderr, "yz: {}\n", done.error().message);
  return done.error().code == Code::kInvalid && done.error().fault == Fault::kClient ? 2 : 1;
}

}  // namespace yz::cli
