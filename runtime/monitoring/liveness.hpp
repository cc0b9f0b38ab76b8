#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace flott {

/// One life of one peer.
struct peer {
  std::string id;
  std::string incarnation;
  auto operator<=>(const peer&) const = default;
};

/// Who of one's peers lives. Used by the ResourceManager for all TaskManagers, by JobManagers for those they use, by the
/// Dispatcher for JobManager nodes, and by each node for itself.
///
/// A peer is lost once: after `timeout` of silence, or when a dial after a closed connection is refused. A lost
/// incarnation stays lost, whatever it says later; the node comes back under another one.
class liveness {
 public:
  using duration = std::chrono::steady_clock::duration;
  using time_point = std::chrono::steady_clock::time_point;

  /// `interval` is how often peers speak (heartbeat.interval), `timeout` how long one may be silent
  /// (heartbeat.timeout). Requires 0 < interval <= timeout.
  liveness(duration interval, duration timeout) : interval_(interval), timeout_(timeout) {}

  /// Begins to watch. Another incarnation under the same id replaces the former one, which is lost: returned.
  /// False in `accepted`: this incarnation was declared lost before.
  struct addition {
    bool accepted = false;
    std::optional<peer> replaced;
  };
  addition add(const peer& p, time_point now);
  /// An orderly good-bye. The incarnation does not count as lost, but is not known any more.
  void remove(const peer& p);

  /// The peer was heard from. False: unknown, lost, or another incarnation; it has to register again.
  bool touch(const peer& p, time_point now);

  /// Its connection closed, and nobody listens there any more: it is dead. (If somebody may, silence decides.) True: it
  /// has become lost by this.
  bool dial_refused(const peer& p);
  /// Known dead for another reason (its process has ended). True: it has become lost by this.
  bool declare_lost(const peer& p) { return dial_refused(p); }

  /// To be called at each of one's own ticks, before expire(). True: one's own clock shows a gap longer than the
  /// timeout, so it was us who slept: every peer gets one fresh timeout, and what we ran for others is suspect (our peers
  /// have given us up). The first call is no gap.
  bool observe_tick(time_point now);
  /// The peers that have been silent too long, by id; each once.
  std::vector<peer> expire(time_point now);

  [[nodiscard]] bool alive(const peer& p) const;
  /// Since it was last heard from; nothing when unknown.
  [[nodiscard]] std::optional<duration> age(const std::string& id, time_point now) const;
  [[nodiscard]] std::vector<peer> peers() const;   ///< the living, by id
  [[nodiscard]] std::size_t size() const { return peers_.size(); }
  [[nodiscard]] duration interval() const { return interval_; }
  [[nodiscard]] duration timeout() const { return timeout_; }

 private:
  struct entry {
    std::string incarnation;
    time_point heard;
  };
  void remember_lost(const std::string& incarnation);

  duration interval_;
  duration timeout_;
  std::map<std::string, entry> peers_;       // by id
  std::set<std::string> lost_;
  std::deque<std::string> lost_order_;       // bounds lost_
  std::optional<time_point> last_tick_;
};

}  // namespace flott
