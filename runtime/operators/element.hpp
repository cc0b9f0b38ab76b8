#pragma once

#include <cstdint>
#include <limits>

namespace flott {

/// Event time in milliseconds since the epoch.
using event_time = std::int64_t;
inline constexpr event_time max_event_time = std::numeric_limits<event_time>::max();
inline constexpr event_time min_event_time = std::numeric_limits<event_time>::min();

/// Promises that no record with a timestamp at or below `time` follows on this channel.
struct watermark {
  event_time time = min_event_time;
};

/// The channel has nothing to say for a while, and does not hold watermarks back; ends with the next record.
struct stream_status {
  bool idle = false;
};

/// Everything before it belongs to checkpoint `id`, everything after it to the next.
struct barrier {
  std::uint64_t id = 0;
  std::int64_t triggered_unix_ms = 0;
};

/// Nothing follows on this channel.
struct end_of_stream {};

/// Carries a wall-clock stamp from a source to the sinks, past every buffer on the way.
struct latency_marker {
  std::int64_t emitted_unix_us = 0;
  std::uint32_t source_subtask = 0;
};

}  // namespace flott
