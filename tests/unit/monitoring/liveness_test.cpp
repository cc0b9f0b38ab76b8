#include "runtime/monitoring/liveness.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include <set>

using namespace flott;
using namespace std::chrono_literals;

namespace {

liveness::time_point at(std::chrono::milliseconds t) {
  return liveness::time_point{} + 1h + t;
}

const peer a{"a", "a1"};
const peer b{"b", "b1"};

}  // namespace

TEST_CASE("a silent peer is lost once, and a late heartbeat does not revive it") {
  liveness l(250ms, 1s);
  CHECK(l.add(a, at(0ms)).accepted);
  CHECK(l.add(b, at(0ms)).accepted);
  CHECK(l.touch(a, at(900ms)));
  CHECK(l.expire(at(1000ms)).empty());
  CHECK(l.expire(at(1001ms)) == std::vector<peer>{b});
  CHECK(l.expire(at(1100ms)).empty());
  CHECK_FALSE(l.touch(b, at(1100ms)));
  CHECK_FALSE(l.add(b, at(1100ms)).accepted);
  CHECK(l.add({"b", "b2"}, at(1100ms)).accepted);
  CHECK_FALSE(l.touch(b, at(1200ms)));
  CHECK(l.touch({"b", "b2"}, at(1200ms)));
  CHECK(l.age("b", at(1300ms)) == 100ms);
}

TEST_CASE("another incarnation replaces the former one, which is lost") {
  liveness l(250ms, 1s);
  l.add(a, at(0ms));
  const auto added = l.add({"a", "a2"}, at(10ms));
  CHECK(added.accepted);
  CHECK(added.replaced == a);
  CHECK_FALSE(l.touch(a, at(20ms)));
  CHECK_FALSE(l.add(a, at(30ms)).accepted);
  CHECK_FALSE(l.add({"a", "a2"}, at(40ms)).replaced);
  CHECK(l.size() == 1);
}

TEST_CASE("a refused dial is death, once and for ever") {
  liveness l(250ms, 1s);
  l.add(a, at(0ms));
  CHECK(l.alive(a));
  CHECK(l.dial_refused(a));
  CHECK_FALSE(l.dial_refused(a));
  CHECK(l.expire(at(5s)).empty());
  CHECK_FALSE(l.add(a, at(5s)).accepted);
}

TEST_CASE("who slept himself accuses nobody at once") {
  liveness l(250ms, 1s);
  l.add(a, at(0ms));
  CHECK_FALSE(l.observe_tick(at(0ms)));
  CHECK_FALSE(l.observe_tick(at(1000ms)));
  CHECK(l.observe_tick(at(6000ms)));
  CHECK(l.expire(at(6000ms)).empty());
  CHECK_FALSE(l.observe_tick(at(6250ms)));
  CHECK(l.expire(at(7000ms)).empty());
  CHECK(l.expire(at(7001ms)) == std::vector<peer>{a});
}

TEST_CASE("a good-bye is no loss") {
  liveness l(250ms, 1s);
  l.add(a, at(0ms));
  l.remove({"a", "other"});
  CHECK(l.peers() == std::vector<peer>{a});
  l.remove(a);
  CHECK(l.expire(at(5s)).empty());
  CHECK_FALSE(l.touch(a, at(5s)));
  CHECK_FALSE(l.age("a", at(5s)));
  CHECK(l.add(a, at(5s)).accepted);
}

TEST_CASE("whatever happens, an incarnation is lost at most once and never speaks again") {
  CHECK(rc::check([](const std::vector<std::uint16_t>& script) {
    liveness l(250ms, 1s);
    std::set<peer> lost;
    auto now = at(0ms);
    const auto lose = [&](const peer& p) {
      RC_ASSERT(lost.insert(p).second);
      RC_ASSERT(!l.alive(p));
    };
    for (const auto dice : script) {
      const peer p{"p" + std::to_string(dice / 8 % 3), "i" + std::to_string(dice / 32 % 4)};
      now += std::chrono::milliseconds{dice / 128 % 700};
      switch (dice % 6) {
        case 0: {
          const auto added = l.add(p, now);
          RC_ASSERT(!added.accepted || !lost.contains(p));
          if (added.replaced)
            lose(*added.replaced);
          break;
        }
        case 1: RC_ASSERT(!l.touch(p, now) || !lost.contains(p)); break;
        case 2:
          if (l.dial_refused(p))
            lose(p);
          break;
        case 3: l.remove(p); break;
        case 4: l.observe_tick(now); break;
        default:
          for (const auto& silent : l.expire(now))
            lose(silent);
      }
    }
  }));
}
