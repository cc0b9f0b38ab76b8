#include "tests/fuzz/http/entries.hpp"

#include <cstddef>
#include <cstdint>

/// libFuzzer's entry; FLOTT_FUZZ_ENTRY is one of the functions of entries.hpp.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  flott::fuzz::FLOTT_FUZZ_ENTRY({reinterpret_cast<const char*>(data), size});
  return 0;
}
