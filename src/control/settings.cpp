#include "control/settings.h"

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "bus/nats_bus.h"
#include "control/body.h"
#include "control/sign_in.h"
#include "model/domain.h"
#include "model/yaml.h"
#include "store/database.h"
#include "store/redis.h"

namespace yz::control {
namespace {

constexpr std::uint64_t kMaxFile = 1 << 20;
constexpr std::chrono::hours kLongest{24 * 365};

/// `bus_tls:` of the file; what it names is read when the bus is opened.
void read_bus_tls(const nlohmann::json& json, BodyReader& outer, ControlSettings& out) {
  if (!out.bus.starts_with("tls://")) {
    outer.wrong("/bus_tls", "goes with a bus of tls://HOST:PORT");
    return;
  }
  if (!json.is_object()) {
    outer.wrong("/bus_tls", "expected a mapping");
    return;
  }
  BodyReader reader(json, {"ca_file", "certificate_file", "key_file"});
  out.bus_tls.ca_file = reader.text("ca_file").value_or("");
  out.bus_tls.certificate_file = reader.text("certificate_file").value_or("");
  out.bus_tls.key_file = reader.text("key_file").value_or("");
  const bool has_key = !out.bus_tls.key_file.empty();
  if (has_key && out.bus_tls.certificate_file.empty()) reader.wrong("/key_file", "goes with certificate_file");
  if (!has_key && !out.bus_tls.certificate_file.empty()) reader.wrong("/certificate_file", "goes with key_file");
  for (const model::Problem& wrong : reader.problem().errors) outer.wrong("/bus_tls" + wrong.pointer, wrong.message);
}

/// What several instances share.
void read_stores(BodyReader& reader, ControlSettings& out) {
  if (const auto url = reader.text("database")) {
    if (auto known = store::Database::check_url(*url); !known) reader.wrong("/database", known.error().message);
    out.database = *url;
  }
  if (const auto url = reader.text("bus"); url && *url != "embedded") {
    if (auto known = bus::NatsBus::check_url(*url); !known) reader.wrong("/bus", known.error().message);
    out.bus = *url;
  }
  if (const auto url = reader.text("redis")) {
    if (auto known = store::Redis::check_url(*url); !known) reader.wrong("/redis", known.error().message);
    out.redis = *url;
  }
  out.rate_limit = reader.number("rate_limit").value_or(0);
}

/// `log:` of the file.
void read_log(const nlohmann::json& log, BodyReader& reader, ControlSettings& out) {
  if (!log.is_object()) {
    reader.wrong("/log", "expected a mapping");
    return;
  }
  BodyReader log_reader(log, {"level", "file"});
  const auto level = log_reader.choice("level", {"debug", "info", "warn", "error"});
  if (level) out.log_level = *yz::log::parse_level(*level);
  out.log_file = log_reader.text("file").value_or("");
  for (const model::Problem& wrong : log_reader.problem().errors) reader.wrong("/log" + wrong.pointer, wrong.message);
}

/// `access_logs:` of the file.
void read_access_logs(const nlohmann::json& json, BodyReader& outer, AccessLogSettings& out) {
  if (!json.is_object()) {
    outer.wrong("/access_logs", "expected a mapping");
    return;
  }
  BodyReader reader(json, {"folder", "quota", "tenant_quota", "retention"});
  const auto size = [&](std::string_view name, ByteCount& to) {
    const auto text = reader.text(name);
    if (!text) return;
    const auto bytes = parse_byte_count(*text);
    if (!bytes || bytes->value == 0) reader.wrong("/" + std::string(name), "expected a size such as 100GiB");
    if (bytes) to = *bytes;
  };
  if (const auto path = reader.text("folder")) out.folder = *path;
  size("quota", out.quota);
  size("tenant_quota", out.tenant_quota);
  if (const auto time = reader.duration("retention", kLongest)) {
    if (*time < std::chrono::hours(1)) reader.wrong("/retention", "expected an hour at least");
    out.retention = *time;
  }
  for (const model::Problem& wrong : reader.problem().errors) {
    outer.wrong("/access_logs" + wrong.pointer, wrong.message);
  }
}

}  // namespace

std::string ControlSettings::database_url() const {
  return database.empty() ? "sqlite:" + (state / "control.db").string() : database;
}

Result<ControlSettings> parse_settings(std::string_view text, std::string_view file_name) {
  YZ_TRY(const model::YamlDocument document, model::YamlDocument::parse(text, file_name));
  const nlohmann::json empty = nlohmann::json::object();
  const nlohmann::json& json = document.json().is_null() ? empty : document.json();
  if (!json.is_object()) return fail(document.to_error({{"", "expected a mapping"}}));

  BodyReader reader(json, {"listen",
                           "node_listen",
                           "state",
                           "database",
                           "bus",
                           "bus_tls",
                           "redis",
                           "rate_limit",
                           "advertise",
                           "web",
                           "ip_data",
                           "cdn_zone",
                           "bootstrap_token_file",
                           "admin_email",
                           "admin_password_file",
                           "session_idle",
                           "session_lifetime",
                           "oidc",
                           "threads",
                           "purge_retention",
                           "barrier_patience",
                           "check_private_origins",
                           "access_logs",
                           "log"});
  ControlSettings out;
  if (const auto listen = reader.text("listen")) {
    if (auto endpoint = Endpoint::parse(*listen)) {
      out.listen = *endpoint;
    } else {
      reader.wrong("/listen", "expected address:port, such as 127.0.0.1:8080");
    }
  }
  if (const auto listen = reader.text("node_listen")) {
    if (!Endpoint::parse(*listen)) reader.wrong("/node_listen", "expected address:port, such as 0.0.0.0:8443");
    out.node_listen = *listen;
  }
  if (const auto state = reader.text("state")) out.state = *state;
  read_stores(reader, out);
  if (const auto tls = json.find("bus_tls"); tls != json.end()) read_bus_tls(*tls, reader, out);
  if (const auto url = reader.text("advertise")) {
    if (!url->starts_with("http://") && !url->starts_with("https://")) {
      reader.wrong("/advertise", "expected a URL such as http://10.0.0.1:8080");
    }
    out.advertise = *url;
  }
  if (const auto path = reader.text("web")) out.web = *path;
  if (const auto path = reader.text("ip_data")) out.ip_data = *path;
  if (const auto path = reader.text("bootstrap_token_file")) out.bootstrap_token_file = *path;
  if (const auto zone = reader.text("cdn_zone")) {
    if (auto name = model::canonical_host(*zone)) {
      out.cdn_zone = *std::move(name);
    } else {
      reader.wrong("/cdn_zone", "expected a domain name");
    }
  }
  if (const auto email = reader.text("admin_email")) {
    out.admin_email = canonical_email(*email);
    if (out.admin_email.empty()) reader.wrong("/admin_email", "expected an email address");
  }
  if (const auto path = reader.text("admin_password_file")) out.admin_password_file = *path;
  if (const auto time = reader.duration("session_idle", kLongest)) out.sessions.idle = *time;
  if (const auto time = reader.duration("session_lifetime", kLongest)) out.sessions.lifetime = *time;
  if (const auto threads = reader.number("threads")) {
    if (*threads < 2 || *threads > 256) reader.wrong("/threads", "expected a number from 2 to 256");
    out.threads = *threads;
  }
  if (const auto time = reader.duration("purge_retention", kLongest)) out.purge_retention = *time;
  if (const auto time = reader.duration("barrier_patience", std::chrono::hours(1))) out.barrier_patience = *time;
  out.check_private_origins = reader.boolean("check_private_origins").value_or(false);
  if (const auto logs = json.find("access_logs"); logs != json.end()) read_access_logs(*logs, reader, out.access_logs);
  if (const auto oidc = json.find("oidc"); oidc != json.end()) out.oidc = read_oidc_settings(*oidc, reader);
  if (const auto log = json.find("log"); log != json.end()) read_log(*log, reader, out);
  if (!reader.ok()) return fail(document.to_error(reader.problem().errors));
  return out;
}

Result<ControlSettings> read_settings(const std::filesystem::path& file) {
  YZ_TRY(const std::string text, read_file(file, kMaxFile));
  return parse_settings(text, file.string());
}

}  // namespace yz::control
