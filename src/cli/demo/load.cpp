#include "cli/demo/load.h"

namespace yz::cli {

Load::Load(Story& story, std::string host, std::string path, std::string content, IpAddress client, int viewers)
    : story_(story),
      host_(std::move(host)),
      path_(std::move(path)),
      content_(std::move(content)),
      client_(client),
      viewers_(story.reactor) {
  for (int i = 0; i < viewers; ++i) viewers_.add(one_viewer());
}

io::Task<Status> Load::one_viewer() {
  while (!is_stopping_) {
    const auto edge = co_await story_.edge_for(host_, client_);
    if (!edge) {
      ++counts_.no_dns;
    } else {
      ViewerRequest request;
      request.edge = *edge;
      request.host = host_;
      request.path = path_;
      request.client = client_;
      request.expected = content_;
      const auto reply = co_await story_.viewers.get_following(std::move(request));
      if (!reply || reply->status == 503) {
        ++counts_.cut;
      } else {
        reply->status == 200 && reply->matches ? ++counts_.served : ++counts_.wrong;
      }
    }
    co_await io::sleep_for(std::chrono::milliseconds(10));
  }
  co_return Status();
}

io::Task<Status> Load::stop() {
  is_stopping_ = true;
  return viewers_.wait();
}

}  // namespace yz::cli
