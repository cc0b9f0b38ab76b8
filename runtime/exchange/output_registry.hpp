#pragma once

#include "runtime/base/result.hpp"
#include "runtime/exchange/channel.hpp"
#include "runtime/exchange/channel_key.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

namespace flott {

/// Where the producers of a process leave the channels of their outputs, and consumers, from here or from the
/// network, fetch them: each channel once. Who comes before the producer waits, for a bounded time. Any thread.
class output_registry {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  /// Called once, by whoever ends the wait, possibly within `open`; holds no lock.
  using on_open = std::function<void(result<std::shared_ptr<channel>>)>;
  using ticket = std::uint64_t;

  void add(const channel_key& key, std::shared_ptr<channel> output);
  /// The producer has ended; a channel that was fetched lives on.
  void remove(const channel_key& key);

  /// Errors (transient): no such producer until `deadline`, or another consumer was there before.
  ticket open(const channel_key& key, time_point deadline, on_open done);
  /// `done` is not called any more, unless it is being called.
  void forget(ticket waiting);
  /// Ends the waits whose deadline has come. Returns the next deadline.
  std::optional<time_point> expire(time_point now);

 private:
  struct waiting {
    ticket id = 0;
    time_point deadline;
    on_open done;
  };

  std::mutex mutex_;
  std::map<channel_key, std::shared_ptr<channel>> outputs_;   ///< null: fetched
  std::multimap<channel_key, waiting> waiting_;
  ticket last_ticket_ = 0;
};

}  // namespace flott
