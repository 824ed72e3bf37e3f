#include <algorithm>

#include "edge/stored_object.h"
#include "edge/transaction/head_tail.h"
#include "edge/transaction/phases.h"
#include "edge/transaction/response_head.h"
#include "edge/transaction/slices.h"
#include "http/conditional.h"
#include "http/range.h"

namespace yz::edge {
namespace {

/// Pieces of a body that go out with its head; more are sent in further writes.
constexpr std::size_t kBodyPieces = 24;

iovec piece(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }

/// The stored fields without the status line.
std::string_view fields_of(const cache::Object& object) {
  const std::string_view head = object.head_before_age();
  return head.substr(head.find('\n') + 1);
}

/// Whether some of the body is to be sent from the cache's file: saves the kernel a copy, but cannot be encrypted.
bool sends_from_file(const Transaction& tx, const cache::Object& object) {
  return object.body().has_file() && tx.exchange.sends_files();
}

}  // namespace

io::Task<bool> send_stored(Transaction& tx, cache::Ref<cache::Object> object, std::uint64_t offset,
                           std::uint64_t size) {
  const bool may_use_file = sends_from_file(tx, *object);
  while (size > 0) {
    if (tx.stops()) co_return false;
    const auto run = may_use_file ? object->body().file_run(offset, size) : cache::FileRun{};
    if (run.size > 0) {
      if (!co_await tx.exchange.send_file(run.file, run.offset, run.size, run.mapped)) co_return false;
      offset += run.size;
      size -= run.size;
      continue;
    }
    std::array<iovec, kBodyPieces> pieces;
    const std::size_t count = object->body().gather(offset, size, pieces);
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < count; ++i) bytes += pieces[i].iov_len;
    if (!co_await tx.exchange.send(std::span<const iovec>(pieces.data(), count))) co_return false;
    offset += bytes;
    size -= bytes;
  }
  co_return true;
}

