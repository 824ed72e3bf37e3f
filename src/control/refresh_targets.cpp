#include "control/refresh_targets.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "control/body.h"

namespace yz::control {
namespace {

constexpr std::size_t kMaxUrls = 1'000;
constexpr std::size_t kMaxOther = 100;
constexpr std::size_t kMaxUrlLength = 8'000;
constexpr std::size_t kMaxTagLength = 1'024;

struct ParsedUrl {
  std::string host;
  std::string key;  // path and query, as a viewer sends them
};

/// "http(s)://host[:port]/path[?query]"; a fragment is dropped (RFC 3986 §3.5: it never reaches a server).
std::optional<ParsedUrl> parse_url(std::string_view url) {
  if (url.size() > kMaxUrlLength) return std::nullopt;
  if (std::ranges::any_of(url, [](char c) { return c <= ' ' || c == '\x7f'; })) return std::nullopt;
  const std::size_t scheme_end = url.find("://");
  if (scheme_end == std::string_view::npos) return std::nullopt;
  const std::string_view scheme = url.substr(0, scheme_end);
  if (!equals_ignoring_case(scheme, "http") && !equals_ignoring_case(scheme, "https")) return std::nullopt;
  url.remove_prefix(scheme_end + 3);
  url = url.substr(0, url.find('#'));
  const std::size_t host_end = std::min(url.find_first_of("/?"), url.size());
  std::string_view authority = url.substr(0, host_end);
  if (authority.empty() || authority.find('@') != std::string_view::npos) return std::nullopt;
  if (const std::size_t colon = authority.rfind(':'); colon != std::string_view::npos) {
    if (!parse_u32(authority.substr(colon + 1), 65535)) return std::nullopt;
    authority = authority.substr(0, colon);
  }
  auto host = model::canonical_host(authority);
  if (!host) return std::nullopt;
  ParsedUrl out{*std::move(host), std::string(url.substr(host_end))};
  if (!out.key.starts_with('/')) out.key.insert(out.key.begin(), '/');
  return out;
}

/// Collects targets and everything wrong with them.
class TargetReader {
 public:
  TargetReader(const model::ConfigSnapshot& config, const Principal& principal, BodyReader& body)
      : principal_(principal), body_(body) {
    for (const auto& [id, entry] : config.domains) {
      hosts_.emplace(entry.value->name, entry.value.get());
      for (const std::string& alias : entry.value->aliases) hosts_.emplace(alias, entry.value.get());
    }
  }

  void add_url(const std::string& pointer, const std::string& url, bool is_directory) {
    const auto parsed = parse_url(url);
    if (!parsed) return body_.wrong(pointer, "expected a URL such as \"https://www.a.com/a.html\"");
    if (is_directory && (!parsed->key.ends_with('/') || parsed->key.find('?') != std::string::npos)) {
      return body_.wrong(pointer, "expected a URL that ends with \"/\" and has no query");
    }
    const model::Domain* domain = find(pointer, parsed->host);
    if (domain == nullptr) return;
    add({is_directory ? model::PurgeKind::kDirectory : model::PurgeKind::kUrl, domain->id, parsed->key, url}, *domain);
  }

  void add_tag(const std::string& pointer, const nlohmann::json& item) {
    if (!item.is_object()) return body_.wrong(pointer, R"(expected {"domain": …, "tag": …})");
    BodyReader reader(item, {"domain", "tag"});
    const auto host = reader.text("domain", true);
    const auto tag = reader.text("tag", true);
    if (tag && (tag->empty() || tag->size() > kMaxTagLength ||
                std::ranges::any_of(*tag, [](char c) { return c <= ' ' || c == ',' || c == '\x7f'; }))) {
      reader.wrong("/tag", "expected a tag: printable, without spaces and commas");
    }
    for (const model::Problem& wrong : reader.problem().errors) body_.wrong(pointer + wrong.pointer, wrong.message);
    if (!reader.ok()) return;
    if (const model::Domain* domain = find(pointer + "/domain", *host)) {
      add({model::PurgeKind::kTag, domain->id, *tag, {}}, *domain);
    }
  }

  void add_host(const std::string& pointer, const std::string& host) {
    if (const model::Domain* domain = find(pointer, host)) {
      add({model::PurgeKind::kHost, domain->id, {}, {}}, *domain);
    }
  }

  void add_all() { wish_.targets.push_back({model::PurgeKind::kAll, {}, {}, {}}); }

  /// The task belongs to the tenant all its domains belong to.
  TaskWish take() {
    if (!mixed_) wish_.tenant = tenant_;
    return std::move(wish_);
  }

