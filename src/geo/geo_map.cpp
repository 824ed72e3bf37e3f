#include "geo/geo_map.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "base/hash.h"
#include "geo/address_value.h"
#include "geo/geo_builder.h"
#include "geo/geo_format.h"

namespace yz::geo {

using format::Header;
using format::V4Range;
using format::V6Range;

struct GeoMap::Data {
  std::string owned;
  void* mapped = nullptr;
  std::size_t mapped_size = 0;

  Header header{};
  std::span<const V4Range> v4;
  std::span<const V6Range> v6;
  const std::uint32_t* v4_index = nullptr;
  const std::uint32_t* v6_index = nullptr;

  ~Data() {
    if (mapped != nullptr) ::munmap(mapped, mapped_size);
  }
  Status attach(std::string_view bytes);
  Status check_ranges() const;
  [[nodiscard]] std::size_t find_v4(std::uint32_t address) const;
  [[nodiscard]] std::size_t find_v6(std::uint64_t high, std::uint64_t low) const;
  [[nodiscard]] std::size_t find(const IpAddress& address) const {
    return address.is_v4() ? find_v4(address.v4_value()) : find_v6(high_half(address), low_half(address));
  }
  [[nodiscard]] AddressValue first_of(IpFamily family, std::size_t index) const {
    return family == IpFamily::kV4 ? AddressValue{v4[index].first}
                                   : AddressValue{v6[index].first_high} << 64 | v6[index].first_low;
  }
  [[nodiscard]] AddressValue last_of(IpFamily family, std::size_t index) const {
    const auto count = family == IpFamily::kV4 ? v4.size() : v6.size();
    return index + 1 < count ? first_of(family, index + 1) - 1 : last_value(family);
  }
  [[nodiscard]] const GeoInfo& info_of(IpFamily family, std::size_t index) const {
    return family == IpFamily::kV4 ? v4[index].info : v6[index].info;
  }
};

namespace {

tl::unexpected<Error> corrupt(std::string_view why) {
  return fail(Code::kCorrupt, fmt::format("not a usable address map: {}", why));
}

/// `count` records of T at `offset`, or nothing when they are not inside the file or not aligned.
template <typename T>
const T* section(std::string_view bytes, std::uint32_t offset, std::uint64_t count) {
  if (offset % 8 != 0 || offset < sizeof(Header) || offset > bytes.size()) return nullptr;
  if (count * sizeof(T) > bytes.size() - offset) return nullptr;
  return reinterpret_cast<const T*>(bytes.data() + offset);
}

bool is_valid(const GeoInfo& info) {
  return Country::from_value(info.country.value()) == info.country &&
         static_cast<std::size_t>(info.province) < kProvinceCount && static_cast<std::size_t>(info.isp) < kIspCount;
}

bool is_below(const V6Range& range, std::uint64_t high, std::uint64_t low) {
  // As one number of 128 bits: two subtractions instead of branches.
  const AddressValue first = AddressValue{range.first_high} << 64 | range.first_low;
  return first <= (AddressValue{high} << 64 | low);
}

}  // namespace

Status GeoMap::Data::attach(std::string_view bytes) {
  if (bytes.size() < sizeof(Header)) return corrupt("shorter than its header");
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != format::kMagic) return corrupt("wrong magic");
  if (header.version != format::kVersion) return corrupt(fmt::format("format version {}", header.version));
  if (header.header_size != sizeof(Header) || header.file_size != bytes.size()) return corrupt("wrong size");
  if (crc32c(bytes.substr(0, offsetof(Header, header_crc))) != header.header_crc) return corrupt("header checksum");
  if (crc32c(bytes.substr(sizeof(Header))) != header.body_crc) return corrupt("body checksum");

  const auto* v4_start = section<V4Range>(bytes, header.v4_offset, header.v4_count);
  const auto* v6_start = section<V6Range>(bytes, header.v6_offset, header.v6_count);
  v4_index = section<std::uint32_t>(bytes, header.v4_index_offset, format::kV4IndexSize);
  v6_index = section<std::uint32_t>(bytes, header.v6_index_offset, format::kV6IndexSize);
  if (v4_start == nullptr || v6_start == nullptr || v4_index == nullptr || v6_index == nullptr) {
    return corrupt("a section lies outside the file");
  }
  v4 = {v4_start, header.v4_count};
  v6 = {v6_start, header.v6_count};
  return check_ranges();
}

