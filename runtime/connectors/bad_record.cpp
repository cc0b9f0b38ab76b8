#include "runtime/connectors/bad_record.hpp"

namespace flott {
namespace {

failure_exception bad_input(std::string_view file, std::uint64_t offset, std::string message) {
  const std::string path(file);
  const std::uint64_t number = line_number_at(path, offset);
  return failure_exception(
      user_failure(number != 0 ? path + ":" + std::to_string(number) : path + " at byte " + std::to_string(offset),
                   std::move(message)));
}

}  // namespace

failure_exception bad_record(const line& from, std::string message, std::size_t position) {
  return bad_input(from.file, static_cast<std::uint64_t>(from.offset) + position, std::move(message));
}

failure_exception bad_record(const record& from, std::string message, std::size_t position) {
  return bad_input(from.file, static_cast<std::uint64_t>(from.offset) + position, std::move(message));
}

std::string quoted(std::string_view input) {
  static constexpr char digits[] = "0123456789abcdef";
  constexpr std::size_t most = 60;
  std::string to = "'";
  for (const char c : input.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
      to += "\\x";
      to += digits[byte >> 4];
      to += digits[byte & 15];
    } else {
      to += c;
    }
  }
  return to + (input.size() > most ? "...'" : "'");
}

}  // namespace flott
