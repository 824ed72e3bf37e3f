#include "agent/control_link.h"

#include <utility>

#include "base/log.h"

namespace yz::agent {

ControlLink::ControlLink(io::Reactor& reactor, Handlers handlers)
    : remote_(reactor.remote()), handlers_(std::move(handlers)) {}

void ControlLink::start(std::vector<std::string> controls, rpc::NodeIdentity identity) {
  rpc::NodeClientOptions options;
  options.controls = std::move(controls);
  options.identity = std::move(identity);
  client_ = rpc::NodeClient::start(std::move(options), *this);
}

void ControlLink::stop() {
  *alive_ = false;
  client_.reset();
  connected_ = false;
}

bool ControlLink::send(rpc::NodeMessage message) { return connected_ && client_ && client_->send(std::move(message)); }

void ControlLink::resynchronise(const std::string& why) {
  log::warn("asking control for a new start: {}", why);
  if (client_) client_->reconnect();
}

void ControlLink::set_identity(rpc::NodeIdentity identity) {
  if (client_) client_->set_identity(std::move(identity));
}

void ControlLink::set_hello(rpc::Hello hello) {
  const std::lock_guard lock(mutex_);
  hello_ = std::move(hello);
}

rpc::Hello ControlLink::make_hello() {
  const std::lock_guard lock(mutex_);
  return hello_;
}

void ControlLink::post(std::function<void()> deed) {
  remote_->post([alive = alive_, run = std::move(deed)] {
    if (*alive) run();
  });
}

void ControlLink::on_connected(const rpc::Welcome& welcome) {
  last_refusal_.clear();
  log::info("connected to control as node {}", to_string(welcome.node));
  post([this, welcome] {
    connected_ = true;
    handlers_.on_connected(welcome);
  });
}

void ControlLink::on_message(rpc::ControlMessage message) {
  post([this, held = std::move(message)]() mutable { handlers_.on_message(std::move(held)); });
}

void ControlLink::on_disconnected(const Error& reason) {
  log::warn("control is away: {}", reason.message);
  post([this] {
    connected_ = false;
    handlers_.on_disconnected();
  });
}

void ControlLink::on_refused(const Error& reason, std::chrono::milliseconds) {
  if (last_refusal_ == reason.message) return;
  last_refusal_ = reason.message;
  log::warn("cannot connect to control, will go on trying: {}", reason.message);
}

}  // namespace yz::agent