Status GeoMap::Data::check_ranges() const {
  if (v4.empty() || v6.empty() || v4[0].first != 0 || v6[0].first_high != 0 || v6[0].first_low != 0) {
    return corrupt("ranges do not begin at zero");
  }
  for (std::size_t i = 0; i < v4.size(); ++i) {
    if (!is_valid(v4[i].info) || (i > 0 && v4[i].first <= v4[i - 1].first)) return corrupt("IPv4 ranges");
  }
  for (std::size_t i = 0; i < v6.size(); ++i) {
    if (!is_valid(v6[i].info)) return corrupt("IPv6 ranges");
    if (i > 0 && is_below(v6[i], v6[i - 1].first_high, v6[i - 1].first_low)) return corrupt("IPv6 ranges");
  }
  for (std::uint32_t i = 0; i < format::kV4IndexSize; ++i) {
    const std::uint32_t at = v4_index[i];
    if (at >= v4.size()) return corrupt("IPv4 index");
    const std::uint64_t address = std::min<std::uint64_t>(std::uint64_t{i} << format::kV4IndexShift, 0xffffffff);
    if (v4[at].first > address || (at + 1 < v4.size() && v4[at + 1].first <= address)) return corrupt("IPv4 index");
  }
  for (std::uint32_t i = 0; i < format::kV6IndexSize; ++i) {
    const std::uint32_t at = v6_index[i];
    if (at >= v6.size()) return corrupt("IPv6 index");
    const std::uint64_t high = format::kV6IndexFirst + (std::uint64_t{i} << format::kV6IndexShift);
    if (!is_below(v6[at], high, 0) || (at + 1 < v6.size() && is_below(v6[at + 1], high, 0))) {
      return corrupt("IPv6 index");
    }
  }
  return {};
}

// The range of an address lies between the ranges of its block's first address and of the next block's, both included.
std::size_t GeoMap::Data::find_v4(std::uint32_t address) const {
  const V4Range* low = &v4[v4_index[address >> format::kV4IndexShift]];
  std::size_t length = static_cast<std::size_t>(&v4[v4_index[(address >> format::kV4IndexShift) + 1]] - low) + 1;
  while (length > 1) {
    const std::size_t half = length / 2;
    // Multiplied, not branched on: the outcome is a coin's, and a wrong guess costs more than the product.
    low += static_cast<std::size_t>(low[half].first <= address) * half;
    length -= half;
  }
  return static_cast<std::size_t>(low - v4.data());
}

std::size_t GeoMap::Data::find_v6(std::uint64_t high, std::uint64_t low) const {
  std::size_t first = 0;
  std::size_t last = v6.size() - 1;
  if (high < format::kV6IndexFirst) {
    last = v6_index[0];
  } else if (high < format::kV6IndexEnd) {
    const auto block = (high - format::kV6IndexFirst) >> format::kV6IndexShift;
    first = v6_index[block];
    last = v6_index[block + 1];
  } else {
    first = v6_index[format::kV6IndexSize - 1];
  }
  const V6Range* at = &v6[first];
  std::size_t length = last - first + 1;
  while (length > 1) {
    const std::size_t half = length / 2;
    at += static_cast<std::size_t>(is_below(at[half], high, low)) * half;
    length -= half;
  }
  return static_cast<std::size_t>(at - v6.data());
}

GeoMap::GeoMap(std::unique_ptr<Data> data) : data_(std::move(data)) {}
GeoMap::~GeoMap() = default;

