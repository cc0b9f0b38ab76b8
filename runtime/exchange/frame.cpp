#include "runtime/exchange/frame.hpp"

#include "runtime/batch/wire.hpp"
#include "runtime/exchange/bytes.hpp"
#include "runtime/exchange/crc32c.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace flott {
namespace {

constexpr std::uint16_t magic = 0x5846;   // "FX"

enum class event_kind : std::uint8_t { opened = 1, schema, watermark, status, barrier, end, latency };

failure malformed(std::string what) { return internal_failure("exchange frame", std::move(what)); }

template <class Write>
std::string make_frame(frame_type type, std::uint32_t channel, std::uint64_t sequence, Write&& write) {
  std::string frame(frame_header_bytes, '\0');
  byte_writer to(frame);
  write(to);
  const auto length = static_cast<std::uint32_t>(frame.size() - frame_header_bytes);
  write_header({type, channel, sequence, length},
               std::span<std::byte, frame_header_bytes>(reinterpret_cast<std::byte*>(frame.data()),
                                                        frame_header_bytes));
  return frame;
}

/// The value, if the payload held it and nothing else.
template <class T>
result<T> whole(const byte_reader& from, T value, const char* type) {
  if (!from.complete())
    return malformed(std::string(type) + " has a payload of the wrong length");
  return value;
}


}  // namespace

void write_header(const frame_header& header, std::span<std::byte, frame_header_bytes> to) {
  std::byte* at = to.data();
  const auto put = [&](auto value) {
    std::memcpy(at, &value, sizeof value);
    at += sizeof value;
  };
  put(magic);
  put(static_cast<std::uint8_t>(header.type));
  put(std::uint8_t{0});
  put(header.channel);
  put(header.sequence);
  put(header.length);
  put(crc32c(std::span<const std::byte>(to).first(frame_header_bytes - 4)));
}

result<frame_header> read_header(std::span<const std::byte, frame_header_bytes> from) {
  byte_reader in(from);
  if (in.number<std::uint16_t>() != magic)
    return malformed("these bytes are no frame");
  const auto type = in.number<std::uint8_t>();
  const auto zero = in.number<std::uint8_t>();
  frame_header header;
  header.channel = in.number<std::uint32_t>();
  header.sequence = in.number<std::uint64_t>();
  header.length = in.number<std::uint32_t>();
  if (in.number<std::uint32_t>() != crc32c(from.first(frame_header_bytes - 4)))
    return malformed("the header's checksum is wrong");
  if (type < static_cast<std::uint8_t>(frame_type::hello) || type > static_cast<std::uint8_t>(frame_type::close) ||
      zero != 0)
    return malformed("unknown frame type " + std::to_string(type));
  header.type = static_cast<frame_type>(type);
  if (const auto most = header.type == frame_type::data ? max_data_bytes : max_control_bytes; header.length > most)
    return malformed("a frame of " + std::to_string(header.length) + " bytes is too long");
  return header;
}

std::string encode_frame(const hello_frame& frame) {
  return make_frame(frame_type::hello, 0, 0, [&](byte_writer& to) {
    to.number(frame.version_least);
    to.number(frame.version_most);
    to.text(frame.sender);
    to.text(frame.receiver);
  });
}

std::string encode_frame(std::uint32_t channel, std::uint64_t sequence, const open_frame& frame) {
  return make_frame(frame_type::open, channel, sequence, [&](byte_writer& to) {
    to.raw(frame.key.job.bytes);
    to.number(frame.key.epoch);
    to.raw(frame.key.producer.bytes);
    to.number(frame.key.subtask);
    to.number(frame.key.attempt);
    to.number(frame.key.edge);
    to.number(frame.key.consumer);
    to.number(frame.credit);
  });
}

std::string encode_frame(std::uint32_t channel, std::uint64_t sequence, frame_type refuse_or_close,
                         const reason_frame& frame) {
  return make_frame(refuse_or_close, channel, sequence, [&](byte_writer& to) {
    to.number(static_cast<std::uint8_t>(frame.error.cls));
    to.number(static_cast<std::uint8_t>(frame.error.domain));
    to.text(frame.error.where, max_reason_bytes);
    to.text(frame.error.message, max_reason_bytes);
    to.text(frame.error.cause, max_reason_bytes);
  });
}

