#include "runtime/execution/chain_state.hpp"

#include <cstdint>
#include <cstring>

namespace flott {
namespace {

constexpr std::string_view magic = "FLC1";

template <class T>
bool take(std::string_view& from, T& to) {
  if (from.size() < sizeof to)
    return false;
  std::memcpy(&to, from.data(), sizeof to);
  from.remove_prefix(sizeof to);
  return true;
}

}  // namespace

std::string encode_chain_state(const std::vector<std::string>& operators) {
  std::string bytes(magic);
  const auto put = [&](auto value) { bytes.append(reinterpret_cast<const char*>(&value), sizeof value); };
  put(static_cast<std::uint32_t>(operators.size()));
  for (const auto& state : operators) {
    put(static_cast<std::uint64_t>(state.size()));
    bytes += state;
  }
  return bytes;
}

result<std::vector<std::string>> decode_chain_state(std::string_view bytes) {
  const auto bad = [] { return internal_failure("state of a task", "these bytes are no snapshot of a chain"); };
  if (!bytes.starts_with(magic))
    return bad();
  bytes.remove_prefix(magic.size());
  std::uint32_t count = 0;
  if (!take(bytes, count) || count > bytes.size() / sizeof(std::uint64_t))
    return bad();
  std::vector<std::string> operators;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint64_t size = 0;
    if (!take(bytes, size) || size > bytes.size())
      return bad();
    operators.emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  if (!bytes.empty())
    return bad();
  return operators;
}

}  // namespace flott
