#pragma once

#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "cache/disk/block_device.h"

namespace yz::cache {

/// What a device's bytes are written on; outlives the device, as after a kill -9. Faults are switched on and off from
/// any thread.
struct Platter {
  explicit Platter(std::uint64_t size) : bytes(size, '\0') {}

  std::mutex mutex;
  std::string bytes;
  std::atomic<bool> reads_fail{false};
  std::atomic<bool> writes_fail{false};  ///< EIO
  std::atomic<bool> is_full{false};      ///< ENOSPC
  std::atomic<int> read_errors{0};       ///< so many reads fail
  std::atomic<int> tears{0};             ///< so many writes stop in the middle and say they did not
  std::atomic<int> flips{0};             ///< so many reads return one wrong bit
  std::atomic<int> delay_ms{0};          ///< of reads
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> last_read_size{0};

  [[nodiscard]] std::string copy() {
    const std::lock_guard lock(mutex);
    return bytes;
  }
};

/// A device of memory that fails as told.
class FaultyDevice final : public BlockDevice {
 public:
  explicit FaultyDevice(std::shared_ptr<Platter> platter, std::string name = "faulty")
      : platter_(std::move(platter)), name_(std::move(name)), size_(platter_->bytes.size()) {}

  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::uint64_t size() const override { return size_; }

  [[nodiscard]] Status read(std::uint64_t offset, std::span<char> out) override {
    YZ_ASSERT(offset % kBlock == 0 && out.size() % kBlock == 0 && offset + out.size() <= size_);
    YZ_ASSERT(reinterpret_cast<std::uintptr_t>(out.data()) % kBlock == 0);
    if (const int delay = platter_->delay_ms.load(); delay > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    }
    ++platter_->reads;
    platter_->last_read_size = out.size();
    if (platter_->reads_fail || platter_->read_errors.fetch_sub(1) > 0) return fail(Code::kIo, "injected read error");
    const std::lock_guard lock(platter_->mutex);
    std::memcpy(out.data(), platter_->bytes.data() + offset, out.size());
    if (platter_->flips.fetch_sub(1) > 0) out[out.size() / 2] ^= 16;
    return {};
  }

  [[nodiscard]] Status write(std::uint64_t offset, std::span<const char> bytes) override {
    YZ_ASSERT(offset % kBlock == 0 && bytes.size() % kBlock == 0 && offset + bytes.size() <= size_);
    YZ_ASSERT(reinterpret_cast<std::uintptr_t>(bytes.data()) % kBlock == 0);
    if (platter_->is_full) return fail(Code::kLimit, "injected: no space left on device");
    if (platter_->writes_fail) return fail(Code::kIo, "injected write error");
    const std::lock_guard lock(platter_->mutex);
    const bool is_torn = platter_->tears.fetch_sub(1) > 0;
    const std::size_t size = is_torn ? bytes.size() / 2 / 512 * 512 : bytes.size();
    std::memcpy(platter_->bytes.data() + offset, bytes.data(), size);
    return {};
  }

  [[nodiscard]] Status sync() override { return {}; }

 private:
  std::shared_ptr<Platter> platter_;
  std::string name_;
  std::uint64_t size_;
};

}  // namespace yz::cache