std::string encode_frame(std::uint32_t channel, std::uint64_t sequence, const credit_frame& frame) {
  return make_frame(frame_type::credit, channel, sequence, [&](byte_writer& to) { to.number(frame.bytes); });
}

std::string encode_frame(std::uint32_t channel, std::uint64_t sequence, const event_frame& frame) {
  return make_frame(frame_type::event, channel, sequence, [&](byte_writer& to) {
    struct visitor {
      byte_writer& to;
      void begin(event_kind kind) const { to.number(static_cast<std::uint8_t>(kind)); }
      void operator()(const opened_event&) const { begin(event_kind::opened); }
      void operator()(const schema_event& e) const {
        begin(event_kind::schema);
        to.number(static_cast<std::uint16_t>(e.shape->size()));
        for (const auto& f : e.shape->fields()) {
          to.number(static_cast<std::uint8_t>(f.type));
          to.text(f.name);
        }
      }
      void operator()(const watermark& e) const {
        begin(event_kind::watermark);
        to.number(e.time);
      }
      void operator()(const stream_status& e) const {
        begin(event_kind::status);
        to.number(static_cast<std::uint8_t>(e.idle ? 1 : 0));
      }
      void operator()(const barrier& e) const {
        begin(event_kind::barrier);
        to.number(e.id);
        to.number(e.triggered_unix_ms);
      }
      void operator()(const end_of_stream&) const { begin(event_kind::end); }
      void operator()(const latency_marker& e) const {
        begin(event_kind::latency);
        to.number(e.emitted_unix_us);
        to.number(e.source_subtask);
      }
    };
    std::visit(visitor{to}, frame);
  });
}

result<hello_frame> decode_hello(std::span<const std::byte> payload) {
  byte_reader in(payload);
  hello_frame frame;
  frame.version_least = in.number<std::uint16_t>();
  frame.version_most = in.number<std::uint16_t>();
  frame.sender = in.text();
  frame.receiver = in.text();
  if (frame.version_least > frame.version_most)
    return malformed("HELLO with versions in the wrong order");
  return whole(in, std::move(frame), "HELLO");
}

result<open_frame> decode_open(std::span<const std::byte> payload) {
  byte_reader in(payload);
  open_frame frame;
  in.raw(frame.key.job.bytes);
  frame.key.epoch = in.number<std::uint64_t>();
  in.raw(frame.key.producer.bytes);
  frame.key.subtask = in.number<std::uint32_t>();
  frame.key.attempt = in.number<std::uint32_t>();
  frame.key.edge = in.number<std::uint32_t>();
  frame.key.consumer = in.number<std::uint32_t>();
  frame.credit = in.number<std::uint64_t>();
  return whole(in, frame, "OPEN");
}

result<reason_frame> decode_reason(std::span<const std::byte> payload) {
  byte_reader in(payload);
  const auto cls = in.number<std::uint8_t>(), domain = in.number<std::uint8_t>();
  reason_frame frame;
  frame.error.where = in.text();
  frame.error.message = in.text();
  frame.error.cause = in.text();
  if (cls < 1 || cls > 3 || domain < 1 || domain > 3)
    return malformed("a reason of an unknown class or domain");
  frame.error.cls = static_cast<failure_class>(cls);
  frame.error.domain = static_cast<failure_domain>(domain);
  return whole(in, std::move(frame), "a reason");
}

result<credit_frame> decode_credit(std::span<const std::byte> payload) {
  byte_reader in(payload);
  return whole(in, credit_frame{in.number<std::uint64_t>()}, "CREDIT");
}

namespace {

result<schema_ptr> read_schema(byte_reader& in) {
  std::vector<field> fields(in.number<std::uint16_t>());
  for (auto& f : fields) {
    const auto type = in.number<std::uint8_t>();
    if (type < static_cast<std::uint8_t>(field_type::boolean) || type > static_cast<std::uint8_t>(field_type::text))
      return malformed("a schema with an unknown type, or cut short");
    f.type = static_cast<field_type>(type);
    f.name = in.text();
  }
  return make_schema(std::move(fields));
}

}  // namespace

