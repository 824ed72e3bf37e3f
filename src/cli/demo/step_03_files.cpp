// Real files and a large one through the nodes that DNS named: first a miss, then a hit, byte for byte the origin's,
// and each taken from the origin exactly once although two cities ask.
#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "base/random.h"
#include "cli/demo/story.h"
#include "cli/table.h"

namespace yz::cli {
namespace {

bool has_plain_name(const std::string& name) {
  return !name.empty() && name[0] != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  });
}

/// Copies up to `wanted` real files of the system's documentation, pictures and headers into the site.
std::vector<std::string> gather(const Story& story, int wanted) {
  namespace fs = std::filesystem;
  std::vector<std::string> paths;
  std::error_code ignored;
  (void)make_folder(story.site / "files");
  for (const char* root : {"/usr/share/doc", "/usr/share/pixmaps", "/usr/share/icons", "/usr/share/common-licenses",
                           "/usr/share", "/usr/include"}) {
    for (fs::recursive_directory_iterator it(root, fs::directory_options::skip_permission_denied, ignored), end;
         it != end; it.increment(ignored)) {
      if (static_cast<int>(paths.size()) >= wanted) return paths;
      const std::string name = it->path().filename().string();
      if (!it->is_regular_file(ignored) || it->is_symlink(ignored) || !has_plain_name(name)) continue;
      const auto size = it->file_size(ignored);
      if (ignored || size == 0 || size > (1 << 20)) continue;
      const std::string path = fmt::format("/files/{:04}-{}", paths.size(), name);
      if (fs::copy_file(it->path(), story.site / path.substr(1), ignored) && !ignored) paths.push_back(path);
    }
  }
  return paths;
}

Status write_big_file(const Story& story, const std::string& path, std::uint64_t size) {
  Random random(7);
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
    const std::uint64_t word = random.next();
    std::copy_n(reinterpret_cast<const char*>(&word), 8, bytes.data() + i);
  }
  return story.write_file(path, bytes);
}

struct Tally {
  int hits = 0;
  int wrong = 0;
  int not_ok = 0;
};

/// One of several viewers that share the list of paths.
io::Task<Status> fetch_all(Story& story, const std::vector<std::string>& paths, std::size_t first, std::size_t stride,
                           Endpoint edge, IpAddress client, Tally& tally) {
  for (std::size_t i = first; i < paths.size(); i += stride) {
    YZ_CO_TRY(const MappedFile file, MappedFile::open(story.site / paths[i].substr(1)));
    YZ_CO_TRY(const Reply reply, co_await story.get(edge, paths[i], client, file.view()));
    tally.hits += reply.is_hit() ? 1 : 0;
    tally.wrong += reply.matches ? 0 : 1;
    tally.not_ok += reply.status == 200 ? 0 : 1;
  }
  co_return Status();
}

io::Task<Result<Tally>> round(Story& story, const std::vector<std::string>& paths, Endpoint edge, IpAddress client) {
  constexpr std::size_t kSideBySide = 16;
  Tally tally;
  Together viewers(story.reactor);
  for (std::size_t i = 0; i < kSideBySide; ++i)
    viewers.add(fetch_all(story, paths, i, kSideBySide, edge, client, tally));
  YZ_CO_CHECK(co_await viewers.wait());
  co_return tally;
}

}  // namespace

io::Task<Status> step_files(Story& story) {
  story.title(3, "Real files, and a large one");
  std::vector<std::string> paths = gather(story, story.size.files);
  YZ_CO_CHECK(story.check(static_cast<int>(paths.size()) == story.size.files,
                          fmt::format("{} real files are at the origin", paths.size())));
  YZ_CO_CHECK(write_big_file(story, "/files/big.bin", story.size.big_file));
  paths.emplace_back("/files/big.bin");
  const int all = static_cast<int>(paths.size());

  struct Pass {
    const char* name;
    IpAddress client;
    bool hits;
  };
  const Pass passes[] = {{"Beijing, first time", story.unicom, false},
                         {"Beijing, again", story.unicom, true},
                         {"Guangdong, first time", story.telecom, false},
                         {"Guangdong, again", story.telecom, true}};
  for (const Pass& pass : passes) {
    YZ_CO_TRY(const Endpoint edge, co_await story.edge_for(story.host, pass.client));
    const MonoTime start = SystemClock::instance().mono();
    YZ_CO_TRY(const Tally tally, co_await round(story, paths, edge, pass.client));
    const double ms = std::chrono::duration<double, std::milli>(SystemClock::instance().mono() - start).count();
    YZ_CO_CHECK(
        story.check(tally.not_ok == 0 && tally.wrong == 0 && tally.hits == (pass.hits ? all : 0),
                    fmt::format("{} (at {}): {} files, all {}, {} differ from the origin's, {} in all", pass.name,
                                to_string(edge), all, pass.hits ? "HIT" : "MISS", tally.wrong, human_ms(ms))));
  }
  int once = 0;
  for (const std::string& path : paths) once += story.origin.fetches_of(path) == 1 ? 1 : 0;
  co_return story.check(once == all, fmt::format("each was taken from the origin exactly once ({} of {})", once, all));
}

}  // namespace yz::cli
