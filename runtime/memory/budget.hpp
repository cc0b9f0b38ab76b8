#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace flott {

/// A node of the tree TaskManager -> job -> subtask: bytes reserved here count in every ancestor too.
///
/// Guarantees: the sum reserved at any node never exceeds its limit, except through `reserve_anyway`.
/// Threads: any. Lifetime: shared; a child keeps its parent alive, an arena keeps its budget alive.
class memory_budget : public std::enable_shared_from_this<memory_budget> {
 public:
  static std::shared_ptr<memory_budget> root(std::string name, std::uint64_t limit_bytes);
  std::shared_ptr<memory_budget> child(std::string name, std::uint64_t limit_bytes = UINT64_MAX);

  memory_budget(std::string name, std::uint64_t limit_bytes, std::shared_ptr<memory_budget> parent);
  /// The end of a job or subtask: what its arenas left in the cache goes back to the system.
  ~memory_budget();
  memory_budget(const memory_budget&) = delete;
  memory_budget& operator=(const memory_budget&) = delete;

  /// Takes `bytes` from here up to the root, or nothing at all and returns false.
  [[nodiscard]] bool try_reserve(std::uint64_t bytes) noexcept;
  /// Takes them even beyond the limit: for what exists already and only changes its owner (bounded overshoot).
  void reserve_anyway(std::uint64_t bytes) noexcept;
  void release(std::uint64_t bytes) noexcept;

  [[nodiscard]] std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t limit() const noexcept { return limit_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  std::string name_;
  std::uint64_t limit_;
  std::shared_ptr<memory_budget> parent_;
  std::atomic<std::uint64_t> used_{0};
};

}  // namespace flott
