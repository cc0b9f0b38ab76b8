#include "runtime/scheduling/placement_strategy.hpp"

namespace flott {
namespace {

class evenly_spread final : public placement_strategy {
 public:
  std::vector<std::size_t> place(std::span<const placement_candidate> candidates, std::uint32_t count) const override {
    std::vector<std::uint32_t> free;
    for (const auto& c : candidates)
      free.push_back(c.free);
    std::vector<std::size_t> chosen;
    while (chosen.size() < count) {
      std::size_t best = candidates.size();
      for (std::size_t i = 0; i < candidates.size(); ++i)
        if (free[i] > 0 && (best == candidates.size() || before(free[i], candidates[i].total, free[best], candidates[best].total)))
          best = i;
      if (best == candidates.size())
        break;
      --free[best];
      chosen.push_back(best);
    }
    return chosen;
  }

 private:
  // Less used share, in integers: (total - free) / total is smaller when free / total is larger.
  static bool before(std::uint64_t free_a, std::uint64_t total_a, std::uint64_t free_b, std::uint64_t total_b) {
    const auto a = free_a * total_b;
    const auto b = free_b * total_a;
    return a != b ? a > b : free_a > free_b;
  }
};

}  // namespace

std::unique_ptr<placement_strategy> evenly_spread_placement() {
  return std::make_unique<evenly_spread>();
}

}  // namespace flott
