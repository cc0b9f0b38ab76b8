#pragma once

#include "apps/cli/endpoint.hpp"
#include "apps/cli/tree_document.hpp"

#include <chrono>
#include <memory>

namespace flott::cli::top {

/// What was seen, and when; or why nothing was.
struct look {
  result<tree_document> seen = transient_failure("tree", "no answer");
  std::chrono::steady_clock::time_point at{};
};

/// Asks for trees, one at a time, on a thread of its own, so that whoever waits hears keys and signals meanwhile. Ends
/// without waiting for an answer that is still to come. Thread: one.
class looks {
 public:
  explicit looks(const endpoint& at);

  /// Requires: none is under way.
  void begin();
  [[nodiscard]] bool under_way() const { return under_way_; }
  /// Readable once the answer is there; then `take` it.
  [[nodiscard]] int fd() const;
  [[nodiscard]] look take();

 private:
  struct shared;
  std::shared_ptr<shared> shared_;
  bool under_way_ = false;
};

}  // namespace flott::cli::top
