#include "edge/options.h"

#include <functional>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "http/authority.h"
#include "model/yaml.h"

namespace yz::edge {
namespace {

constexpr std::string_view kHelp =
    "yz-edge: the caching data plane of Yizhan\n"
    "\n"
    "  yz-edge --listen 127.0.0.1:8080 --origin http://127.0.0.1:9000     runs alone, as a caching reverse proxy\n"
    "  yz-edge --config /etc/yizhan/edge.yaml                             runs under an agent\n"
    "\n"
    "  --listen ADDRESS:PORT   where viewers connect; may be given several times; port 0 takes a free one\n"
    "  --tls-listen ADDRESS:PORT   the same over TLS\n"
    "  --cert FILE, --key FILE     PEM chain and key shown for names without a certificate of their own; repeat the\n"
    "                          pair for another kind of key (ECDSA, RSA)\n"
    "  --kernel-tls on|off     let the kernel encrypt where it can (default on)\n"
    "  --ocsp off|public|any   OCSP responders that are asked for what is stapled: none, those at public addresses\n"
    "                          (default), or all that certificates name\n"
    "  --origin URL            runs alone: every host is served from this origin (http:// or https://)\n"
    "  --host-header NAME      Host sent to that origin (default: the viewer's)\n"
    "  --profile rfc|safe      how caching uses the room RFC 9111 leaves, alone (default safe)\n"
    "  --memory SIZE           hard bound of the cache, such as 512MiB (default 512MiB)\n"
    "  --max-object SIZE       larger ones are kept in slices, or not at all (default half of the memory)\n"
    "  --slice-size SIZE       large objects are fetched and kept in slices of it (default 1MiB, 0: whole)\n"
    "  --slice-above SIZE      what is large (default 4MiB)\n"
    "  --disk PATH:SIZE        a file or block device that keeps what memory lets go of, over restarts; may be given\n"
    "                          several times; PATH:SIZE:sparse does not reserve the space\n"
    "  --disk-write-rate SIZE  bytes a second written to each disk (default 100MiB; 0: no bound)\n"
    "  --leader-timeout TIME   who waits for another's fetch this long without a head fetches anew (default 10s)\n"
    "  --workers N             threads (default 1)\n"
    "  --connections-per-address N   of one client at one worker, more are closed (default 2000, 0: no limit)\n"
    "  --body-min-rate SIZE    bytes a second a request's body must bring after 10 s (default 240; 0: none)\n"
    "  --send-min-rate SIZE    bytes a second a client must take of an answer after 30 s (default 1KiB; 0: none)\n"
    "  --io auto|epoll|uring   how workers ask the system; auto: io_uring where the kernel allows it (default epoll)\n"
    "  --admin PATH            unix socket of the admin API\n"
    "  --state DIR             folder of the purge log and of usage counters (default: kept in memory)\n"
    "  --node ID               who this node is in the configuration\n"
    "  --access-log FILE       one JSON line a request; - is standard output\n"
    "  --log-spool DIR         customers' access logs, for the agent to take\n"
    "  --log-budget SIZE       the most they may hold; beyond it lines are lost and counted (default 1GiB,\n"
    "                          0: no logs)\n"
    "  --http2 on|off          serve HTTP/2, in the clear to clients that begin with it (default on)\n"
    "  --geo-map FILE          compiled address map, for redirecting viewers that belong elsewhere\n"
    "  --config FILE           the same names in YAML, with _ for -; flags win over the file\n";

/// Reads one setting's text into the options; the message says what was expected.
using Read = std::function<Status(Options&, const std::string&)>;

Status expected(std::string_view what, const std::string& got) {
  return fail(Code::kInvalid, fmt::format("expected {}, got \"{}\"", what, got));
}

/// A rate that slow clients must keep.
Status read_rate(ByteCount& into, const std::string& text) {
  YZ_TRY(into, parse_byte_count(text));
  return into > mib(1) ? expected("up to 1MiB a second", text) : Status();
}

const std::map<std::string, Read, std::less<>>& settings() {
  static const std::map<std::string, Read, std::less<>> kSettings = {
      {"listen",
       [](Options& o, const std::string& v) -> Status {
         YZ_TRY(const Endpoint endpoint, Endpoint::parse(v));
         o.listen.push_back(endpoint);
         return {};
       }},
      {"tls_listen",
       [](Options& o, const std::string& v) -> Status {
         YZ_TRY(const Endpoint endpoint, Endpoint::parse(v));
         o.tls_listen.push_back(endpoint);
         return {};
       }},
      {"cert", [](Options& o, const std::string& v) -> Status { return o.cert.push_back(v), Status(); }},
      {"key", [](Options& o, const std::string& v) -> Status { return o.key.push_back(v), Status(); }},
      {"kernel_tls",
       [](Options& o, const std::string& v) -> Status {
         if (v != "on" && v != "off" && v != "true" && v != "false") return expected("on or off", v);
         o.kernel_tls = v == "on" || v == "true";
         return {};
       }},
      {"ocsp",
       [](Options& o, const std::string& v) -> Status {
         if (v != "off" && v != "public" && v != "any" && v != "false") return expected("off, public or any", v);
         o.ocsp = v == "any" ? OcspPolicy::kAny : v == "public" ? OcspPolicy::kPublic : OcspPolicy::kOff;
         return {};
       }},
      {"origin",
       [](Options& o, const std::string& v) -> Status {
         YZ_TRY(o.origin, parse_origin_url(v));
         return {};
       }},
      {"memory",
       [](Options& o, const std::string& v) -> Status {
         YZ_TRY(o.memory, parse_byte_count(v));
         return o.memory < mib(8) ? expected("at least 8MiB", v) : Status();
       }},
      {"max_object",
       [](Options& o, const std::string& v) -> Status {
         YZ_TRY(o.max_object, parse_byte_count(v));
         return {};
       }},
      {"slice_size",
       [](Options& o, const std::string& v) -> Status {
         YZ_TRY(o.slice_size, parse_byte_count(v));
         const bool fits = o.slice_size.value == 0 || (o.slice_size >= kib(64) && o.slice_size <= mib(16));
         return fits ? Status() : expected("0, or from 64KiB to 16MiB", v);
       }},
      {"slice_above",
       [](Options& o, const std::string& v) -> Status {
         YZ_TRY(o.slice_above, parse_byte_count(v));
         return {};
       }},
      {"disk",
       [](Options& o, const std::string& v) -> Status {
         YZ_TRY(auto place, cache::parse_disk_place(v));
         if (place.size < mib(8)) return expected("at least 8MiB after the path", v);
         for (const auto& other : o.disks) {
           if (other.path == place.path) return expected("each disk once", v);
         }
         o.disks.push_back(std::move(place));
         return {};
       }},
      {"disk_write_rate",
       [](Options& o, const std::string& v) -> Status {
         YZ_TRY(o.disk_write_rate, parse_byte_count(v));
         return {};
       }},
      {"leader_timeout",
       [](Options& o, const std::string& v) -> Status {
         YZ_TRY(o.leader_timeout, parse_duration(v));
         const bool fits =
             o.leader_timeout >= std::chrono::milliseconds(100) && o.leader_timeout <= std::chrono::minutes(5);
         return fits ? Status() : expected("from 100ms to 5m", v);
       }},
      {"workers",
       [](Options& o, const std::string& v) -> Status {
         const auto n = parse_u32(v, 256);
         if (!n || *n == 0) return expected("a number from 1 to 256", v);
         o.workers = *n;
         return {};
       }},
      {"connections_per_address",
       [](Options& o, const std::string& v) -> Status {
         const auto n = parse_u32(v, 1'000'000);
         if (!n) return expected("a number up to 1000000", v);
         o.connections_per_address = *n;
         return {};
       }},
      {"body_min_rate", [](Options& o, const std::string& v) { return read_rate(o.body_min_rate, v); }},
      {"send_min_rate", [](Options& o, const std::string& v) { return read_rate(o.send_min_rate, v); }},
      {"io",
       [](Options& o, const std::string& v) -> Status {
         if (v != "auto" && v != "epoll" && v != "uring") return expected("auto, epoll or uring", v);
         o.io = v == "auto" ? io::fastest_backend() : v == "uring" ? io::Backend::kUring : io::Backend::kEpoll;
         return {};
       }},
      {"profile",
       [](Options& o, const std::string& v) -> Status {
         if (v != "rfc" && v != "safe") return expected("rfc or safe", v);
         o.profile = v == "rfc" ? http::Profile::kRfc : http::Profile::kSafe;
         return {};
       }},
      {"node",
       [](Options& o, const std::string& v) -> Status {
         const auto id = parse_u64(v);
         if (!id) return expected("a node's number", v);
         o.node = model::NodeId{*id};
         return {};
       }},
      {"admin", [](Options& o, const std::string& v) -> Status { return o.admin = v, Status(); }},
      {"state", [](Options& o, const std::string& v) -> Status { return o.state = v, Status(); }},
      {"host_header", [](Options& o, const std::string& v) -> Status { return o.host_header = v, Status(); }},
      {"access_log", [](Options& o, const std::string& v) -> Status { return o.access_log = v, Status(); }},
      {"log_spool", [](Options& o, const std::string& v) -> Status { return o.log_spool = v, Status(); }},
      {"log_budget",
       [](Options& o, const std::string& v) -> Status {
         YZ_TRY(o.log_budget, parse_byte_count(v));
         return o.log_budget.value > 0 && o.log_budget < mib(1) ? expected("0, or at least 1MiB", v) : Status();
       }},
      {"geo_map", [](Options& o, const std::string& v) -> Status { return o.geo_map = v, Status(); }},
      {"http2",
       [](Options& o, const std::string& v) -> Status {
         if (v != "on" && v != "off" && v != "true" && v != "false") return expected("on or off", v);
         o.http2 = v == "on" || v == "true";
         return {};
       }},
      {"config", [](Options& o, const std::string& v) -> Status { return o.config = v, Status(); }},
  };
  return kSettings;
}

Status apply(Options& options, std::string_view name, const std::string& value, const std::string& where) {
  const auto setting = settings().find(name);
  if (setting == settings().end()) {
    return fail(Code::kInvalid, fmt::format("{}: there is no such setting (--help lists them)", where));
  }
  auto status = setting->second(options, value);
  if (!status) return fail(std::move(status).error().with_context(where));
  return {};
}

std::string text_of(const nlohmann::json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

Status read_file_settings(Options& options, const std::string& file) {
  YZ_TRY(const std::string text, read_file(file, 1 << 20));
  YZ_TRY(const model::YamlDocument document, model::YamlDocument::parse(text, file));
  if (!document.json().is_object())
    return fail(Code::kInvalid, file + ": expected settings, one \"name: value\" a line");
  for (const auto& [name, value] : document.json().items()) {
    const std::string where = fmt::format("{}: {}", document.where("/" + name), name);
    if (value.is_array()) {
      for (const auto& element : value) YZ_CHECK(apply(options, name, text_of(element), where));
    } else {
      YZ_CHECK(apply(options, name, text_of(value), where));
    }
  }
  return {};
}

}  // namespace

Result<StandaloneOrigin> parse_origin_url(std::string_view url) {
  const http::Reference reference = http::split_reference(url);
  const auto authority = http::parse_authority(reference.authority);
  const std::uint16_t port = http::default_port(reference.scheme);
  if (!authority || port == 0 || (!reference.path.empty() && reference.path != "/") || reference.has_query) {
    return fail(Code::kInvalid, fmt::format("expected http://host[:port] or https://host[:port], got \"{}\"", url));
  }
  return StandaloneOrigin{std::string(authority->host), authority->port == 0 ? port : authority->port, port == 443};
}

Result<Options> read_options(int argc, const char* const* argv) {
  Options options;
  std::vector<std::pair<std::string, std::string>> flags;
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i];
    if (name == "--help" || name == "-h") return fail(Code::kCancelled, std::string(kHelp));
    if (!name.starts_with("--")) return fail(Code::kInvalid, fmt::format("{}: expected a flag such as --listen", name));
    std::string value;
    if (const auto equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (++i < argc) {
      value = argv[i];
    } else {
      return fail(Code::kInvalid, fmt::format("{}: expected a value after it", name));
    }
    flags.emplace_back(std::move(name), std::move(value));
  }
  for (const auto& [name, value] : flags) {
    if (name == "--config") YZ_CHECK(read_file_settings(options, value));
  }
  bool listens = false;
  bool has_disk = false;
  for (const auto& [name, value] : flags) {
    std::string key = name.substr(2);
    for (char& c : key) c = c == '-' ? '_' : c;
    if (key == "disk" && !std::exchange(has_disk, true)) options.disks.clear();
    if (key == "listen" && !std::exchange(listens, true)) options.listen.clear();
    YZ_CHECK(apply(options, key, value, name));
  }
  if (options.cert.size() != options.key.size()) {
    return fail(Code::kInvalid, "--key: expected one for each --cert, in the same order");
  }
  if (!options.tls_listen.empty() && options.cert.empty() && options.admin.empty()) {
    return fail(Code::kInvalid, "--cert: expected a certificate to listen for TLS with");
  }
  if (options.listen.empty() && options.tls_listen.empty())
    return fail(Code::kInvalid, "--listen: expected at least one address:port");
  if (!options.origin && options.admin.empty()) {
    return fail(Code::kInvalid, "--origin: expected an origin to run alone, or --admin for an agent to configure it");
  }
  return options;
}

}  // namespace yz::edge
