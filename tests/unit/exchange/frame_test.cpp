#include "runtime/exchange/crc32c.hpp"
#include "runtime/exchange/frame.hpp"
#include "runtime/exchange/frame_writer.hpp"
#include "tests/support/mutate.hpp"
#include "tests/support/number_job.hpp"

#include <catch2/catch.hpp>

#include <random>

using namespace flott;
using flott::testing::number_batch;

namespace {

std::span<const std::byte> bytes_of(std::string_view s) { return std::as_bytes(std::span(s.data(), s.size())); }
std::span<const std::byte> payload_of(std::string_view frame) { return bytes_of(frame).subspan(frame_header_bytes); }

/// Everything the decoder makes of the bytes, one line a frame; "error" at the end if it says so.
std::string decode_all(std::string_view bytes, const std::function<std::size_t()>& chunk) {
  frame_decoder decoder(nullptr);
  std::string lines;
  while (!bytes.empty()) {
    const auto space = decoder.space();
    const auto size = std::min({bytes.size(), space.size(), chunk()});
    std::memcpy(space.data(), bytes.data(), size);
    bytes.remove_prefix(size);
    decoder.received(size);
    for (;;) {
      auto frame = decoder.next();
      if (!frame.ok())
        return lines + "error";
      if (!*frame)
        break;
      const auto& f = **frame;
      lines += std::to_string(static_cast<int>(f.header.type)) + " " + std::to_string(f.header.channel) + " " +
               std::to_string(f.header.sequence) + " " + std::to_string(crc32c(f.payload)) + "\n";
      static_cast<void>(decode_hello(f.payload));
      static_cast<void>(decode_open(f.payload));
      static_cast<void>(decode_reason(f.payload));
      static_cast<void>(decode_credit(f.payload));
      static_cast<void>(decode_event(f.payload));
    }
  }
  return lines;
}

std::string written(frame_writer& writer) {
  std::string all;
  std::array<iovec, 2 * frame_writer::most_pieces> parts;
  while (const auto count = writer.gather(parts)) {
    std::size_t taken = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto size = std::min<std::size_t>(parts[i].iov_len, 1000);      // as a full socket would
      all.append(static_cast<const char*>(parts[i].iov_base), size);
      taken += size;
      if (size < parts[i].iov_len)
        break;
    }
    writer.wrote(taken);
  }
  return all;
}

std::string conversation() {
  frame_writer writer;
  hello_frame hello;
  hello.sender = std::string(32, 'a');
  writer.send(encode_frame(hello));
  writer.send(encode_frame(1, 0, open_frame{{}, 1000}));
  writer.send(encode_frame(1, 1, event_frame(opened_event{})));
  writer.send(encode_frame(1, 2, event_frame(schema_event{flott::testing::number_schema()})));
  std::vector<std::int64_t> many(50'000);
  for (std::size_t i = 0; i < many.size(); ++i)
    many[i] = static_cast<std::int64_t>(i);
  encode_for_wire(number_batch(many), nullptr, [&](encoded_batch b) { writer.send_data(1, 3, std::move(b)); });
  encode_for_wire(number_batch({1, 2}), nullptr, [&](encoded_batch b) { writer.send_data(1, 4, std::move(b)); });
  writer.send(encode_frame(1, 5, event_frame(barrier{3, 4})));
  writer.send(encode_frame(1, 6, credit_frame{77}));
  writer.send(encode_frame(1, 7, frame_type::close, {transient_failure("a", "b", "c")}));
  return written(writer);
}

}  // namespace

TEST_CASE("CRC32C of the check string is the published one") {
  CHECK(crc32c(bytes_of("123456789")) == 0xe3069283U);
  CHECK(crc32c(bytes_of("6789"), crc32c(bytes_of("12345"))) == 0xe3069283U);
}

