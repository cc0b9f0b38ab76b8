#include "apps/top/looks.hpp"

#include <cstdint>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <cerrno>
#include <sys/eventfd.h>
#include <unistd.h>

namespace flott::cli::top {

/// What the asking thread shares with its owner, and may outlive it with.
struct looks::shared {
  explicit shared(const endpoint& at) : client(connect_to(at, std::chrono::seconds(10))), answered(::eventfd(0, EFD_CLOEXEC)) {
    if (answered < 0)
      throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  ~shared() { ::close(answered); }
  shared(const shared&) = delete;
  shared& operator=(const shared&) = delete;

  rest_client client;                            // of the thread while a look is under way
  const int answered;
  std::mutex mutex;
  look last;
};

looks::looks(const endpoint& at) : shared_(std::make_shared<shared>(at)) {}

void looks::begin() {
  under_way_ = true;
  std::thread([to = shared_] {
    auto document = to->client.tree();
    look made;
    made.at = std::chrono::steady_clock::now();
    made.seen = document.ok() ? read_tree_document(*document) : result<tree_document>(document.error());
    {
      const std::lock_guard lock{to->mutex};
      to->last = std::move(made);
    }
    static_cast<void>(::eventfd_write(to->answered, 1));
  }).detach();
}

int looks::fd() const { return shared_->answered; }

look looks::take() {
  eventfd_t count = 0;
  static_cast<void>(::eventfd_read(shared_->answered, &count));
  under_way_ = false;
  const std::lock_guard lock{shared_->mutex};
  return std::exchange(shared_->last, {});
}

}  // namespace flott::cli::top
