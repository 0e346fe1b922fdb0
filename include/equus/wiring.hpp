// The interfaces of the running incarnation, seen from inside: what it declared, what the creation
// asks them to be wired to, and the calls that wire them. Stream space's client (src/services) uses
// it before start(); an application needs it only to wire interfaces in another way.
#pragma once

#include <equus/control.hpp>
#include <equus/creation.hpp>
#include <equus/rdc.hpp>
#include <equus/stream.hpp>
#include <equus/task.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace equus {

struct declared_interface {
    std::string_view name;
    interface_kind kind = interface_kind::port;
    reference which;
    std::string_view protocol;
    const interface_binding* binding = nullptr; ///< null: nothing was said, or it is wired
};

/// All that the running incarnation declared, in order of declaration. Views are valid while it
/// lives.
std::vector<declared_interface> declared_interfaces();

/// A reference it was born with, by name; empty when there is none of that name.
any_reference born_with(std::string_view name) noexcept;

/// Makes a channel of `kind` and attaches the port to it; the result is a stream reference to the
/// channel, to be passed on. Unicast: the port is its one receiver. Others: the port joins.
result<any_reference> attach_new_channel(reference port, channel_kind kind);

/// Makes a multicast or anycast channel that has no port yet: passed on, it serves both to send to
/// and, by `join_channel`, to receive from.
any_reference make_channel(std::string_view protocol, channel_kind kind);

/// Attaches the port to the multicast or anycast channel that `channel` leads to; awaited until its
/// node has agreed.
detail::requesting_nothing join_channel(reference port, any_reference channel);

/// Binds a declared stream to the channel of `to`, which is closed.
result<void> bind_stream(reference declared, any_reference to);

/// From now on the end of whoever sends by that stream, and being cut off from him, are events of
/// the running incarnation. False when no such stream leads to one of its ports.
bool watch_source(stream_id source);

/// Messages that `sender` has sent from this node into the channel of `to` and that are not
/// consumed.
std::uint64_t under_way(reference to, incarnation_id sender) noexcept;

/// Messages under way at once: of a stream, or of each stream into a port. 0 changes nothing.
void set_credit(reference which, std::uint32_t messages) noexcept;

/// Messages that the streams into a port may have there together, waiting or in hand; each stream
/// may have one, whatever the others have (rule 17). What has been granted stays. 0 changes
/// nothing.
void set_queue(reference port, std::uint32_t messages) noexcept;

/// Invocations of a stream that are sent and not answered; one more waits, and what is sent after
/// it too. 0 is as 1: each leaves when the one before has been answered. It is the buffer limit of
/// asinvoke too, where 0 waits until the message is taken [K29]. A stream that was bound.
void set_calls(reference stream, std::uint32_t calls) noexcept;

namespace detail {
/// Wires every declared interface by label through the stream space it was born with. Implemented
/// by the stream space service's client.
task<> wire_interfaces();
/// From now on messages reach the handlers.
void open_ports() noexcept;
/// What the wiring waits for, for people; empty: nothing.
void wiring_waits_for(std::string what);
} // namespace detail

} // namespace equus
