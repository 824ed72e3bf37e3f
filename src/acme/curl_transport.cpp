#include "acme/curl_transport.h"

#include <array>
#include <mutex>

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/text.h"

namespace yz::acme {
namespace {

struct Answer {
  HttpResponse response;
  std::size_t max_body = 0;
  bool is_too_long = false;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* to) {
  auto& answer = *static_cast<Answer*>(to);
  const std::size_t bytes = size * count;
  if (answer.response.body.size() + bytes > answer.max_body) {
    answer.is_too_long = true;
    return 0;
  }
  answer.response.body.append(data, bytes);
  return bytes;
}

/// Called about once a second; not 0 ends the exchange.
int look_up(void* flag, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::atomic<bool>*>(flag)->load(std::memory_order_relaxed) ? 1 : 0;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* to) {
  auto& answer = *static_cast<Answer*>(to);
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) {
    answer.response.headers.clear();  // a 1xx or a proxy's answer came before
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    answer.response.headers.emplace_back(to_lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  return line.size();
}

Code code_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Code::kTimeout;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Code::kInvalid;
    default:
      return Code::kUnavailable;
  }
}

void initialise_once() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
  for (const auto& [field, value] : headers) {
    if (field == name) return value;
  }
  return {};
}

struct CurlTransport::Handle {
  CURL* easy = nullptr;
  ~Handle() { curl_easy_cleanup(easy); }
};

CurlTransport::CurlTransport(Options options) : options_(std::move(options)), handle_(std::make_unique<Handle>()) {
  initialise_once();
  handle_->easy = curl_easy_init();
}

CurlTransport::~CurlTransport() = default;

Result<HttpResponse> CurlTransport::exchange(const HttpRequest& request) {
  CURL* easy = handle_->easy;
  if (easy == nullptr) return fail(Code::kInternal, "libcurl could not be set up");
  curl_easy_reset(easy);  // connections stay
  std::array<char, CURL_ERROR_SIZE> reason{};
  Answer answer;
  answer.max_body = options_.max_body;
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, options_.allows_http ? "http,https" : "https");
  curl_easy_setopt(easy, CURLOPT_USERAGENT, options_.user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout.count()));
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, reason.data());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &answer);
  if (!options_.ca_pem.empty()) {
    curl_blob roots{const_cast<char*>(options_.ca_pem.data()), options_.ca_pem.size(), CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &roots);
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
  if (options_.is_stopping) {
    curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, look_up);
    curl_easy_setopt(easy, CURLOPT_XFERINFODATA, static_cast<const void*>(options_.is_stopping.get()));
  }
  curl_slist* fields = nullptr;
  if (!request.accept.empty()) fields = curl_slist_append(fields, ("Accept: " + request.accept).c_str());
  if (!request.authorization.empty()) {
    fields = curl_slist_append(fields, ("Authorization: " + request.authorization).c_str());
  }
  if (request.method == "POST") {
    fields = curl_slist_append(fields, ("Content-Type: " + request.content_type).c_str());
    fields = curl_slist_append(fields, "Expect:");
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
  } else if (request.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  }
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fields);
  const CURLcode done = curl_easy_perform(easy);
  curl_slist_free_all(fields);
  if (answer.is_too_long) {
    return fail(Code::kLimit, fmt::format("{}: the answer is longer than {} bytes", request.url, options_.max_body),
                Fault::kOrigin);
  }
  if (done != CURLE_OK) {
    const std::string_view why = reason[0] != '\0' ? reason.data() : curl_easy_strerror(done);
    return fail(code_of(done), fmt::format("{}: {}", request.url, why), Fault::kOrigin);
  }
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  answer.response.status = static_cast<int>(status);
  return std::move(answer.response);
}

}  // namespace yz::acme
