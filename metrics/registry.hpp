#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flott {

/// Label names and values of one time series.
using metric_labels = std::vector<std::pair<std::string, std::string>>;

/// What a metric is called, and what a person reads about it. Names follow Prometheus: snake_case, base units,
/// `_total` on counters.
struct metric_description {
  std::string name;
  std::string help;
};

enum class metric_kind : std::uint8_t { counter, gauge };

/// One value of a sampled metric.
struct metric_sample {
  metric_labels labels;
  double value = 0;
};

/// A number that only grows; copies count into the same series. Any thread, no lock.
class metric_counter {
 public:
  metric_counter() = default;
  void add(std::uint64_t by = 1) const noexcept { if (cell_) cell_->fetch_add(by, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const noexcept { return cell_ ? cell_->load(std::memory_order_relaxed) : 0; }

 private:
  friend class metrics_registry;
  std::shared_ptr<std::atomic<std::uint64_t>> cell_;
};

/// A number that is set; copies set the same series. Any thread, no lock.
class metric_gauge {
 public:
  metric_gauge() = default;
  void set(double to) const noexcept { if (cell_) cell_->store(to, std::memory_order_relaxed); }
  [[nodiscard]] double value() const noexcept { return cell_ ? cell_->load(std::memory_order_relaxed) : 0; }

 private:
  friend class metrics_registry;
  std::shared_ptr<std::atomic<double>> cell_;
};

/// Ends a sampled metric when destroyed: its callback does not run any more once the destructor has returned.
class metric_registration {
 public:
  metric_registration() = default;
  explicit metric_registration(std::function<void()> end) : end_(std::move(end)) {}
  metric_registration(metric_registration&& other) noexcept : end_(std::exchange(other.end_, nullptr)) {}
  metric_registration& operator=(metric_registration&& other) noexcept;
  ~metric_registration() { reset(); }
  void reset();

 private:
  std::function<void()> end_;
};

/// All that one node measures, in Prometheus' text format. Holds build information and the process's own CPU time,
/// memory, threads and descriptors from the start; everything else comes from probes (metrics/probes), which are how
/// the rest of the code measures: it never names a metric.
///
/// Any thread. A label set lives until `remove` or the end of its registration; probes bound how many there are.
class metrics_registry {
 public:
  metrics_registry();
  ~metrics_registry();
  metrics_registry(const metrics_registry&) = delete;
  metrics_registry& operator=(const metrics_registry&) = delete;

  /// The same name and labels give the same series again. A name keeps its first kind and help.
  [[nodiscard]] metric_counter counter(const metric_description& what, const metric_labels& labels = {});
  [[nodiscard]] metric_gauge gauge(const metric_description& what, const metric_labels& labels = {});
  /// Drops one series of a counter or gauge; handles to it count into the void.
  void remove(std::string_view name, const metric_labels& labels);

  /// `sample` is called at each scrape, by the scraping thread; it must be quick and must not call the registry.
  [[nodiscard]] metric_registration sampled(const metric_description& what, metric_kind kind,
                                            std::function<std::vector<metric_sample>()> sample);

  /// Shows a sampled metric as long as the registry lives.
  void keep(metric_registration registration);

  /// The page behind /metrics: text exposition format 0.0.4.
  [[nodiscard]] std::string scrape() const;

  struct state;

 private:
  std::shared_ptr<state> state_;
};

}  // namespace flott
