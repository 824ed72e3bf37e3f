#pragma once

#include <filesystem>
#include <string>

#include "agent/cache_driver.h"
#include "net/http_client.h"

namespace yz::agent {

/// Drives yz-edge through its admin socket (docs/formats/edge-admin.md).
class EdgeDriver final : public CacheDriver {
 public:
  EdgeDriver(io::Reactor& reactor, const std::filesystem::path& socket);

  [[nodiscard]] io::Task<Result<CacheStatus>> status() override;
  [[nodiscard]] io::Task<Status> apply_snapshot(rpc::SharedBytes snapshot) override;
  [[nodiscard]] io::Task<Status> apply_delta(rpc::SharedBytes delta) override;
  [[nodiscard]] io::Task<Result<model::PurgeSeq>> purge(rpc::SharedBytes records) override;
  [[nodiscard]] io::Task<Result<model::PurgeSeq>> resync(model::PurgeSeq seq) override;
  [[nodiscard]] io::Task<Result<Prefetched>> prefetch(std::string url, bool reads_manifests) override;
  [[nodiscard]] io::Task<Result<std::vector<rpc::Correction>>> take_corrections() override;
  [[nodiscard]] io::Task<Status> set_ready(bool ready) override;
  [[nodiscard]] io::Task<Status> set_draining(bool draining) override;

 private:
  struct Call {
    std::string method;
    std::string target;
    std::string content_type;
    std::chrono::milliseconds timeout;
  };
  /// The body of a 2xx answer; otherwise an error made from the problem it holds.
  [[nodiscard]] io::Task<Result<std::string>> ask(Call call, std::string body);

  net::HttpClient client_;
  net::Upstream edge_;
};

}  // namespace yz::agent
