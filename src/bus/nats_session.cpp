#include "bus/nats_session.h"

#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/log.h"
#include "base/openssl.h"
#include "base/text.h"

namespace yz::bus {
namespace {

constexpr std::int64_t kAnswerMs = 2'000;  // of the server, to one request
constexpr std::int64_t kPingMs = 2'000;    // a server that does not answer two of them is gone
constexpr std::uint64_t kMaxPem = 1 << 20;

/// That a file of `bus_tls` can be read, and what it holds.
Result<std::string> read_pem(std::string_view setting, const std::filesystem::path& file) {
  auto pem = read_file(file, kMaxPem);
  if (!pem) return fail(std::move(pem).error().with_context(setting));
  return pem;
}

Status show_certificate(natsOptions* options, const NatsTls& tls) {
  YZ_CHECK(read_pem("bus_tls.certificate_file", tls.certificate_file));
  YZ_TRY(const std::string key, read_pem("bus_tls.key_file", tls.key_file));
  if (auto read = read_key(key); !read) {  // the library would ask for its passphrase on the terminal
    return fail(std::move(read).error().with_context("bus_tls.key_file: " + tls.key_file.native()));
  }
  if (natsOptions_LoadCertificatesChain(options, tls.certificate_file.c_str(), tls.key_file.c_str()) == NATS_OK) {
    return {};
  }
  return fail(Code::kInvalid, fmt::format("bus_tls.certificate_file: {}: expected a certificate in PEM, of that key",
                                          tls.certificate_file.native()));
}

/// The library checks the server's name by itself.
Status encrypt(natsOptions* options, const NatsTls& tls) {
  if (natsOptions_SetSecure(options, true) != NATS_OK) return fail(Code::kInternal, "bus: TLS cannot be set up");
  if (!tls.ca_file.empty()) {
    YZ_CHECK(read_pem("bus_tls.ca_file", tls.ca_file));
    if (natsOptions_LoadCATrustedCertificates(options, tls.ca_file.c_str()) != NATS_OK) {
      return fail(Code::kInvalid,
                  fmt::format("bus_tls.ca_file: {}: expected certificates in PEM", tls.ca_file.native()));
    }
  }
  return tls.certificate_file.empty() ? Status() : show_certificate(options, tls);
}

/// Why an attempt to connect failed, and which setting to look at. `words` are the library's.
std::string explain(natsStatus status, std::string_view words) {
  if (const std::size_t place = words.find("): "); place != std::string_view::npos) words.remove_prefix(place + 3);
  switch (status) {
    case NATS_NO_SERVER:
      return "no NATS server answers";
    case NATS_CONNECTION_AUTH_FAILED:
      return fmt::format("NATS refuses user and password in `bus`: {}", words);
    case NATS_SECURE_CONNECTION_WANTED:
      return "NATS offers no TLS, which tls:// in `bus` asks for";
    case NATS_SSL_ERROR:
      return fmt::format("no TLS with NATS, see the names in `bus`, and `bus_tls`: {}", words);
    default:
      return fmt::format("no connection to NATS, which may ask for `bus_tls.certificate_file`: {}", words);
  }
}

}  // namespace

tl::unexpected<Error> nats_failed(std::string_view what, natsStatus status) {
  const Code code = status == NATS_TIMEOUT ? Code::kTimeout : Code::kUnavailable;
  return fail(code, fmt::format("bus: {}: {}", what, natsStatus_GetText(status)));
}

Result<NatsOptions> nats_options(const std::string& url, const NatsTls& tls) {
  natsOptions* made = nullptr;
  if (natsOptions_Create(&made) != NATS_OK) return fail(Code::kInternal, "bus: no memory");
  NatsOptions options(made);
  std::vector<std::string> urls;
  for (const std::string_view one : split(url, ',')) urls.emplace_back(one);
  std::vector<const char*> servers;
  servers.reserve(urls.size());
  for (const std::string& one : urls) servers.push_back(one.c_str());
  if (natsOptions_SetServers(made, servers.data(), static_cast<int>(servers.size())) != NATS_OK) {
    return fail(Code::kInvalid, "bus URL: expected 'nats://[USER:PASSWORD@]HOST:PORT'");
  }
  if (url.starts_with("tls://")) YZ_CHECK(encrypt(made, tls));
  natsOptions_SetName(made, "yizhan");
  natsOptions_SetTimeout(made, kAnswerMs);
  natsOptions_SetAllowReconnect(made, false);
  natsOptions_SetPingInterval(made, kPingMs);
  natsOptions_SetMaxPingsOut(made, 2);
  natsOptions_SetSendAsap(made, true);
  natsOptions_SetFailRequestsOnDisconnect(made, true);
  const auto tell = [](natsConnection* /*connection*/, natsSubscription* /*subscription*/, natsStatus status,
                       void* /*closure*/) { log::debug("bus: {}", natsStatus_GetText(status)); };
  natsOptions_SetErrorHandler(made, tell, nullptr);
  return options;
}

Result<std::shared_ptr<NatsSession>> NatsSession::connect(natsOptions* options) {
  std::shared_ptr<NatsSession> session(new NatsSession);
  natsConnection* connection = nullptr;
  natsStatus status = natsConnection_Connect(&connection, options);
  session->connection_.reset(connection);
  if (status != NATS_OK) {
    const char* words = nats_GetLastError(&status);
    return fail(Code::kUnavailable, "bus: " + explain(status, words != nullptr ? words : natsStatus_GetText(status)));
  }
  jsOptions js_options{};
  jsOptions_Init(&js_options);
  js_options.Wait = kAnswerMs;
  jsCtx* js = nullptr;
  status = natsConnection_JetStream(&js, connection, &js_options);
  session->js_.reset(js);
  if (status != NATS_OK) return nats_failed("JetStream", status);
  return session;
}

bool NatsSession::is_connected() const {
  return natsConnection_Status(connection_.get()) == NATS_CONN_STATUS_CONNECTED;
}

}  // namespace yz::bus