result<event_frame> decode_event(std::span<const std::byte> payload) {
  byte_reader in(payload);
  event_frame frame;
  switch (static_cast<event_kind>(in.number<std::uint8_t>())) {
    case event_kind::opened: break;
    case event_kind::schema: {
      FLOTT_ASSIGN(auto shape, read_schema(in));
      frame = schema_event{std::move(shape)};
      break;
    }
    case event_kind::watermark: frame = watermark{in.number<event_time>()}; break;
    case event_kind::status: {
      const auto idle = in.number<std::uint8_t>();
      if (idle > 1)
        return malformed("a stream is idle or not");
      frame = stream_status{idle == 1};
      break;
    }
    case event_kind::barrier: {
      auto& b = frame.emplace<barrier>();
      b.id = in.number<std::uint64_t>();
      b.triggered_unix_ms = in.number<std::int64_t>();
      break;
    }
    case event_kind::end: frame.emplace<end_of_stream>(); break;
    case event_kind::latency: {
      auto& m = frame.emplace<latency_marker>();
      m.emitted_unix_us = in.number<std::int64_t>();
      m.source_subtask = in.number<std::uint32_t>();
      break;
    }
    default: return malformed("an event of unknown kind");
  }
  if (!in.complete())
    return malformed("EVENT has a payload of the wrong length");
  return frame;
}

void encode_for_wire(const record_batch& batch, const std::shared_ptr<memory_budget>& budget,
                     const std::function<void(encoded_batch)>& to) {
  const auto size = encoded_size(batch);
  const std::uint32_t rows = batch.rows();
  if (rows > max_wire_rows || (size > max_data_bytes && rows > 1)) {
    encode_for_wire(batch.slice(0, rows / 2), budget, to);
    encode_for_wire(batch.slice(rows / 2, rows - rows / 2), budget, to);
    return;
  }
  if (size > max_data_bytes)
    throw failure_exception(user_failure("", "a record of " + std::to_string(size) + " bytes is too long to be sent"));
  to(encoded_batch{encode(batch, budget), static_cast<std::uint32_t>(size), batch.shape()});
}

std::span<std::byte> frame_decoder::space() {
  if (data_header_)
    return {data_->data() + data_filled_, data_header_->length - data_filled_};
  if (buffer_.empty())
    buffer_.resize(buffer_bytes);
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size())            // a control frame longer than the buffer; its length was checked
    buffer_.resize(frame_header_bytes + max_control_bytes);
  return std::span(buffer_).subspan(end_);
}

void frame_decoder::received(std::size_t bytes) {
  if (data_header_)
    data_filled_ += bytes;
  else
    end_ += bytes;
}

result<std::optional<received_frame>> frame_decoder::next() {
  if (!data_header_) {
    const auto unread = std::span<const std::byte>(buffer_).subspan(begin_, end_ - begin_);
    if (unread.size() < frame_header_bytes)
      return std::optional<received_frame>();
    FLOTT_ASSIGN(const auto header, read_header(unread.first<frame_header_bytes>()));
    const auto rest = unread.subspan(frame_header_bytes);
    if (header.type != frame_type::data) {
      if (rest.size() < header.length)
        return std::optional<received_frame>();
      begin_ += frame_header_bytes + header.length;
      return std::optional(received_frame{header, rest.first(header.length), nullptr});
    }
    data_ = arena::make(budget_, header.length);
    data_filled_ = std::min<std::size_t>(rest.size(), header.length);
    if (data_filled_ > 0)
      std::memcpy(data_->data(), rest.data(), data_filled_);
    begin_ += frame_header_bytes + data_filled_;
    data_header_ = header;
  }
  if (data_filled_ < data_header_->length)
    return std::optional<received_frame>();
  received_frame frame{*data_header_, {data_->data(), data_header_->length}, std::move(data_)};
  data_header_.reset();
  data_.reset();
  return std::optional(std::move(frame));
}

}  // namespace flott
