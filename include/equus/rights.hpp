// What the holder of a reference may do with it, and how far it may pass it on. Both belong to the
// reference and travel with it; a copy can have less than its original, never more [K33]. The
// kernel looks at them when a reference is used and when a message that holds it is sent, at the
// sender: what was not allowed has not left.
#pragma once

#include <equus/stream.hpp>

#include <cstdint>

namespace equus {

/// Rights, added together.
using rights = std::uint32_t;
namespace right {
inline constexpr rights send = 1;    ///< one-way messages on a stream
inline constexpr rights invoke = 2;  ///< invocations on a stream
inline constexpr rights attach = 4;  ///< a port of one's own to the channel of a stream
inline constexpr rights destroy = 8; ///< of an incarnation handle, as the next two
inline constexpr rights watch = 16;
inline constexpr rights depend = 32; ///< to say on whom the incarnation depends
inline constexpr rights all = 0xffff'ffff;
} // namespace right

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

/// What the running incarnation may do with it; 0 for an empty, stale or forged one.
rights rights_of(reference which) noexcept;

} // namespace equus
