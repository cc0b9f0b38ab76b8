#include "runtime/config/foreign_keys.hpp"

namespace flott {

namespace {

struct foreign_key {
  std::string_view key;      ///< ends in '.': everything below it
  std::string_view reason;
};

constexpr std::string_view jvm = "there is no JVM to configure";
constexpr std::string_view akka = "there is no Pekko or Akka to configure";
constexpr std::string_view memory = "memory is one pool, taskmanager.memory.managed.size";
constexpr std::string_view always = "it is always so";

constexpr foreign_key foreign_keys[] = {
    {"env.java.", jvm},
    {"env.ssh.", "nodes are not started over ssh"},
    {"classloader.", jvm},
    {"pekko.", akka},
    {"akka.", akka},
    {"jobmanager.memory.", "a JobManager's memory needs no tuning"},
    {"taskmanager.memory.flink.size", memory},
    {"taskmanager.memory.process.size", memory},
    {"taskmanager.memory.framework.", memory},
    {"taskmanager.memory.task.", memory},
    {"taskmanager.memory.network.", memory},
    {"taskmanager.memory.managed.fraction", memory},
    {"taskmanager.memory.jvm-metaspace.size", jvm},
    {"taskmanager.memory.jvm-overhead.", jvm},
    {"taskmanager.memory.segment-size", memory},
    {"jobmanager.execution.failover-strategy", "a job is always restarted as a whole"},
    {"metrics.reporters", "the Prometheus page is always served"},
    {"metrics.reporter.prom.factory.class", "the Prometheus page is always served"},
    {"web.submit.enable", always},
    {"web.cancel.enable", always},
    {"rest.flamegraph.enabled", "there are no flame graphs"},
    {"blob.", "modules are served on the REST port"},
    {"io.tmp.dirs", "sinks write beside their target"},
    {"queryable-state.", "there is no queryable state"},
};

}  // namespace

std::string_view reason_to_ignore(std::string_view key) {
  for (const auto& foreign : foreign_keys)
    if (key == foreign.key || (foreign.key.ends_with('.') && key.starts_with(foreign.key)))
      return foreign.reason;
  return {};
}

}  // namespace flott
