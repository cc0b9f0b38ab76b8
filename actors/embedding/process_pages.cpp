#include "actors/embedding/process_pages.hpp"

#include "actors/embedding/bounded_system.hpp"
#include "runtime/base/log.hpp"
#include "runtime/rest/router.hpp"

#include <boost/json.hpp>

namespace flott {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr auto answer_limit = 1000ms;

/// On a thread of its own, since the actor system's may all be stuck when somebody asks who blocks.
template <class Work>
void apart(caf::actor_system& system, Work work) {
  system.spawn<caf::detached>([work = std::move(work)](caf::event_based_actor*) { work(); });
  bounded_system::let_go();
}

struct level_change {
  std::string path;
  std::optional<log::level> level;
};

result<level_change> parse_level_change(const std::string& body) {
  json::error_code error;
  const auto document = json::parse(body, error);
  if (error || !document.is_object())
    return user_failure("body", R"(a JSON object such as {"path": "/service/pool", "level": "debug"} is expected)");
  const auto* path = document.as_object().if_contains("path");
  if (path == nullptr || !path->is_string())
    return user_failure("path", "the path of a supervisor is expected");
  level_change change{std::string{path->as_string()}, {}};
  const auto* level = document.as_object().if_contains("level");
  if (level == nullptr || (!level->is_string() && !level->is_null()))
    return user_failure("level", "trace, debug, info, warn, error, off or null is expected");
  if (level->is_string()) {
    log::level parsed{};
    if (!log::parse_level(std::string{level->as_string()}, parsed))
      return user_failure("level", "'" + std::string{level->as_string()} + "' is none of trace, debug, info, warn, error, off");
    change.level = parsed;
  }
  return change;
}

/// By a program of this machine, as far as one can tell.
bool is_from_here(const http::request& asked) {
  const auto host = asked.header("Host");
  const bool by_loopback = asked.remote.starts_with("127.") || asked.remote.starts_with("[::1]") || asked.remote.starts_with("::1");
  return by_loopback && (host.empty() || rest::names_loopback(host)) && !rest::is_cross_site(asked);
}

void change_level(const process_pages& pages, const http::request& asked, const http::responder& answer) {
  if (!is_from_here(asked))
    return answer(http::error_response(403, "log levels are only changed from the machine itself"));
  auto change = parse_level_change(asked.body);
  if (!change)
    return answer(http::error_response(400, change.error().to_string()));
  apart(*pages.system, [answer, system = pages.system, root = pages.root, change = std::move(*change)] {
    const auto set = set_log_level(*system, root->as<supervisor_actor>(), change.path, change.level, answer_limit);
    if (set)
      return answer(http::json_response("{}"));
    const bool unknown = set.error().domain == failure_domain::user;   // else nobody answered in time
    answer(http::error_response(unknown ? 404 : 503, set.error().to_string()));
  });
}

}  // namespace

bool process_pages::answer(const http::request& asked, const http::responder& answer) const {
  const bool reads = asked.verb == http::method::get || asked.verb == http::method::head;
  if (asked.path == "/flott/v1/log_level") {
    if (asked.verb == http::method::put)
      change_level(*this, asked, answer);
    else
      answer(http::error_response(405, "only PUT"));
    return true;
  }
  if (asked.path != "/metrics" && asked.path != "/livez" && asked.path != "/readyz" && asked.path != "/flott/v1/tree")
    return false;
  if (!reads) {
    answer(http::error_response(405, "only GET"));
  } else if (asked.path == "/metrics") {
    http::response page;
    page.content_type = "text/plain; version=0.0.4; charset=utf-8";
    page.body = metrics->scrape();
    answer(std::move(page));
  } else if (asked.path == "/flott/v1/tree") {
    apart(*system, [answer, system = system, root = root] {
      const auto shown = read_tree(*system, root->as<supervisor_actor>(), answer_limit);
      answer(shown ? http::json_response(supervision::to_json(**shown)) : http::error_response(503, shown.error().to_string()));
    });
  } else {
    answer(asked.path == "/livez" || ready() ? http::json_response("{}") : http::error_response(503, "not ready"));
  }
  return true;
}

}  // namespace flott
