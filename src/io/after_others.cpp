#include "io/after_others.h"

#include "io/epoll_poller.h"

namespace yz::io {

bool AfterOthers::has_others() {
  Reactor& reactor = Reactor::current();
  return reactor.ring() == nullptr && static_cast<EpollPoller&>(reactor.poller()).has_more();
}

}  // namespace yz::io
