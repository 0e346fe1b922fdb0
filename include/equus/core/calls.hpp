// What application headers ask of the runtime, untyped. Implemented in src/runtime; every function
// acts for the running incarnation, so a reference means something only to its holder.
#pragma once

#include <equus/base/ids.hpp>
#include <equus/core/operation.hpp>
#include <equus/protocol.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace equus::detail {

/// Runs a message's handler: `object` is the incarnation, the envelope stays the kernel's.
using handler = void (*)(void* object, envelope& message);

enum class progress : std::uint8_t { done, waiting, failed };

// ---- declared interfaces, during construction only

/// `handlers`: one for each message of the protocol, or null for a port read by receive().
reference declare_port(std::string_view name, const protocol_type& protocol,
                       const handler* handlers);
reference declare_stream(std::string_view name, const protocol_type& protocol);

// ---- sending

/// Sends at once when there is credit and takes the message; `waiting`: the message is still the
/// caller's, to be sent by a send_operation. `failed`: the message has been freed and `why` says
/// why.
progress try_send(reference stream, envelope* message, error& why) noexcept;
/// Never waits; the message has left, or has been dropped here, or `why not` is the error.
result<void> send_dgram(reference stream, envelope* message);
/// How many invocations of asinvoke a stream keeps that are not taken.
void set_queue_limit(reference stream, std::uint32_t calls) noexcept;
/// A copy of the first message that a broken stream leaves in doubt; null: there is none, or `why`.
envelope* next_in_doubt(reference broken, error& why) noexcept;
/// It has been sent again.
void drop_in_doubt(reference broken) noexcept;
/// A copy of a message in hand, to be sent on with its right to be answered. Null, and `why`: its
/// object has been taken out, it has been answered, or it has been passed on too often.
envelope* copy_to_forward(const envelope* message, error& why) noexcept;
/// A new stream of this incarnation to its own port.
reference stream_to(reference port);
errc close(reference which) noexcept;
bool is_open(reference which) noexcept;
/// The protocol of a stream or port, or null.
const protocol_type* protocol_of(reference which) noexcept;
/// Gives a reference that came untyped its type: fails with wrong_protocol when it has another one.
result<void> check_protocol(reference which, const protocol_type& protocol);
std::uint32_t queued(reference port) noexcept;

// ---- answering

/// Answers the call that the message carries, from an object of `type` which is moved from. Does
/// nothing for a one-way message or one that has been answered.
void reply(envelope& message, const message_type& type, void* object) noexcept;
void reply_error(envelope& message, error reason) noexcept;
/// A handler refused or failed: answered, counted, reported.
void handler_failed(envelope& message, error reason) noexcept;
/// Makes the references inside an object of `type` that was just taken out of `message` the running
/// incarnation's.
void redeem_references(envelope& message, const message_type& type, void* object);
/// Takes the next message of a port that the filter lets through, or null.
envelope* try_receive(reference port, const message_filter& wanted) noexcept;
/// Tells who invoked a message without reply that it has been taken. Does nothing for others.
void taken(envelope& message) noexcept;
/// Somebody waits for the message to be taken or answered.
bool is_invoked(const envelope& message) noexcept;
/// Whether the message in hand may have been seen before.
bool was_maybe_seen() noexcept;
/// Until then, from the present turn on; for_ever when there is no such instant.
duration time_left(time_point deadline) noexcept;
/// The stream that the message came by.
stream_id source_of(const envelope& message) noexcept;

} // namespace equus::detail
