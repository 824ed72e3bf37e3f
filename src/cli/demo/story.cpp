#include "cli/demo/story.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/file.h"
#include "cli/dns_client.h"
#include "cli/table.h"

namespace yz::cli {

using nlohmann::json;

double Samples::percentile(double percent) const {
  if (ms_.empty()) return 0;
  std::vector<double> sorted = ms_;
  std::sort(sorted.begin(), sorted.end());
  const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

std::string Samples::text() const {
  return fmt::format("p50 {}, p99 {}, max {} over {}", human_ms(percentile(50)), human_ms(percentile(99)),
                     human_ms(percentile(100)), count());
}

Story::Story(io::Reactor& r, Cluster& c, DemoSize s, std::filesystem::path folder)
    : reactor(r),
      cluster(c),
      size(s),
      viewers(r, ledger),
      origin({folder, std::chrono::seconds(3600),
              [this](std::string_view path) { return path.starts_with("/slow/") ? slow_rate : 0; }}),
      site(std::move(folder)),
      started(SystemClock::instance().wall()) {}

void Story::title(int number, std::string_view text) {
  fmt::print("\n{}\n", coloured(Colour::kBold, fmt::format("{:2}. {}", number, text)));
  std::fflush(stdout);
}

void Story::tell(std::string_view text) const {
  fmt::print("    {}\n", text);
  std::fflush(stdout);
}

Status Story::check(bool holds, std::string_view claim) const {
  fmt::print("    {} {}\n", holds ? coloured(Colour::kGreen, "ok  ") : coloured(Colour::kRed, "FAIL"), claim);
  std::fflush(stdout);
  if (!holds) return fail(Code::kInternal, fmt::format("does not hold: {}", claim));
  return {};
}

Status Story::check_time(const Samples& samples, double percent, double bound_ms, std::string_view what) {
  const double value = samples.percentile(percent);
  summary.push_back(fmt::format("{} p{:.0f} {}", what, percent, human_ms(value)));
  return check(value <= bound_ms,
               fmt::format("{}: {}; bound p{:.0f} <= {}", what, samples.text(), percent, human_ms(bound_ms)));
}

io::Task<Result<Endpoint>> Story::edge_for(std::string of, IpAddress client) {
  YZ_CO_TRY(const DnsAnswer answer, co_await resolve_through(cluster.dns(), cname(of), client));
  if (answer.addresses.empty()) co_return fail(Code::kNotFound, fmt::format("DNS names no node for {}", of));
  co_return Endpoint{answer.addresses.front(), cluster.plan().edge_port};
}

io::Task<Result<Reply>> Story::get(Endpoint edge, std::string path, IpAddress client,
                                   std::optional<std::string_view> expected) {
  ViewerRequest request;
  request.edge = edge;
  request.host = host;
  request.path = std::move(path);
  request.client = client;
  request.expected = expected;
  return viewers.get(std::move(request));
}

Status Story::write_file(const std::string& path, std::string_view content) const {
  const auto where = site / path.substr(1);
  YZ_CHECK(make_folder(where.parent_path()));
  return write_file_atomically(where, content);
}

io::Task<Result<json>> Story::refresh(json body, Samples& samples) {
  const MonoTime start = SystemClock::instance().mono();
  YZ_CO_TRY(json task, co_await cluster.api().post("/api/v1/refresh", std::move(body)));
  if (task.value("state", "") != "complete") {
    YZ_CO_TRY(task, co_await cluster.api().wait_for_task(task["id"].get<std::uint64_t>(), std::chrono::milliseconds(1),
                                                         std::chrono::seconds(10)));
  }
  samples.add(SystemClock::instance().mono() - start);
  const std::string state = task.value("state", "");
  if (state != "complete") co_return fail(Code::kUnavailable, fmt::format("the refresh is {}: {}", state, task.dump()));
  co_return task;
}

io::Task<Status> Story::wait_until(std::function<io::Task<bool>()> holds, std::chrono::milliseconds timeout,
                                   std::string what, std::chrono::milliseconds every) {
  const MonoTime deadline = reactor.in(timeout);
  while (true) {
    if (co_await holds()) co_return Status();
    if (reactor.now() >= deadline)
      co_return fail(Code::kTimeout,
                     fmt::format("waited {} in vain for {}", human_ms(static_cast<double>(timeout.count())), what));
    co_await io::sleep_for(every);
  }
}

void Together::add(io::Task<Status> task) { reactor_.spawn_into(scope_, run(std::move(task))); }

io::Task<void> Together::run(io::Task<Status> task) {
  Status status = co_await std::move(task);
  if (!status && first_failure_) first_failure_ = std::move(status);
}

io::Task<Status> Together::wait() {
  while (scope_.size() > 0) co_await io::sleep_for(std::chrono::milliseconds(1));
  co_return std::move(first_failure_);
}

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) return fail_errno(path.string(), errno);
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return MappedFile(std::string_view());
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) return fail_errno(path.string(), errno);
  return MappedFile(std::string_view(static_cast<const char*>(data), size));
}

MappedFile::MappedFile(MappedFile&& other) noexcept : view_(std::exchange(other.view_, {})) {}

MappedFile::~MappedFile() {
  if (!view_.empty()) ::munmap(const_cast<char*>(view_.data()), view_.size());
}

}  // namespace yz::cli
