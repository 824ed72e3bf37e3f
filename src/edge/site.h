#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "http/profile.h"
#include "model/domain.h"
#include "model/origin.h"

namespace yz::edge {

struct OriginGroupState;

/// A domain prepared for requests: its rules beside its origins.
struct Site {
  std::string name;  ///< the host in cache keys; empty: the viewer's host (an edge that runs alone)
  model::Domain domain;
  model::OriginGroup origins;
  http::Profile profile = http::Profile::kSafe;
  std::shared_ptr<const OriginGroupState> servers;  ///< what is known of `origins`
  std::optional<WallTime> suspended_until{};  ///< viewers are refused, for that long as things stand; none: served
  std::string hsts;                           ///< value of Strict-Transport-Security on answers over TLS; empty: none
};
/// "max-age=31536000; includeSubDomains; preload" (RFC 6797 §6.1); empty when the rule sends none.
[[nodiscard]] std::string hsts_value(const model::Hsts& rule);

/// Host → site. Immutable once built; any thread.
class SiteTable {
 public:
  /// `host` in lower case, without port.
  void add(std::string host, std::shared_ptr<const Site> site) { sites_[std::move(host)] = std::move(site); }
  /// Serves every host that has no site of its own.
  void set_default(std::shared_ptr<const Site> site) { default_ = std::move(site); }
  /// Null when nothing serves this host. Lives as long as the table. No allocation.
  [[nodiscard]] const Site* find(std::string_view lower_host) const;
  [[nodiscard]] std::size_t size() const { return sites_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, std::shared_ptr<const Site>, Hash, std::equal_to<>> sites_;
  std::shared_ptr<const Site> default_;
};

}  // namespace yz::edge
