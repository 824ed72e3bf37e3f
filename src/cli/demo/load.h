#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "cli/demo/story.h"

namespace yz::cli {

/// Viewers who ask again and again, each time resolving first, until stopped: the load under which things are killed.
class Load {
 public:
  struct Counts {
    std::uint64_t served = 0;
    std::uint64_t wrong = 0;   ///< a status other than 200, or other bytes than expected
    std::uint64_t cut = 0;     ///< the connection died or was refused, or the node was just starting (503)
    std::uint64_t no_dns = 0;  ///< DNS did not answer
  };

  /// `viewers` of them, at `client`, asking for `path` of `host`, which always has `content`.
  Load(Story& story, std::string host, std::string path, std::string content, IpAddress client, int viewers);
  /// Lets every viewer finish what it is at.
  [[nodiscard]] io::Task<Status> stop();
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  io::Task<Status> one_viewer();

  Story& story_;
  const std::string host_;
  const std::string path_;
  const std::string content_;
  const IpAddress client_;
  bool is_stopping_ = false;
  Counts counts_;
  Together viewers_;
};

}  // namespace yz::cli