 private:
  const model::Domain* find(const std::string& pointer, const std::string& host) {
    const auto name = model::canonical_host(host);
    const auto it = name ? hosts_.find(*name) : hosts_.end();
    if (it != hosts_.end() && principal_.may_see(it->second->tenant, it->second->id)) return it->second;
    body_.wrong(pointer, "there is no domain " + host);
    return nullptr;
  }

  void add(model::TaskTarget target, const model::Domain& domain) {
    if (tenant_ && tenant_ != domain.tenant) mixed_ = true;
    tenant_ = domain.tenant;
    wish_.targets.push_back(std::move(target));
  }

  const Principal& principal_;
  BodyReader& body_;
  std::unordered_map<std::string_view, const model::Domain*> hosts_;
  TaskWish wish_;
  model::TenantId tenant_;
  bool mixed_ = false;
};

std::string pointer_to(std::string_view list, std::size_t index) {
  return '/' + std::string(list) + '/' + std::to_string(index);
}

}  // namespace

tl::expected<TaskWish, Problem> read_refresh(const nlohmann::json& body, const model::ConfigSnapshot& config,
                                             const Principal& principal) {
  BodyReader reader(body, {"urls", "directories", "tags", "domains", "all", "mode"});
  TargetReader targets(config, principal, reader);
  const auto urls = reader.texts("urls", kMaxUrls);
  for (std::size_t i = 0; i < urls.size(); ++i) targets.add_url(pointer_to("urls", i), urls[i], false);
  const auto directories = reader.texts("directories", kMaxOther);
  for (std::size_t i = 0; i < directories.size(); ++i) {
    targets.add_url(pointer_to("directories", i), directories[i], true);
  }
  if (const auto tags = body.find("tags"); tags != body.end()) {
    if (!tags->is_array() || tags->size() > kMaxOther) {
      reader.wrong("/tags", "expected a list of at most " + std::to_string(kMaxOther));
    } else {
      for (std::size_t i = 0; i < tags->size(); ++i) targets.add_tag(pointer_to("tags", i), (*tags)[i]);
    }
  }
  const auto domains = reader.texts("domains", kMaxOther);
  for (std::size_t i = 0; i < domains.size(); ++i) targets.add_host(pointer_to("domains", i), domains[i]);
  if (reader.boolean("all").value_or(false)) {
    if (!principal.is_operator()) {
      return tl::unexpected<Problem>(
          Error{Code::kPermission, Fault::kClient, false, "Only operators refresh everything."});
    }
    targets.add_all();
  }
  const bool hard = reader.choice("mode", {"hard", "soft"}).value_or("hard") == "hard";
  TaskWish wish = targets.take();
  if (reader.ok() && wish.targets.empty()) {
    reader.wrong("", "expected at least one of urls, directories, tags, domains or all");
  }
  if (!reader.ok()) return tl::unexpected<Problem>(reader.problem());
  wish.kind = model::TaskKind::kRefresh;
  wish.hard = hard;
  if (!principal.is_operator()) wish.tenant = principal.tenant;
  return wish;
}

tl::expected<TaskWish, Problem> read_prefetch(const nlohmann::json& body, const model::ConfigSnapshot& config,
                                              const Principal& principal) {
  BodyReader reader(body, {"urls", "refresh", "manifests"});
  TargetReader targets(config, principal, reader);
  const auto urls = reader.texts("urls", kMaxUrls);
  for (std::size_t i = 0; i < urls.size(); ++i) targets.add_url(pointer_to("urls", i), urls[i], false);
  if (reader.ok() && urls.empty()) reader.wrong("/urls", "expected at least one URL");
  const auto refresh = reader.choice("refresh", {"hard", "soft"});
  const bool reads_manifests = reader.boolean("manifests").value_or(true);
  if (!reader.ok()) return tl::unexpected<Problem>(reader.problem());
  TaskWish wish = targets.take();
  wish.kind = model::TaskKind::kPrefetch;
  wish.refreshes = refresh.has_value();
  wish.hard = refresh != "soft";
  wish.reads_manifests = reads_manifests;
  if (!principal.is_operator()) wish.tenant = principal.tenant;
  return wish;
}

std::optional<std::string> host_of_url(std::string_view url) {
  auto parsed = parse_url(url);
  if (!parsed) return std::nullopt;
  return std::move(parsed->host);
}

std::unordered_map<std::string_view, const model::Domain*> hosts_of(const model::ConfigSnapshot& config,
                                                                    model::TenantId tenant) {
  std::unordered_map<std::string_view, const model::Domain*> hosts;
  for (const auto& [id, entry] : config.domains) {
    const model::Domain& domain = *entry.value;
    if (domain.tenant != tenant) continue;
    hosts.emplace(domain.name, &domain);
    for (const std::string& alias : domain.aliases) hosts.emplace(alias, &domain);
  }
  return hosts;
}

}  // namespace yz::control
