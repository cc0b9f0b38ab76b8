#pragma once

#include "runtime/exchange/waker.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace flott {

/// A channel of a connection at which something has changed.
struct changed_channel {
  std::uint64_t connection = 0;
  std::uint32_t channel = 0;
  std::shared_ptr<std::atomic<bool>> told;
};

/// How other threads talk to the network's thread.
class network_box {
 public:
  network_box();     ///< throws std::system_error when there is no descriptor left
  ~network_box();
  network_box(const network_box&) = delete;
  network_box& operator=(const network_box&) = delete;

  // Any thread. False, and nothing happens, once the box is closed.
  bool post(std::function<void()> command);
  bool post(changed_channel change);

  /// Readable while there is something.
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// The network's thread: everything posted so far.
  void take(std::vector<std::function<void()>>& commands, std::vector<changed_channel>& changes);
  void close();

 private:
  void signal();

  int descriptor_;
  std::mutex mutex_;
  std::vector<std::function<void()>> commands_;
  std::vector<changed_channel> changes_;
  bool signaled_ = false, closed_ = false;
};

/// Tells the network's thread of one channel, once until it has looked.
class network_waker final : public waker {
 public:
  network_waker(std::shared_ptr<network_box> box, std::uint64_t connection, std::uint32_t channel)
      : box_(std::move(box)), change_{connection, channel, std::make_shared<std::atomic<bool>>(false)} {}
  void wake() noexcept override {
    if (!change_.told->exchange(true, std::memory_order_acq_rel))
      box_->post(change_);
  }

 private:
  std::shared_ptr<network_box> box_;
  changed_channel change_;
};

}  // namespace flott
