#pragma once

namespace flott {

/// Who wants to hear that something has changed: a subtask, or the network's thread. Any thread may call `wake`; it
/// never blocks, and is harmless once its subject is gone.
class waker {
 public:
  virtual ~waker() = default;
  virtual void wake() noexcept = 0;
};

}  // namespace flott