TEST_CASE("payloads come back as they were") {
  hello_frame hello;
  hello.version_most = 3;
  hello.sender = "me";
  hello.receiver = "you";
  const auto h = decode_hello(payload_of(encode_frame(hello)));
  REQUIRE(h.ok());
  CHECK((h->version_most == 3 && h->sender == "me" && h->receiver == "you"));

  open_frame open;
  open.key = {job_id::from_words(1, 2), 3, vertex_id::from_words(4, 5), 6, 7, 8, 9};
  open.credit = 10;
  const auto o = decode_open(payload_of(encode_frame(11, 0, open)));
  REQUIRE(o.ok());
  CHECK((o->key == open.key && o->credit == 10));

  const failure why = resource_failure("where", std::string(10'000, 'x'), "cause");
  const auto r = decode_reason(payload_of(encode_frame(1, 0, frame_type::refuse, {why})));
  REQUIRE(r.ok());
  CHECK((r->error.cls == why.cls && r->error.where == "where" && r->error.message.size() == max_reason_bytes));

  CHECK(decode_credit(payload_of(encode_frame(1, 0, credit_frame{5})))->bytes == 5);

  const auto back = [](event_frame e) { return decode_event(payload_of(encode_frame(1, 0, e))).value(); };
  CHECK(std::get<watermark>(back(watermark{-5})).time == -5);
  CHECK(std::get<stream_status>(back(stream_status{true})).idle);
  CHECK(std::get<barrier>(back(barrier{5, 6})).triggered_unix_ms == 6);
  CHECK(std::get<latency_marker>(back(latency_marker{5, 6})).source_subtask == 6);
  CHECK(std::holds_alternative<end_of_stream>(back(end_of_stream{})));
  CHECK(std::holds_alternative<opened_event>(back(opened_event{})));
  const auto shape = make_schema({{"a", field_type::text}, {"", field_type::boolean}});
  CHECK(*std::get<schema_event>(back(schema_event{shape})).shape == *shape);
}

TEST_CASE("however a stream is cut, the same frames come out") {
  const auto all = conversation();
  const auto whole = decode_all(all, [] { return SIZE_MAX; });
  CHECK(std::count(whole.begin(), whole.end(), '\n') == 9);
  CHECK(decode_all(all, [] { return 1; }) == whole);
  std::mt19937_64 random(7);
  for (int i = 0; i < 20; ++i)
    CHECK(decode_all(all, [&] { return 1 + random() % 5000; }) == whole);
}

TEST_CASE("any bytes are refused or understood, never trusted") {
  const auto all = conversation();
  std::mt19937_64 random(GENERATE(1, 2, 3));
  int refused = 0;
  for (int i = 0; i < 300; ++i) {
    auto bytes = flott::testing::mutate(all.substr(0, 600), random);
    refused += decode_all(bytes, [&] { return 1 + random() % 300; }).ends_with("error");
  }
  CHECK(refused > 100);
  // Behind a correct header anything may follow.
  for (int i = 0; i < 2000; ++i) {
    std::string payload(random() % 64, '\0');
    for (auto& c : payload)
      c = static_cast<char>(random() % 8);
    static_cast<void>(decode_hello(bytes_of(payload)));
    static_cast<void>(decode_open(bytes_of(payload)));
    static_cast<void>(decode_reason(bytes_of(payload)));
    static_cast<void>(decode_event(bytes_of(payload)));
  }
}

TEST_CASE("a header says what is wrong with it") {
  std::array<std::byte, frame_header_bytes> header{};
  write_header({frame_type::data, 1, 2, max_data_bytes}, header);
  CHECK(read_header(header).ok());
  write_header({frame_type::data, 1, 2, max_data_bytes + 1}, header);
  CHECK_THAT(read_header(header).error().message, Catch::Matchers::Contains("too long"));
  write_header({frame_type::event, 1, 2, max_control_bytes + 1}, header);
  CHECK_THAT(read_header(header).error().message, Catch::Matchers::Contains("too long"));
  write_header({static_cast<frame_type>(9), 1, 2, 3}, header);
  CHECK_THAT(read_header(header).error().message, Catch::Matchers::Contains("unknown frame type"));
  write_header({frame_type::data, 1, 2, 3}, header);
  header[16] = std::byte{4};
  CHECK_THAT(read_header(header).error().message, Catch::Matchers::Contains("checksum"));
  header[0] = std::byte{0};
  CHECK_THAT(read_header(header).error().message, Catch::Matchers::Contains("no frame"));
}
