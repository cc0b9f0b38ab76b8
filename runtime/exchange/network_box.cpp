#include "runtime/exchange/network_box.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

namespace flott {

network_box::network_box() : descriptor_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0)
    throw std::system_error(errno, std::generic_category(), "eventfd");
}

network_box::~network_box() { ::close(descriptor_); }

void network_box::signal() {
  if (std::exchange(signaled_, true))
    return;
  const std::uint64_t one = 1;
  static_cast<void>(!::write(descriptor_, &one, sizeof one));   // can't fail: the counter is 0
}

bool network_box::post(std::function<void()> command) {
  const std::lock_guard lock(mutex_);
  if (closed_)
    return false;
  commands_.push_back(std::move(command));
  signal();
  return true;
}

bool network_box::post(changed_channel change) {
  const std::lock_guard lock(mutex_);
  if (closed_)
    return false;
  changes_.push_back(std::move(change));
  signal();
  return true;
}

void network_box::take(std::vector<std::function<void()>>& commands, std::vector<changed_channel>& changes) {
  commands.clear();
  changes.clear();
  {
    const std::lock_guard lock(mutex_);
    if (!signaled_)
      return;
    signaled_ = false;
    std::uint64_t count = 0;
    static_cast<void>(!::read(descriptor_, &count, sizeof count));
    commands.swap(commands_);
    changes.swap(changes_);
  }
  for (auto& change : changes)
    change.told->exchange(false, std::memory_order_acq_rel);   // what changes from now on is told again
}

void network_box::close() {
  std::vector<std::function<void()>> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(commands_);
}

}  // namespace flott
