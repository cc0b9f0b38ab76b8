#pragma once

#include "runtime/batch/typed_batch.hpp"
#include "tests/support/operator_harness.hpp"

#include <initializer_list>
#include <string>
#include <vector>

namespace flott::test {

struct visit {
  text site;
  std::int64_t bytes = 0;
  std::uint32_t port = 0;
  double seconds = 0;
};
FLOTT_DESCRIBE(visit, site, bytes, port, seconds)

inline record_batch visits(std::initializer_list<visit> list, bool timed = false) {
  typed_batch_builder<visit> builder(nullptr, static_cast<std::uint32_t>(list.size()), timed);
  event_time t = 100;
  for (const visit& v : list) {
    builder.append(v);
    if (timed)
      builder.set_event_time(t++);
  }
  return builder.finish();
}

/// `number` visits with `keys` different sites, numbered from `first`.
inline record_batch many_visits(std::uint32_t number, std::uint32_t keys, std::uint32_t first = 0) {
  typed_batch_builder<visit> builder(nullptr, number);
  for (std::uint32_t i = first; i < first + number; ++i) {
    const std::string site = (i % 3 == 0 ? "site-" : "a site with quite a long name, number ") +
                             std::to_string(i * 2654435761U % keys);
    builder.append({site, i, i % 7, i * 0.25});
  }
  return builder.finish();
}

/// Every second row of it alive.
inline record_batch halved(const record_batch& batch) {
  auto storage = arena::make(nullptr, 4 * batch.rows());
  std::uint32_t n = 0;
  for (std::uint32_t row = 1; row < batch.rows(); row += 2)
    storage->as<std::uint32_t>()[n++] = row;
  const auto* selected = storage->as<std::uint32_t>();
  return batch.select({std::move(storage), selected, n});
}

}  // namespace flott::test