Result<std::shared_ptr<const GeoMap>> GeoMap::open(const std::filesystem::path& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(path.string(), errno);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(path.string(), errno);
  auto data = std::make_unique<Data>();
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size < sizeof(Header)) return fail(Code::kCorrupt, fmt::format("{}: shorter than a map's header", path.string()));
  void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (mapped == MAP_FAILED) return fail_errno(path.string(), errno);
  data->mapped = mapped;
  data->mapped_size = size;
  if (auto status_of = data->attach({static_cast<const char*>(mapped), size}); !status_of) {
    return fail(std::move(status_of).error().with_context(path.string()));
  }
  return std::shared_ptr<const GeoMap>(new GeoMap(std::move(data)));
}

Result<std::shared_ptr<const GeoMap>> GeoMap::from_bytes(std::string bytes) {
  auto data = std::make_unique<Data>();
  data->owned = std::move(bytes);
  YZ_CHECK(data->attach(data->owned));
  return std::shared_ptr<const GeoMap>(new GeoMap(std::move(data)));
}

/// A map of nothing is eight megabytes of zeros but for its heads: only pages with something in them take memory.
std::shared_ptr<const GeoMap> GeoMap::empty() {
  static const std::shared_ptr<const GeoMap> kEmpty = [] {
    const std::string bytes = GeoBuilder().build(0);
    void* const memory = ::mmap(nullptr, bytes.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    YZ_ASSERT(memory != MAP_FAILED);
    auto data = std::make_unique<Data>();
    data->mapped = memory;
    data->mapped_size = bytes.size();
    constexpr std::size_t kPage = 4096;
    for (std::size_t at = 0; at < bytes.size(); at += kPage) {
      const std::string_view page = std::string_view(bytes).substr(at, kPage);
      if (page.find_first_not_of('\0') != std::string_view::npos)
        page.copy(static_cast<char*>(memory) + at, page.size());
    }
    YZ_ASSERT(data->attach({static_cast<const char*>(memory), bytes.size()}).has_value());
    return std::shared_ptr<const GeoMap>(new GeoMap(std::move(data)));
  }();
  return kEmpty;
}

const GeoInfo& GeoMap::lookup(const IpAddress& address) const {
  if (address.is_v4()) return data_->v4[data_->find_v4(address.v4_value())].info;
  const IpAddress inner = embedded_v4(address);
  return data_->info_of(inner.family(), data_->find(inner));
}

GeoMap::Located GeoMap::locate(const IpAddress& address) const {
  const auto family = address.family();
  const std::size_t index = data_->find(address);
  const AddressValue first = data_->first_of(family, index);
  const AddressValue last = data_->last_of(family, index);
  const AddressValue value = value_of(address);
  const int width = address.bit_width();
  int length = width;
  // Widen while the block around the address still lies inside the range.
  for (; length > 0; --length) {
    const IpPrefix wider{address.masked(length - 1), static_cast<std::uint8_t>(length - 1)};
    if (value_of(wider.address) < first || last_value(wider) > last) break;
  }
  YZ_ASSERT(value >= first && value <= last);
  return {data_->info_of(family, index), {address.masked(length), static_cast<std::uint8_t>(length)}};
}

void GeoMap::for_each_range(IpFamily family, const Visitor& visit) const {
  const std::size_t count = range_count(family);
  for (std::size_t i = 0; i < count; ++i) {
    visit(address_of(family, data_->first_of(family, i)), address_of(family, data_->last_of(family, i)),
          data_->info_of(family, i));
  }
}

std::uint64_t GeoMap::built_at() const { return data_->header.built_at; }

std::size_t GeoMap::range_count(IpFamily family) const {
  return family == IpFamily::kV4 ? data_->v4.size() : data_->v6.size();
}

IpAddress embedded_v4(const IpAddress& address) {
  if (address.is_v4()) return address;
  const std::uint64_t high = high_half(address);
  const std::uint64_t low = low_half(address);
  const auto v4 = [](std::uint64_t bits) { return IpAddress::v4(static_cast<std::uint32_t>(bits)); };
  if (high >> 48 == 0x2002) return v4(high >> 16);
  if (high >> 32 == 0x2001'0000) return v4(~low);
  if (high == 0x0064'ff9b'0000'0000 && low >> 32 == 0) return v4(low);
  if (high == 0 && (low >> 32 == 0xffff || (low >> 32 == 0 && low > 1))) return v4(low);
  return address;
}

}  // namespace yz::geo