namespace {

io::Task<void> send_body(Transaction& tx, cache::Ref<cache::Object> object, std::uint64_t offset, std::uint64_t size) {
  if (co_await send_stored(tx, std::move(object), offset, size)) (void)co_await tx.exchange.finish();
}

io::Task<void> send_whole(Transaction& tx, cache::Ref<cache::Object> object) {
  HeadTail tail;
  add_age_and_status(tail, tx, *object);
  const std::uint64_t size = object->body_size();
  std::array<iovec, kBodyPieces> body;
  const std::size_t count = size == 0 ? 0 : object->body().gather(0, size, body);
  std::uint64_t first = 0;
  for (std::size_t i = 0; i < count; ++i) first += body[i].iov_len;
  if (first < size || sends_from_file(tx, *object)) {
    const std::array<iovec, 2> head = {piece(object->head_before_age()), piece(tail.text())};
    tx.exchange.begin_raw(object->status(), head, {size});
    co_return co_await send_body(tx, object, 0, size);
  }
  if (object->status() != 204) tail.field("Content-Length", size);
  const std::array<iovec, 2> head = {piece(object->head_before_age()), piece(tail.text())};
  (void)co_await tx.exchange.respond_raw(object->status(), head, std::span<const iovec>(body.data(), count));
}

io::Task<void> send_not_modified(Transaction& tx, cache::Ref<cache::Object> object) {
  const std::string head = not_modified_head(stored_fields(*object));
  HeadTail tail;
  add_age_and_status(tail, tx, *object);
  const std::array<iovec, 2> pieces = {piece(head), piece(tail.text())};
  (void)co_await tx.exchange.respond_raw(304, pieces, {});
}

io::Task<void> send_range(Transaction& tx, cache::Ref<cache::Object> object, http::ByteRange range) {
  HeadTail tail;
  add_age_and_status(tail, tx, *object);
  const std::string content_range = http::content_range(range, object->body_size());
  tail.field("Content-Range", content_range);
  const std::array<iovec, 3> head = {piece("HTTP/1.1 206 Partial Content\r\n"), piece(fields_of(*object)),
                                     piece(tail.text())};
  tx.exchange.begin_raw(206, head, {range.length()});
  co_await send_body(tx, object, range.first, range.length());
}

io::Task<void> send_ranges(Transaction& tx, cache::Ref<cache::Object> object, http::RangeSet set) {
  http::HeaderMap fields = stored_fields(*object);
  const std::string boundary = "yz" + std::to_string(tx.worker.random().next());
  const auto multipart = http::make_multipart(set.ranges(), object->body_size(),
                                              fields.value(http::FieldId::kContentType).value_or(""), boundary);
  fields.set(http::FieldId::kContentType, multipart.content_type);
  std::string head = "HTTP/1.1 206 Partial Content\r\n";
  fields.write_to(head);
  HeadTail tail;
  add_age_and_status(tail, tx, *object);
  const std::array<iovec, 2> pieces = {piece(head), piece(tail.text())};
  tx.exchange.begin_raw(206, pieces, {multipart.content_length});
  for (std::size_t i = 0; i < set.ranges().size(); ++i) {
    if (!co_await tx.exchange.send(multipart.heads[i])) co_return;
    std::uint64_t offset = set.ranges()[i].first;
    std::uint64_t left = set.ranges()[i].length();
    while (left > 0) {
      if (tx.stops()) co_return;
      std::array<iovec, kBodyPieces> body;
      const std::size_t count = object->body().gather(offset, left, body);
      for (std::size_t k = 0; k < count; ++k) {
        offset += body[k].iov_len;
        left -= body[k].iov_len;
      }
      if (!co_await tx.exchange.send(std::span<const iovec>(body.data(), count))) co_return;
    }
  }
  if (!co_await tx.exchange.send(multipart.tail)) co_return;
  (void)co_await tx.exchange.finish();
}

io::Task<void> send_unsatisfiable(Transaction& tx, cache::Ref<cache::Object> object) {
  http::HeaderMap headers{{"Content-Range", http::unsatisfied_range(representation_length(*object))}};
  std::string status;
  http::append_cache_status(status, tx.running().node_name, tx.status);
  headers.add(http::FieldId::kCacheStatus, status);
  (void)co_await tx.exchange.respond(416, std::move(headers), "");
}

/// What a Range field (empty: none) selects, or all; of an object in slices, or a whole one.
io::Task<void> respond_part(Transaction& tx, cache::Ref<cache::Object> object, std::string_view range) {
  http::RangeSet set;
  const StoredValidators validators(*object);
  if (!range.empty() && http::range_condition_holds(tx.request().fields, validators.fields(), tx.now)) {
    set = http::RangeSet::parse(range, representation_length(*object));
  }
  if (set.kind() == http::RangeSet::Kind::kUnsatisfiable) co_return co_await send_unsatisfiable(tx, object);
  if (is_sliced(*object)) co_return co_await respond_sliced(tx, std::move(object), set);
  if (set.ranges().size() > 1) co_return co_await send_ranges(tx, std::move(object), set);
  if (set.ranges().size() == 1) co_return co_await send_range(tx, std::move(object), set.ranges().front());
  co_await send_whole(tx, std::move(object));
}

}  // namespace

io::Task<void> respond_stored(Transaction& tx, cache::Ref<cache::Object> object) {
  const http::Fields request = tx.request().fields;
  const http::FieldList& known = tx.request().fields;
  const bool is_conditional = known.has(http::FieldId::kIfNoneMatch) || known.has(http::FieldId::kIfModifiedSince);
  if (is_conditional && object->status() == 200) {
    const StoredValidators validators(*object);
    if (http::evaluate_preconditions(tx.request().method, request, validators.fields(), tx.now) ==
        http::Precondition::kNotModified) {
      return send_not_modified(tx, std::move(object));
    }
  }
  const http::Field* range = (object->flags() & kNoRanges) != 0 ? nullptr : known.find(http::FieldId::kRange);
  const bool may_be_part = range != nullptr && object->status() == 200 && tx.request().method == http::Method::kGet;
  if (may_be_part || is_sliced(*object)) [[unlikely]] {
    return respond_part(tx, std::move(object), may_be_part ? range->value : std::string_view());
  }
  return send_whole(tx, std::move(object));
}

}  // namespace yz::edge
