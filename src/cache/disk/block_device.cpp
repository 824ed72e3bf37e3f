#include "cache/disk/block_device.h"

#include <cerrno>
#include <cstdlib>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "cache/disk/disk_format.h"

namespace yz::cache {

namespace {

class FileDevice final : public BlockDevice {
 public:
  FileDevice(UniqueFd fd, std::string name, std::uint64_t size)
      : fd_(std::move(fd)), name_(std::move(name)), size_(size) {}

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::uint64_t size() const override { return size_; }

  [[nodiscard]] Status read(std::uint64_t offset, std::span<char> out) override {
    while (!out.empty()) {
      const ssize_t got = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno("cannot read " + name_, errno);
      if (got == 0) return fail(Code::kIo, name_ + " ends before its size");
      out = out.subspan(static_cast<std::size_t>(got));
      offset += static_cast<std::uint64_t>(got);
    }
    return {};
  }

  [[nodiscard]] Status write(std::uint64_t offset, std::span<const char> bytes) override {
    while (!bytes.empty()) {
      const ssize_t put = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return fail_errno("cannot write " + name_, errno);
      bytes = bytes.subspan(static_cast<std::size_t>(put));
      offset += static_cast<std::uint64_t>(put);
    }
    return {};
  }

  [[nodiscard]] Status sync() override {
    if (::fdatasync(fd_.get()) != 0) return fail_errno("cannot sync " + name_, errno);
    return {};
  }

 private:
  UniqueFd fd_;
  std::string name_;
  std::uint64_t size_;
};

/// Nothing but an empty place or an earlier cache of ours is ever written over.
Status check_is_ours(int fd, const std::string& name) {
  AlignedBuffer first(BlockDevice::kBlock);
  const ssize_t got = ::pread(fd, first.data(), first.size(), 0);
  if (got < 0) return fail_errno("cannot read " + name, errno);
  const std::string_view bytes = first.view(0, static_cast<std::size_t>(got));
  if (bytes.starts_with(kDiskMagic) || bytes.find_first_not_of('\0') == std::string_view::npos) return {};
  return fail(Code::kInvalid, name + " holds something that is not a disk cache; it is left alone");
}

Status prepare_file(int fd, const DiskPlace& place, std::uint64_t now) {
  const std::uint64_t size = place.size.value;
  if (place.is_sparse) {
    if (now != size && ::ftruncate(fd, static_cast<off_t>(size)) != 0) {
      return fail_errno(fmt::format("cannot make {} {} long", place.path.native(), to_string(place.size)), errno);
    }
    return {};
  }
  if (now > size && ::ftruncate(fd, static_cast<off_t>(size)) != 0) {
    return fail_errno(fmt::format("cannot shorten {}", place.path.native()), errno);
  }
  if (::fallocate(fd, 0, 0, static_cast<off_t>(size)) == 0) return {};
  // Without reservation the file grows as it is used; a full file system then means less is cached.
  if (errno == EOPNOTSUPP && ::ftruncate(fd, static_cast<off_t>(size)) == 0) return {};
  return fail_errno(fmt::format("cannot reserve {} for {}", to_string(place.size), place.path.native()), errno);
}

}  // namespace

Result<DiskPlace> parse_disk_place(std::string_view text) {
  DiskPlace place;
  std::string_view rest = text;
  constexpr std::string_view kSparse = ":sparse";
  if (rest.ends_with(kSparse)) {
    place.is_sparse = true;
    rest.remove_suffix(kSparse.size());
  }
  const auto colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return fail(Code::kInvalid, fmt::format("expected PATH:SIZE or PATH:SIZE:sparse, got \"{}\"", text));
  }
  place.path = rest.substr(0, colon);
  YZ_TRY(place.size, parse_byte_count(rest.substr(colon + 1)));
  place.size.value -= place.size.value % BlockDevice::kBlock;
  return place;
}

Result<std::unique_ptr<BlockDevice>> open_block_device(const DiskPlace& place) {
  const std::string name = place.path.native();
  if (place.path.has_parent_path()) YZ_CHECK(make_folder(place.path.parent_path()));
  UniqueFd fd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_DIRECT, 0600));
  // Some file systems (tmpfs of older kernels) cannot go past the page cache.
  if (!fd && errno == EINVAL) fd = UniqueFd(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) return fail_errno("cannot open " + name, errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::kConflict, name + " is in use by another process");
  }
  struct stat about{};
  if (::fstat(fd.get(), &about) != 0) return fail_errno("cannot look at " + name, errno);
  if (!S_ISBLK(about.st_mode) && !S_ISREG(about.st_mode)) {
    return fail(Code::kInvalid, name + " is neither a file nor a block device");
  }
  YZ_CHECK(check_is_ours(fd.get(), name));
  if (S_ISBLK(about.st_mode)) {
    std::uint64_t capacity = 0;
    if (::ioctl(fd.get(), BLKGETSIZE64, &capacity) != 0) return fail_errno("cannot ask the size of " + name, errno);
    if (capacity < place.size.value) {
      return fail(Code::kInvalid, fmt::format("{} has only {}", name, to_string(ByteCount{capacity})));
    }
  } else {
    YZ_CHECK(prepare_file(fd.get(), place, static_cast<std::uint64_t>(about.st_size)));
  }
  return std::make_unique<FileDevice>(std::move(fd), name, place.size.value);
}

AlignedBuffer::AlignedBuffer(std::size_t size)
    : size_((size + BlockDevice::kBlock - 1) / BlockDevice::kBlock * BlockDevice::kBlock) {
  data_.reset(static_cast<char*>(std::aligned_alloc(BlockDevice::kBlock, size_)));
  YZ_ASSERT(data_ != nullptr);
}

void AlignedBuffer::Free::operator()(char* memory) const { std::free(memory); }

}  // namespace yz::cache
