#include "runtime/batch/wire.hpp"
#include "runtime/exchange/frame.hpp"

#include <algorithm>
#include <cstring>

using namespace flott;

namespace {

/// Inputs with a correct header reach the payloads only if the checksum is right, which a fuzzer does not guess.
void payloads(std::span<const std::byte> bytes) {
  static_cast<void>(decode_hello(bytes));
  static_cast<void>(decode_open(bytes));
  static_cast<void>(decode_reason(bytes));
  static_cast<void>(decode_credit(bytes));
  static_cast<void>(decode_event(bytes));
  static const schema_ptr shape = make_schema({{"word", field_type::text}, {"count", field_type::int64}});
  static_cast<void>(decode(bytes, shape, nullptr));
}

/// The same bytes as a stream, in pieces of `piece`.
void stream(std::span<const std::byte> bytes, std::size_t piece) {
  frame_decoder decoder(nullptr);
  while (!bytes.empty()) {
    const auto space = decoder.space();
    const auto size = std::min({bytes.size(), space.size(), piece});
    std::memcpy(space.data(), bytes.data(), size);
    bytes = bytes.subspan(size);
    decoder.received(size);
    for (;;) {
      const auto frame = decoder.next();
      if (!frame.ok())
        return;
      if (!*frame)
        break;
      payloads((*frame)->payload);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  payloads(bytes);
  stream(bytes, 1 + size / 3);
  if (size < 10)
    return 0;
  // A frame of any type whose header is right, and the bytes as its payload.
  std::vector<std::byte> framed(frame_header_bytes + size - 1);
  frame_header header;
  header.type = static_cast<frame_type>(1 + data[0] % 7);
  header.channel = data[1];
  header.length = static_cast<std::uint32_t>(size - 1);
  write_header(header, std::span<std::byte, frame_header_bytes>(framed.data(), frame_header_bytes));
  std::memcpy(framed.data() + frame_header_bytes, data + 1, size - 1);
  stream(framed, 7);
  return 0;
}
