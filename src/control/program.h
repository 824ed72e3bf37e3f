#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "control/call.h"
#include "control/settings.h"
#include "control/state_folder.h"

namespace yz::control {

/// A running control: database, bus, node channel, API. Everything but `stop()` belongs to the thread that calls run().
class ControlProgram final {
 public:
  /// Opens and recovers everything and listens; blocks. Fails with one sentence for people.
  [[nodiscard]] static Result<std::unique_ptr<ControlProgram>> open(const ControlSettings& settings,
                                                                    const Clock& clock = SystemClock::instance());
  ~ControlProgram();

  /// Serves until stop(), then ends open requests and closes everything.
  void run();
  /// Any thread, and signal waiters.
  void stop();
  /// Stops at SIGTERM and SIGINT, which must be blocked in all threads.
  void stop_at_signals();

  [[nodiscard]] Endpoint api() const;
  [[nodiscard]] std::uint16_t node_port() const;
  [[nodiscard]] const Routes& routes() const;
  /// Whether /operator/ and /portal/ are served.
  [[nodiscard]] bool has_portals() const;
  /// What this start made for the operator to get in with.
  [[nodiscard]] const FirstSecrets& first_secrets() const;

 private:
  struct Parts;
  explicit ControlProgram(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace yz::control
