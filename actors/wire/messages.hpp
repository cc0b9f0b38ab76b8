#pragma once

#include "messages/cluster.pb.h"
#include "messages/common.pb.h"
#include "messages/job.pb.h"
#include "messages/task.pb.h"

#include <caf/all.hpp>
#include <google/protobuf/message.h>

#include <climits>
#include <cstdint>
#include <string>
#include <type_traits>

/// Makes every protobuf message a CAF message. The functions live in protobuf's namespace so that argument-dependent
/// look-up finds them through the base class.
namespace google::protobuf {

template <class T>
using if_message = std::enable_if_t<std::is_base_of_v<Message, T> && !std::is_same_v<Message, T>>;

/// Larger control messages are refused by the sender and by the receiver: bulk goes over HTTP or the data plane.
inline constexpr std::size_t max_control_message_bytes = 1U << 20U;

template <class T, class = if_message<T>>
caf::error inspect(caf::serializer& sink, T& message) {
  std::size_t size = message.ByteSizeLong();
  if (size > max_control_message_bytes)
    return caf::make_error(caf::sec::invalid_argument, message.GetTypeName() + " is larger than a control message may be");
  std::string bytes(size, '\0');
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(bytes.data()));
  if (auto err = sink.begin_sequence(size))
    return err;
  if (size > 0)
    if (auto err = sink.apply_raw(size, bytes.data()))
      return err;
  return sink.end_sequence();
}

template <class T, class = if_message<T>>
caf::error inspect(caf::deserializer& source, T& message) {
  std::size_t size = 0;
  if (auto err = source.begin_sequence(size))
    return err;
  if (size > max_control_message_bytes)
    return caf::make_error(caf::sec::invalid_argument, "a control message announces more bytes than it may have");
  std::string bytes(size, '\0');
  if (size > 0)
    if (auto err = source.apply_raw(size, bytes.data()))
      return err;
  if (auto err = source.end_sequence())
    return err;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(size)))
    return caf::make_error(caf::sec::invalid_argument, "bytes that are no " + message.GetTypeName());
  return caf::none;
}

template <class T, class = if_message<T>>
std::string to_string(const T& message) {
  return message.GetTypeName() + " {" + message.ShortDebugString() + "}";
}

}  // namespace google::protobuf

namespace flott {

/// Tells CAF the names of all messages between nodes; both ends of a connection need the same.
void add_message_types(caf::actor_system_config& config);

}  // namespace flott
