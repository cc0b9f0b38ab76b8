#pragma once

#include "actors/supervisor.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace flott {

/// What has happened in a tree: its latest events, with their times. Threads: any.
class supervision_history final : public supervision_observer {
 public:
  struct entry {
    std::chrono::system_clock::time_point at;
    supervision_event event;
  };

  /// Keeps the latest `most` events; passes each on to `next`.
  explicit supervision_history(std::size_t most = 1000, std::vector<std::shared_ptr<supervision_observer>> next = {});

  void on_event(const supervision_event& event) override;
  /// The oldest first.
  [[nodiscard]] std::vector<entry> entries() const;
  /// Events that are not kept any more.
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  const std::size_t most_;
  const std::vector<std::shared_ptr<supervision_observer>> next_;
  mutable std::mutex mutex_;
  std::deque<entry> entries_;
  std::uint64_t dropped_ = 0;
};

/// One line: "12:04:17.031 /service/pool/3 #2 child_exited (failure): connection reset".
[[nodiscard]] std::string to_text(const supervision_history::entry& entry);

}  // namespace flott
