#pragma once

#include "runtime/base/ids.hpp"

#include <compare>
#include <cstdint>
#include <string>

namespace flott {

/// The name of a channel in the whole cluster: one output of one attempt, for one of the edge's consumers.
struct channel_key {
  job_id job;
  std::uint64_t epoch = 0;              ///< the job epoch that deployed the producer
  vertex_id producer;
  std::uint32_t subtask = 0, attempt = 0;
  std::uint32_t edge = 0;
  std::uint32_t consumer = 0;           ///< subtask of the edge's target

  auto operator<=>(const channel_key&) const = default;
};

}  // namespace flott
