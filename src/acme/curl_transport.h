#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "acme/transport.h"

namespace yz::acme {

/// HTTPS by libcurl, for authorities and identity providers; one connection kept between exchanges. Certificates are
/// always verified, against the system's roots or, when given, `ca_pem` alone. A proxy is taken from the environment
/// (https_proxy, no_proxy). One thread at a time.
class CurlTransport final : public Transport {
 public:
  struct Options {
    std::string user_agent = "yizhan-acme/1";  ///< RFC 8555 §6.1: clients say who they are
    bool allows_http = false;                  ///< plain HTTP as well: for servers on this machine
    std::string ca_pem;                        ///< roots to trust instead of the system's; empty: the system's
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds timeout{30'000};  ///< of one whole exchange
    std::size_t max_body = 1 << 20;
    std::shared_ptr<const std::atomic<bool>> is_stopping;  ///< shared: once true, exchanges end within a second
  };
  explicit CurlTransport(Options options);
  ~CurlTransport() override;
  CurlTransport(const CurlTransport&) = delete;
  CurlTransport& operator=(const CurlTransport&) = delete;

  Result<HttpResponse> exchange(const HttpRequest& request) override;

 private:
  struct Handle;
  const Options options_;
  const std::unique_ptr<Handle> handle_;
};

}  // namespace yz::acme
