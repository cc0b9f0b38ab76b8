#include "runtime/batch/wire.hpp"
#include "runtime/operators/snapshot.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

const flott::schema_ptr shape = flott::make_schema({{"name", flott::field_type::text},
                                                    {"flag", flott::field_type::boolean},
                                                    {"small", flott::field_type::int32},
                                                    {"big", flott::field_type::uint64}});

/// Reads every value; what decode accepts must be readable, and encode to as many bytes as it says.
void read_all(const flott::record_batch& batch) {
  std::uint64_t sum = 0;
  batch.for_each_row([&](std::uint32_t row) {
    for (const char c : batch.values<flott::text>(0)[row].view())
      sum += static_cast<unsigned char>(c);
    sum += batch.values<bool>(1)[row] ? 1 : 0;
    sum += static_cast<std::uint64_t>(batch.values<std::int32_t>(2)[row]);
    sum += batch.values<std::uint64_t>(3)[row];
  });
  volatile std::uint64_t kept = sum;
  (void)kept;
  if (flott::encode(batch, nullptr)->capacity() != flott::encoded_size(batch))
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  if (const auto batch = flott::decode(bytes, shape, nullptr); batch.ok())
    read_all(*batch);
  const auto snapshot = flott::snapshot_reader::parse(std::string(reinterpret_cast<const char*>(data), size));
  if (snapshot.ok())
    if (const auto all = snapshot->batches("rows", shape, nullptr); all.ok())
      for (const auto& batch : *all)
        read_all(batch);
  return 0;
}
