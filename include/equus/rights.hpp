// What the holder of a reference may do with it, and how far it may pass it on. Both belong to the
// reference and travel with it; a copy can have less than its original, never more [K33]. The
// kernel looks at them when a reference is used and when a message that holds it is sent, at the
// sender: what was not allowed has not left.
#pragma once

#include <equus/stream.hpp>

#include <cstdint>
#include <string_view>

namespace equus {

/// Rights, added together.
using rights = std::uint32_t;
namespace right {
inline constexpr rights send = 1;    ///< one-way messages on a stream
inline constexpr rights invoke = 2;  ///< invocations on a stream
inline constexpr rights attach = 4;  ///< a port of one's own to the channel of a stream
inline constexpr rights destroy = 8; ///< of an incarnation handle, as the next two
inline constexpr rights watch = 16;
inline constexpr rights depend = 32;     ///< to say on whom the incarnation depends
inline constexpr rights freeze = 64;     ///< and unfreeze
inline constexpr rights inspect = 128;   ///< to read its state
inline constexpr rights copy = 256;      ///< to make others from an INCHOATE one
inline constexpr rights migrate = 512;   ///< to another node
inline constexpr rights operate = 1024;  ///< to reach its control port
inline constexpr rights rebind = 2048;   ///< reserved: a stream, by its handle
inline constexpr rights regulate = 4096; ///< to freeze or invalidate a stream, by its handle
inline constexpr rights redirect = 8192; ///< reserved: a port to other channels, by its handle
inline constexpr rights read = 0x10000;  ///< of a buffer handle, as the next one
inline constexpr rights write = 0x20000;
inline constexpr rights all = 0xffff'ffff;
} // namespace right

/// The kinds of references [K10].
enum class reference_kind : std::uint16_t {
    none = 0,
    stream = 1,
    port = 2,
    incarnation = 3, ///< a handle of one
    stream_handle = 4,
    port_handle = 5,
    buffer = 6, ///< a handle of one
    bulk = 7,   ///< data of a message
    area = 8,   ///< a buffer, to its owner
};

/// How far a reference may be passed on.
enum class propagation : std::uint16_t {
    free = 0,
    same_rdc = 1, ///< within the computation; all kernels of a run are of one
    owner = 2,    ///< back to the owner of what it refers to: of the port, of a channel with many
                  ///< ports, or the incarnation itself
    never = 3,
};

/// A copy of `original` with those of its rights that are in `kept`, to be passed on no farther
/// than `reach` and than the original may. A copied stream is a new stream, numbered from 1
/// (rule 20). Errors: no_such_reference, not_wired; unsupported: a port, which has no copies.
result<any_reference> narrowed(reference original, rights kept,
                               propagation reach = propagation::free);

template <class P>
result<stream<P>> narrowed(const stream<P>& original, rights kept,
                           propagation reach = propagation::free) {
    auto made = narrowed(static_cast<const reference&>(original), kept, reach);
    if (!made)
        return fail(std::move(made.error()));
    return made->template as_stream<P>();
}

/// What a reference says of itself to its holder. That of an empty, stale or forged one is of kind
/// `none`, and says nothing else.
struct reference_info {
    reference_kind kind = reference_kind::none;
    rights allowed = 0;
    propagation reach = propagation::never;
    std::uint64_t protocol_id = 0; ///< of a stream, port or handle of one; 0: not wired, or no such
    std::string_view protocol;     ///< its name, where it is known here
    bool is_open = false;          ///< a stream: wired, and neither closed nor broken
    bool transferred = false;      ///< leaves with the next message that carries it
};
reference_info test_reference(reference which) noexcept;

namespace detail {
void mark_transferred(reference which) noexcept;
} // namespace detail

/// The same reference, to be given away: with the next message or reply that carries it it leaves
/// the incarnation, once the receiver has been promised its own. A message that is refused leaves
/// it here. A stream that is given away ends when what it carried has been consumed; the receiver's
/// is a new one (rule 20).
template <class R>
R transferred(const R& which) noexcept {
    detail::mark_transferred(which);
    return which;
}

/// A copy of `original` whose being passed on, and that of its copies, is an event of the owner of
/// what it refers to [K41]: `propagated`, with who has passed it on and, where that is known, to
/// whom. What the owner itself passes on is none. Errors as those of narrowed.
result<any_reference> reported(reference original);

template <class P>
result<stream<P>> reported(const stream<P>& original) {
    auto made = reported(static_cast<const reference&>(original));
    if (!made)
        return fail(std::move(made.error()));
    return made->template as_stream<P>();
}

/// What the running incarnation may do with it; 0 for an empty, stale or forged one.
rights rights_of(reference which) noexcept;

} // namespace equus
