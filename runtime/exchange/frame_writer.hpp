#pragma once

#include "runtime/exchange/frame.hpp"

#include <array>
#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <utility>

#include <sys/uio.h>

namespace flott {

/// Frames on their way out, written where they lie.
class frame_writer {
 public:
  /// So much may wait here; beyond it nothing more is taken from channels.
  static constexpr std::size_t most_waiting = 1U << 20;
  static constexpr std::size_t most_pieces = 64;

  void send(std::string frame) {
    waiting_ += frame.size();
    pieces_.push_back({std::move(frame), {}});
  }
  void send_data(std::uint32_t channel, std::uint64_t sequence, encoded_batch batch) {
    std::string header(frame_header_bytes, '\0');
    write_header({frame_type::data, channel, sequence, batch.size},
                 std::span<std::byte, frame_header_bytes>(reinterpret_cast<std::byte*>(header.data()),
                                                          frame_header_bytes));
    waiting_ += header.size() + batch.size;
    pieces_.push_back({std::move(header), std::move(batch)});
  }

  [[nodiscard]] bool room() const noexcept { return waiting_ < most_waiting; }
  [[nodiscard]] bool empty() const noexcept { return pieces_.empty(); }

  /// What to write next, in order; at most 2 * most_pieces parts.
  std::size_t gather(std::span<iovec> to) const {
    std::size_t count = 0, skip = written_;
    const auto add = [&](const void* data, std::size_t size) {
      if (skip >= size) {
        skip -= size;
        return;
      }
      to[count++] = {const_cast<std::byte*>(static_cast<const std::byte*>(data) + skip), size - skip};
      skip = 0;
    };
    for (const auto& p : pieces_) {
      if (count + 2 > to.size())
        break;
      add(p.head.data(), p.head.size());
      if (p.body.size > 0)
        add(p.body.bytes->data(), p.body.size);
    }
    return count;
  }
  /// So many bytes have been written.
  void wrote(std::size_t bytes) {
    waiting_ -= bytes;
    written_ += bytes;
    while (!pieces_.empty() && written_ >= pieces_.front().head.size() + pieces_.front().body.size) {
      written_ -= pieces_.front().head.size() + pieces_.front().body.size;
      pieces_.pop_front();
    }
  }

 private:
  struct piece {
    std::string head;
    encoded_batch body;
  };
  std::deque<piece> pieces_;
  std::size_t written_ = 0;     ///< of the first piece
  std::size_t waiting_ = 0;     ///< bytes not written
};

}  // namespace flott
