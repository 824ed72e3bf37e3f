#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/exchange.h"

namespace yz::control {

/// How well a client takes a content coding: the weight its Accept-Encoding gives it, 0 when it does not (RFC 9110
/// §12.5.3). An absent field takes nothing but identity here: we compress for those who ask.
[[nodiscard]] double coding_weight(std::string_view accept_encoding, std::string_view coding);

/// The portals: the operator's below /operator/, the customer's below /portal/, what both share below /assets/. All
/// other paths go on to the API. The files are those that `web/` builds, with their compressed forms beside them
/// (a.js, a.js.br, a.js.gz); they are read once and kept in memory (about 1 MB).
///
/// A portal finds its way by the path, so that a path below it without a file (and without a dot in its last segment)
/// is answered with its index. Assets carry a hash of their content in their names and never change; an index is asked
/// for again each time. Nothing is loaded from elsewhere, no script stands in a page, no page may frame one of ours.
class Portals final : public net::HttpHandler {
 public:
  /// `next` answers what is no portal's and outlives this. Without a folder (empty path) the portals' paths answer 404
  /// and say how to get them. Fails with kNotFound when the folder is no build of the portals.
  [[nodiscard]] static Result<std::unique_ptr<Portals>> open(const std::filesystem::path& folder,
                                                             net::HttpHandler& next);

  /// Where a build is when nobody names one: `web` beside the program, `../share/yizhan/web`, `../../web` (the build
  /// tree); empty when there is none.
  [[nodiscard]] static std::filesystem::path find(const std::filesystem::path& program_folder);

  [[nodiscard]] io::Task<void> handle(net::Exchange& exchange) override;
  [[nodiscard]] bool has_files() const { return !files_.empty(); }

 private:
  struct File {
    std::string type;
    bool is_immutable = false;
    std::string tag;  ///< without quotes; each form adds its coding
    std::string plain;
    std::string gzip;
    std::string brotli;
  };

  explicit Portals(net::HttpHandler& next) : next_(next) {}
  [[nodiscard]] Status read(const std::filesystem::path& folder);
  [[nodiscard]] const File* find_file(std::string_view path) const;
  [[nodiscard]] io::Task<void> send(net::Exchange& exchange, const File& file) const;

  net::HttpHandler& next_;
  std::map<std::string, File, std::less<>> files_;  // by path as asked for
};

}  // namespace yz::control
