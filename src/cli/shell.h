#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "cli/api_client.h"
#include "io/reactor.h"

namespace CLI {
class App;
}

namespace yz::cli {

/// What the commands of one `yz` run share: the global options, and what they need to do their work.
class Shell {
 public:
  std::string control;                     ///< --control or YZ_CONTROL; empty: as remembered by `yz up`
  std::string token;                       ///< --token or YZ_TOKEN; the same
  std::filesystem::path state = ".state";  ///< --state: the folder of `yz up`
  bool json = false;                       ///< --json: print what the API answered
  std::filesystem::path bin;               ///< folder of this program, where the others are

  /// The work of the command that was named; set by its CLI11 callback.
  std::function<Status()> action;

  /// Where control is: the options, else the environment, else what `yz up` wrote into the state folder. Fails with
  /// kInvalid and says how to name it.
  [[nodiscard]] Result<ApiTarget> target() const;
  /// Runs `work(api)` on a reactor of its own.
  [[nodiscard]] Status with_api(const std::function<io::Task<Status>(ApiClient&)>& work) const;

  /// Prints text to standard output.
  void print(std::string_view text) const;
  /// Prints a document, indented.
  void print_json(const nlohmann::json& document) const;
};

// Each adds one command with its help to the program (one file each in command/).
void add_up(CLI::App& app, Shell& shell);
void add_demo(CLI::App& app, Shell& shell);
void add_domain(CLI::App& app, Shell& shell);
void add_certificate(CLI::App& app, Shell& shell);
/// Orders and authorities, below `yz certificate`.
void add_certificate_orders(CLI::App& certificate, Shell& shell);
void add_node(CLI::App& app, Shell& shell);
void add_origin(CLI::App& app, Shell& shell);
void add_refresh(CLI::App& app, Shell& shell);
void add_prefetch(CLI::App& app, Shell& shell);
void add_task(CLI::App& app, Shell& shell);
void add_quota(CLI::App& app, Shell& shell);
void add_usage(CLI::App& app, Shell& shell);
void add_bill(CLI::App& app, Shell& shell);
void add_cap(CLI::App& app, Shell& shell);
void add_logs(CLI::App& app, Shell& shell);
void add_edge(CLI::App& app, Shell& shell);
void add_explain(CLI::App& app, Shell& shell);
void add_top(CLI::App& app, Shell& shell);
void add_user(CLI::App& app, Shell& shell);
void add_audit(CLI::App& app, Shell& shell);
void add_serve_files(CLI::App& app, Shell& shell);

/// The program `yz`. Returns its exit code: 0, 1 when the work failed, 2 when the command line is wrong.
[[nodiscard]] int run(int argc, char** argv);

}  // namespace yz::cli
