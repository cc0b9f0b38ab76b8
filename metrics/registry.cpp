#include "metrics/registry.hpp"

#include "metrics/process_metrics.hpp"

#include <algorithm>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace flott {

namespace {

constexpr std::size_t max_label_bytes = 256;

/// A label's value as Prometheus accepts it: one invalid byte would make it refuse the whole page.
std::string clean(std::string_view text) {
  std::string copy;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    std::size_t length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3
                         : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
    if (i + length > text.size())
      length = 0;
    for (std::size_t k = 1; k < length; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) length = 0;
    // Overlong forms and surrogates, whose second byte gives them away.
    if (length > 2) {
      const auto second = static_cast<unsigned char>(text[i + 1]);
      if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90)
          || (lead == 0xf4 && second > 0x8f))
        length = 0;
    }
    if (copy.size() + std::max<std::size_t>(length, 1) > max_label_bytes)
      break;
    if (length == 0) {
      copy += '?';
      ++i;
    } else {
      copy.append(text, i, length);
      i += length;
    }
  }
  return copy;
}

metric_labels clean(metric_labels labels) {
  for (auto& [name, value] : labels) value = clean(value);
  std::ranges::sort(labels);
  return labels;
}

struct series {
  std::shared_ptr<std::atomic<std::uint64_t>> counter;
  std::shared_ptr<std::atomic<double>> gauge;
};

struct family {
  metric_kind kind = metric_kind::gauge;
  std::string help;
  std::map<metric_labels, series> all;
};

struct sampler {
  std::mutex mutex;   ///< held while sampling, so that an end waits for it
  std::string name;
  std::function<std::vector<metric_sample>()> sample;   ///< empty once ended
};

}  // namespace

struct metrics_registry::state {
  mutable std::mutex mutex;
  std::map<std::string, family> families;
  std::list<std::shared_ptr<sampler>> samplers;
  std::vector<metric_registration> kept;

  family& family_of(const metric_description& what, metric_kind kind) {
    return families.try_emplace(what.name, family{kind, what.help, {}}).first->second;
  }
};

metric_registration& metric_registration::operator=(metric_registration&& other) noexcept {
  if (this != &other) {
    reset();
    end_ = std::exchange(other.end_, nullptr);
  }
  return *this;
}

void metric_registration::reset() {
  if (auto end = std::exchange(end_, nullptr))
    end();
}

metrics_registry::metrics_registry() : state_(std::make_shared<state>()) { add_process_metrics(*this); }

metrics_registry::~metrics_registry() {
  // Their ends refer to the state.
  std::vector<metric_registration> kept;
  {
    std::lock_guard lock(state_->mutex);
    kept.swap(state_->kept);
  }
}

metric_counter metrics_registry::counter(const metric_description& what, const metric_labels& labels) {
  std::lock_guard lock(state_->mutex);
  auto& cell = state_->family_of(what, metric_kind::counter).all[clean(labels)].counter;
  if (!cell)
    cell = std::make_shared<std::atomic<std::uint64_t>>(0);
  metric_counter handle;
  handle.cell_ = cell;
  return handle;
}

metric_gauge metrics_registry::gauge(const metric_description& what, const metric_labels& labels) {
  std::lock_guard lock(state_->mutex);
  auto& cell = state_->family_of(what, metric_kind::gauge).all[clean(labels)].gauge;
  if (!cell)
    cell = std::make_shared<std::atomic<double>>(0);
  metric_gauge handle;
  handle.cell_ = cell;
  return handle;
}

void metrics_registry::remove(std::string_view name, const metric_labels& labels) {
  std::lock_guard lock(state_->mutex);
  if (const auto found = state_->families.find(std::string(name)); found != state_->families.end())
    found->second.all.erase(clean(labels));
}

metric_registration metrics_registry::sampled(const metric_description& what, metric_kind kind,
                                              std::function<std::vector<metric_sample>()> sample) {
  auto entry = std::make_shared<sampler>();
  entry->name = what.name;
  entry->sample = std::move(sample);
  {
    std::lock_guard lock(state_->mutex);
    state_->family_of(what, kind);
    state_->samplers.push_back(entry);
  }
  return metric_registration([entry, owner = std::weak_ptr<state>(state_)] {
    {
      std::lock_guard lock(entry->mutex);
      entry->sample = nullptr;
    }
    if (const auto alive = owner.lock()) {
      std::lock_guard lock(alive->mutex);
      alive->samplers.remove(entry);
    }
  });
}

void metrics_registry::keep(metric_registration registration) {
  std::lock_guard lock(state_->mutex);
  state_->kept.push_back(std::move(registration));
}

std::string metrics_registry::scrape() const {
  struct shown_family {
    metric_kind kind;
    std::string help;
    std::map<metric_labels, double> values;
  };
  std::map<std::string, shown_family> shown;
  std::vector<std::shared_ptr<sampler>> samplers;
  {
    std::lock_guard lock(state_->mutex);
    for (const auto& [name, family] : state_->families) {
      auto& target = shown[name];
      target.kind = family.kind;
      target.help = family.help;
      for (const auto& [labels, series] : family.all) {
        if (series.counter)
          target.values[labels] = static_cast<double>(series.counter->load(std::memory_order_relaxed));
        else if (series.gauge)
          target.values[labels] = series.gauge->load(std::memory_order_relaxed);
      }
    }
    samplers.assign(state_->samplers.begin(), state_->samplers.end());
  }
  for (const auto& entry : samplers) {
    std::lock_guard lock(entry->mutex);
    if (!entry->sample)
      continue;
    auto& target = shown[entry->name];
    for (auto& sample : entry->sample()) {
      auto& value = target.values[clean(std::move(sample.labels))];
      value = target.kind == metric_kind::counter ? value + sample.value : sample.value;
    }
  }

  std::vector<prometheus::MetricFamily> page;
  for (auto& [name, family] : shown) {
    prometheus::MetricFamily out;
    out.name = name;
    out.help = family.help;
    out.type = family.kind == metric_kind::counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    for (const auto& [labels, value] : family.values) {
      prometheus::ClientMetric metric;
      for (const auto& [label, text] : labels)
        metric.label.push_back({label, text});
      if (family.kind == metric_kind::counter)
        metric.counter.value = value;
      else
        metric.gauge.value = value;
      out.metric.push_back(std::move(metric));
    }
    page.push_back(std::move(out));
  }
  return prometheus::TextSerializer().Serialize(page);
}

}  // namespace flott
