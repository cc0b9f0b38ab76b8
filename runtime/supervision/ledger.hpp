#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace flott::supervision {

/// What one incarnation of a child holds: slots, descriptors, timers, subscriptions, pending requests, anything that has
/// to be given back. Its supervisor closes the ledger when the incarnation has ended (or is abandoned), which releases
/// what is still booked, the latest first, each once, before the successor starts.
///
///     auto lease = context.ledger->book("connection to " + host, [fd] { ::close(fd); });
///     lease.release();        // earlier, by the holder; or by the lease's destructor
///
/// Threads: any. Releases run on the thread that releases, without a lock held.
class ledger : public std::enable_shared_from_this<ledger> {
 public:
  using release_function = std::function<void()>;

  /// The holder's side of an entry. Its destructor releases what has not been released.
  class lease {
   public:
    lease() = default;
    ~lease() { release(); }
    lease(lease&& other) noexcept : ledger_(std::move(other.ledger_)), number_(other.number_) {}
    lease& operator=(lease&& other) noexcept;
    /// Releases it now, unless it has been already. Lets the release function's exception through.
    void release();
    /// Strikes it off without calling its release function: somebody else has it now.
    void hand_over();
    /// Keeps it booked without this lease: for what lives as long as the incarnation.
    void leave() noexcept { ledger_ = nullptr; }
    [[nodiscard]] explicit operator bool() const { return ledger_ != nullptr; }

   private:
    friend class ledger;
    lease(std::shared_ptr<ledger> of, std::uint64_t number) : ledger_(std::move(of)), number_(number) {}
    std::shared_ptr<ledger> ledger_;
    std::uint64_t number_ = 0;
  };

  /// How closing went.
  struct closing {
    std::size_t released = 0;
    std::vector<std::string> failed;   ///< "what: why" of each release that threw; it counts as released
  };

  /// Books `what`. After the end of the incarnation nothing can be booked: `release` is called at once, and the lease
  /// is empty.
  [[nodiscard]] lease book(std::string what, release_function release);
  /// Releases everything, in reverse order. A release that throws is noted, and the next one follows. Idempotent.
  closing close();

  [[nodiscard]] std::size_t size() const;
  /// What is booked, in the order of booking.
  [[nodiscard]] std::vector<std::string> entries() const;

 private:
  struct entry {
    std::string what;
    release_function release;
  };
  /// The entry's release function, struck off; empty when it has been released already.
  release_function strike(std::uint64_t number);

  mutable std::mutex mutex_;
  std::map<std::uint64_t, entry> entries_;           // by number, which is the order of booking
  std::uint64_t next_ = 1;
  bool closed_ = false;
};

}  // namespace flott::supervision
