#pragma once

#include "runtime/base/result.hpp"
#include "runtime/exchange/channel.hpp"
#include "runtime/exchange/channel_key.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace flott {

/// What TaskManagers say to each other about records, once the handshake has shown that both belong to the cluster.
/// Little-endian. Every frame begins with
///
///     0  magic u16 "FX"   2  type u8   3  zero u8   4  channel u32   8  sequence u64   16  length u32
///    20  CRC32C of the 20 bytes before, u32
///
/// and `length` bytes of payload follow. A connection's channels are numbered by the side that dialled, which is the
/// consumer of all of them; sequences count the frames of one channel in one direction, from 0.
///
///     consumer: HELLO, then per channel OPEN, CREDIT..., CLOSE if it leaves before the end
///     producer: HELLO, then per channel REFUSE, or EVENT(opened), EVENT(schema), DATA, EVENT..., EVENT(end) or CLOSE
enum class frame_type : std::uint8_t { hello = 1, open, refuse, data, event, credit, close };

inline constexpr std::uint16_t exchange_version_min = 1, exchange_version_max = 1;
inline constexpr std::size_t frame_header_bytes = 24;
inline constexpr std::uint32_t max_data_bytes = (1U << 30) + (64U << 20);   ///< one batch: see source.max-record-size
inline constexpr std::uint32_t max_control_bytes = 1U << 20;                  ///< a schema with many names
inline constexpr std::size_t max_reason_bytes = 4096;                       ///< longer texts are cut

struct frame_header {
  frame_type type = frame_type::hello;
  std::uint32_t channel = 0;
  std::uint64_t sequence = 0;
  std::uint32_t length = 0;
};

void write_header(const frame_header& header, std::span<std::byte, frame_header_bytes> to);
/// Error: not a frame, unknown type, longer than its type may be, wrong checksum.
[[nodiscard]] result<frame_header> read_header(std::span<const std::byte, frame_header_bytes> from);

// --- payloads ---

/// First on either side. The dialler says which versions it speaks and whom it means to talk to; the other answers
/// with the version they use (least == most) and who it is.
struct hello_frame {
  std::uint16_t version_least = exchange_version_min, version_most = exchange_version_max;
  std::string sender, receiver;        ///< incarnations, hex32; an empty receiver is anybody
};
struct open_frame {
  channel_key key;
  std::uint64_t credit = 0;            ///< bytes of batches that may be sent at first
};
struct reason_frame {                  ///< REFUSE and CLOSE
  failure error;
};
struct credit_frame {
  std::uint64_t bytes = 0;             ///< so many more
};
struct opened_event {};
struct schema_event {                  ///< of the batches that follow
  schema_ptr shape;
};
using event_frame = std::variant<opened_event, schema_event, watermark, stream_status, barrier, end_of_stream,
                                 latency_marker>;

/// Whole frames, header included. Texts are cut to `max_reason_bytes`.
[[nodiscard]] std::string encode_frame(const hello_frame& frame);
[[nodiscard]] std::string encode_frame(std::uint32_t channel, std::uint64_t sequence, const open_frame& frame);
[[nodiscard]] std::string encode_frame(std::uint32_t channel, std::uint64_t sequence, frame_type refuse_or_close,
                                       const reason_frame& frame);
[[nodiscard]] std::string encode_frame(std::uint32_t channel, std::uint64_t sequence, const credit_frame& frame);
[[nodiscard]] std::string encode_frame(std::uint32_t channel, std::uint64_t sequence, const event_frame& frame);

// From outside: trust nothing. Errors say what is wrong; bytes behind a payload's end are one of them.
[[nodiscard]] result<hello_frame> decode_hello(std::span<const std::byte> payload);
[[nodiscard]] result<open_frame> decode_open(std::span<const std::byte> payload);
[[nodiscard]] result<reason_frame> decode_reason(std::span<const std::byte> payload);
[[nodiscard]] result<credit_frame> decode_credit(std::span<const std::byte> payload);
[[nodiscard]] result<event_frame> decode_event(std::span<const std::byte> payload);

/// Cuts the batch into parts that fit into a DATA frame each, and gives their bytes to `to`, in order.
void encode_for_wire(const record_batch& batch, const std::shared_ptr<memory_budget>& budget,
                     const std::function<void(encoded_batch)>& to);

/// A received frame. DATA has its payload in an arena of its own (`bytes`), the others in `payload`, valid until the
/// next call of the decoder.
struct received_frame {
  frame_header header;
  std::span<const std::byte> payload;
  arena_ptr bytes;
};

/// Cuts a stream of bytes into frames, without sockets: `space` says where the next bytes shall go, so that big
/// payloads are received where they stay.
class frame_decoder {
 public:
  explicit frame_decoder(std::shared_ptr<memory_budget> budget) : budget_(std::move(budget)) {}

  /// Never empty. Valid until the next call of `received` or `next`.
  [[nodiscard]] std::span<std::byte> space();
  /// So many bytes are there now. Requires: at most the size of `space()`, called just before.
  void received(std::size_t bytes);
  /// The next whole frame, or none yet. An error is final. Requires: called until there is none, before `space`.
  [[nodiscard]] result<std::optional<received_frame>> next();

 private:
  static constexpr std::size_t buffer_bytes = 128 * 1024;

  std::shared_ptr<memory_budget> budget_;
  std::vector<std::byte> buffer_;              ///< allocated on first use; [begin_, end_) is unread
  std::size_t begin_ = 0, end_ = 0;
  std::optional<frame_header> data_header_;    ///< of the DATA frame being received into `data_`
  std::shared_ptr<arena> data_;
  std::size_t data_filled_ = 0;
};

}  // namespace flott
