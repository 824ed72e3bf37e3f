#include "io/reactor_thread.h"

#include <future>

#include <pthread.h>

namespace yz::io {

ReactorThread::ReactorThread(const std::string& name, Backend backend) {
  std::promise<Reactor*> made;
  auto future = made.get_future();
  thread_ = std::thread([made = std::move(made), short_name = name.substr(0, 15), backend]() mutable {
    ::pthread_setname_np(::pthread_self(), short_name.c_str());
    Reactor reactor(backend);
    made.set_value(&reactor);
    reactor.run();
  });
  reactor_ = future.get();
}

ReactorThread::~ReactorThread() {
  reactor_->stop();
  thread_.join();
}

void ReactorThread::run_and_wait(const std::function<void(Reactor&)>& function) {
  auto done = std::make_shared<std::promise<void>>();  // shared: set_value() may still run when wait() has returned
  reactor_->post([this, &function, done] {
    function(*reactor_);
    done->set_value();
  });
  done->get_future().wait();
}

}  // namespace yz::io
