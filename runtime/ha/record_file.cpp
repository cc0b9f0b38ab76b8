#include "runtime/ha/record_file.hpp"

#include <array>

namespace flott {
namespace {

constexpr std::uint32_t version = 1;
constexpr std::size_t magic_size = 8;
constexpr std::size_t header_size = magic_size + 3 * 4;

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit)
      c = (c & 1) != 0 ? c >> 1 ^ 0x82f63b78U : c >> 1;
    table[i] = c;
  }
  return table;
}

void put_number(std::string& to, std::uint32_t n) {
  for (int shift = 0; shift < 32; shift += 8)
    to += static_cast<char>(n >> shift & 0xff);
}

std::uint32_t number_at(std::string_view from, std::size_t offset) {
  std::uint32_t n = 0;
  for (std::size_t i = 0; i < 4; ++i)
    n |= static_cast<std::uint32_t>(static_cast<unsigned char>(from[offset + i])) << (8 * i);
  return n;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr auto table = make_table();
  std::uint32_t c = 0xffffffffU;
  for (const char byte : bytes)
    c = c >> 8 ^ table[(c ^ static_cast<unsigned char>(byte)) & 0xff];
  return ~c;
}

std::string seal_record(std::string_view magic, std::string_view content) {
  std::string file(magic.substr(0, magic_size));
  file.resize(magic_size, ' ');
  put_number(file, version);
  put_number(file, static_cast<std::uint32_t>(content.size()));
  put_number(file, crc32c(content));
  file += content;
  return file;
}

result<std::string_view> open_record(std::string_view magic, std::string_view file, const std::string& where) {
  if (file.size() < header_size)
    return internal_failure(where, "it has " + std::to_string(file.size()) + " bytes, less than its header");
  if (file.substr(0, magic_size) != magic)
    return internal_failure(where, "it does not begin with " + std::string(magic));
  if (const auto found = number_at(file, magic_size); found == 0 || found > version)
    return internal_failure(where, "it has version " + std::to_string(found) + "; this program reads up to " +
                                       std::to_string(version));
  const auto content = file.substr(header_size);
  if (const auto length = number_at(file, magic_size + 4); length != content.size())
    return internal_failure(where, "it should hold " + std::to_string(length) + " bytes and holds " +
                                       std::to_string(content.size()));
  if (crc32c(content) != number_at(file, magic_size + 8))
    return internal_failure(where, "its checksum does not fit its content");
  return content;
}

}  // namespace flott
