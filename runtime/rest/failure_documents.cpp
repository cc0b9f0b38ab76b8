#include "runtime/rest/json_parts.hpp"

#include "runtime/http/message.hpp"

#include <cstdint>
#include <string>

namespace flott::rest {
namespace {

// A Java serialization stream (protocol version 5) of org.apache.flink.util.SerializedThrowable without cause and with an
// empty stack trace: what stands between its three strings, in hex. Flink's clients read failures from it.
constexpr std::string_view before_message =
    "aced0005737200296f72672e6170616368652e666c696e6b2e7574696c2e53657269616c697a65645468726f7761626c"
    "6565169df51fa713f30200034c001966756c6c537472696e676966696564537461636b54726163657400124c6a617661"
    "2f6c616e672f537472696e673b4c00166f726967696e616c4572726f72436c6173734e616d6571007e00015b00137365"
    "7269616c697a6564457863657074696f6e7400025b42787200136a6176612e6c616e672e457863657074696f6ed0fd1f"
    "3e1a3b1cc4020000787200136a6176612e6c616e672e5468726f7761626c65d5c635273977b8cb0300044c0005636175"
    "73657400154c6a6176612f6c616e672f5468726f7761626c653b4c000d64657461696c4d65737361676571007e00015b"
    "000a737461636b547261636574001e5b4c6a6176612f6c616e672f537461636b5472616365456c656d656e743b4c0014"
    "73757070726573736564457863657074696f6e737400104c6a6176612f7574696c2f4c6973743b787070";
constexpr std::string_view before_trace =
    "7572001e5b4c6a6176612e6c616e672e537461636b5472616365456c656d656e743b02462a3c3cfd2239020000787000"
    "0000007372001f6a6176612e7574696c2e436f6c6c656374696f6e7324456d7074794c6973747ab817b43ca79ede0200"
    "00787078";
constexpr std::string_view after_class = "70";

int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

void append_hex(std::string& stream, std::string_view hex) {
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    stream += static_cast<char>(digit(hex[i]) << 4 | digit(hex[i + 1]));
}

void append_three_bytes(std::string& to, unsigned unit) {
  to += static_cast<char>(0xE0 | unit >> 12);
  to += static_cast<char>(0x80 | (unit >> 6 & 0x3F));
  to += static_cast<char>(0x80 | (unit & 0x3F));
}

/// Java's modified UTF-8: NUL takes two bytes, what lies beyond 16 bits is a pair of surrogates of three bytes each.
std::string modified_utf8(std::string_view from) {
  const std::string valid = http::valid_utf8(from);
  std::string to;
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned>(static_cast<unsigned char>(valid[at])); };
    if (byte(i) == 0) {
      to += "\xC0\x80";
    } else if (byte(i) >= 0xF0) {
      const unsigned point = (byte(i) & 7) << 18 | (byte(i + 1) & 0x3F) << 12 | (byte(i + 2) & 0x3F) << 6 | (byte(i + 3) & 0x3F);
      append_three_bytes(to, 0xD800 + ((point - 0x10000) >> 10));
      append_three_bytes(to, 0xDC00 + ((point - 0x10000) & 0x3FF));
      i += 3;
    } else {
      to += valid[i];
    }
  }
  return to;
}

/// TC_STRING with a length of 16 bits, TC_LONGSTRING with one of 64.
void append_string(std::string& stream, std::string_view from) {
  const std::string bytes = modified_utf8(from);
  const bool is_long = bytes.size() > 0xFFFF;
  stream += is_long ? '\x7c' : '\x74';
  for (int shift = is_long ? 56 : 8; shift >= 0; shift -= 8)
    stream += static_cast<char>(static_cast<std::uint64_t>(bytes.size()) >> shift);
  stream += bytes;
}

std::string base64(std::string_view bytes) {
  static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string encoded;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t at) {
      return at < bytes.size() ? static_cast<unsigned>(static_cast<unsigned char>(bytes[at])) : 0u;
    };
    const unsigned group = byte(i) << 16 | byte(i + 1) << 8 | byte(i + 2);
    for (unsigned place = 0; place < 4; ++place)
      encoded += i + place > bytes.size() ? '=' : alphabet[group >> (18 - 6 * place) & 63];
  }
  return encoded;
}

std::string_view name_of(msg::FailureDomain domain) {
  switch (domain) {
    case msg::FAILURE_DOMAIN_USER: return "user";
    case msg::FAILURE_DOMAIN_EXTERNAL: return "external";
    default: return "internal";
  }
}

std::string_view name_of(msg::FailureClass cls) {
  switch (cls) {
    case msg::FAILURE_CLASS_TRANSIENT: return "transient";
    case msg::FAILURE_CLASS_RESOURCES: return "resources";
    default: return "permanent";
  }
}

}  // namespace

std::string failure_kind(const msg::Failure& why) {
  return "flott." + std::string(name_of(why.domain())) + "." + std::string(name_of(why.cls()));
}

std::string failure_text(const msg::Failure& why) {
  std::string text = why.where().empty() ? why.message() : why.where() + ": " + why.message();
  if (!why.cause().empty())
    text += " (" + why.cause() + ")";
  return text;
}

json::object failure_cause(const msg::Failure& why) {
  const std::string kind = failure_kind(why), message = failure_text(why);
  std::string stream;
  append_hex(stream, before_message);
  append_string(stream, message);
  append_hex(stream, before_trace);
  append_string(stream, kind + ": " + message);
  append_string(stream, kind);
  append_hex(stream, after_class);
  return {{"class", text(kind)}, {"stack-trace", text(kind + ": " + message)}, {"serialized-throwable", base64(stream)}};
}

json::object failure_document(const msg::Failure& why) {
  return {{"class", name_of(why.cls())}, {"domain", name_of(why.domain())}, {"where", text(why.where())},
          {"message", text(why.message())}, {"cause", text(why.cause())}};
}

}  // namespace flott::rest
