#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/ip.h"
#include "base/result.h"
#include "io/reactor.h"
#include "io/task.h"
#include "net/http_client.h"

namespace yz::cli {

/// What viewers counted themselves, by host: the yardstick for the usage that edges report. A kill -9 leaves doubt
/// about the requests it meets: those it cuts (`cut`: the edge may have counted them although the viewer got no whole
/// answer) and those whose last byte had just left the edge (`doubtful`: whole for the viewer, but the edge may have
/// died between sending and counting). Everything else must be equal.
class Ledger {
 public:
  struct Row {
    std::uint64_t requests = 0;   ///< whole responses received
    std::uint64_t bytes_out = 0;  ///< received for them, heads included
    std::uint64_t bytes_in = 0;   ///< sent for them
    std::uint64_t cut = 0;        ///< requests whose connection died
    std::uint64_t cut_sent = 0;   ///< at most sent for those
    std::uint64_t doubtful = 0;   ///< of `requests`: those a kill may have met
    std::uint64_t doubtful_out = 0;
    std::uint64_t doubtful_in = 0;
  };
  /// A whole response from `edge` of `out` bytes to a request of `in` bytes, begun and ended at these times.
  struct Completed {
    Endpoint edge;
    std::uint64_t out = 0;
    std::uint64_t in = 0;
    MonoTime begun;
    MonoTime ended;
  };

  void add(const std::string& host, const Completed& one);
  void add_cut(const std::string& host, std::uint64_t sent);
  /// The edge is being killed now.
  void killed(const Endpoint& edge, MonoTime now);
  [[nodiscard]] const std::map<std::string, Row>& rows() const { return rows_; }

 private:
  /// How long before a kill an answer may have reached its viewer without having been counted.
  static constexpr std::chrono::milliseconds kWindow{20};
  static void doubt(Row& row, const Completed& one);

  std::map<std::string, Row> rows_;
  std::map<Endpoint, MonoTime> kills_;                    ///< the last one of each edge
  std::deque<std::pair<std::string, Completed>> recent_;  ///< of the last kWindow, oldest first
};

/// One response as a viewer saw it.
struct Reply {
  int status = 0;
  std::string cache_status;  ///< Cache-Status (RFC 9211), all members
  std::string location;
  std::string body;        ///< when it was to be kept
  std::uint64_t size = 0;  ///< of the body
  bool matches = true;     ///< every byte was the expected one, and none is missing
  MonoTime first_byte;     ///< when the first of the body was there
  MonoTime done;

  /// Whether the node that answered had it: the last member of Cache-Status says "hit".
  [[nodiscard]] bool is_hit() const;
};

/// What to ask for.
struct ViewerRequest {
  Endpoint edge;
  std::string host;
  std::string path;
  IpAddress client;  ///< where the viewer is: sent as X-Forwarded-For, which edges believe from this machine
  std::optional<std::string_view> expected;  ///< the body to compare with while it arrives; must outlive the request
  bool keep_body = false;
};

/// Where a redirect leads.
struct RedirectTarget {
  Endpoint edge;
  std::string path;
};
/// Takes "http://127.0.1.1:8080/path" apart. Fails with kInvalid.
[[nodiscard]] Result<RedirectTarget> parse_location(const std::string& location);

/// Viewers of the demo: HTTP clients that count what they get. One reactor's thread.
class Viewers {
 public:
  Viewers(io::Reactor& reactor, Ledger& ledger);

  /// One request; no redirect is followed. Fails when the connection dies or the answer is not whole, and counts that.
  [[nodiscard]] io::Task<Result<Reply>> get(ViewerRequest request);
  /// The same, and one redirect is followed, as browsers do.
  [[nodiscard]] io::Task<Result<Reply>> get_following(ViewerRequest request);
  /// Closes idle connections, so that the next requests meet no dead one.
  void forget_connections() { http_.close_idle(); }

 private:
  io::Reactor& reactor_;
  Ledger& ledger_;
  net::HttpClient http_;
};

}  // namespace yz::cli
