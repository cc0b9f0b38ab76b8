#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <thread>

namespace flott::cli {

/// SIGTERM and SIGINT of a node: the first asks it to stop, a second one ends the process. Whatever happens, the process
/// is gone within the limit after the first.
class node_signals {
 public:
  /// Call while there is one thread: all later ones leave the signals to this class.
  static void block();

  /// `limit` is what the node itself is given; a little is added before the process is ended by force.
  explicit node_signals(std::chrono::milliseconds limit);
  ~node_signals();
  node_signals(const node_signals&) = delete;
  node_signals& operator=(const node_signals&) = delete;

  /// From now on the first signal calls `ask`, once; one that came before is not lost.
  void watch(std::function<void()> ask);
  /// The node has come to its end by itself: what is left to do has the same limit.
  void node_ends();

 private:
  void wait_for_signals(std::stop_token stopping);
  void arm_limit();

  std::chrono::milliseconds limit_;
  std::mutex mutex_;
  std::function<void()> ask_;
  bool asked_ = false;
  std::jthread limiter_, waiter_;   // the waiter, which may start the limiter, ends first
};

}  // namespace flott::cli
