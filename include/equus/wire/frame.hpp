// A message on its own in a file or stream: the standard framing says how many segments there are
// and how long each is. We write one segment; others may write several, whose far pointers are
// followed.
#pragma once

#include <equus/wire/codec.hpp>

#include <vector>

namespace equus::wire {

namespace detail {

/// Number of segments less one, words of the only segment: the first word of what we write.
void write_frame_header(std::span<std::byte> out, std::size_t segment_bytes) noexcept;

/// The segments of one framed message, which must be all of `from`.
result<std::vector<segment>> read_frame(std::span<const std::byte> from, const limits& within);

} // namespace detail

/// The message with its framing; empty if there is no such message (see size_bytes).
template <class T>
bytes encode_framed(const T& message) {
    const std::size_t size = size_bytes(message);
    // No message is near 2^32 bytes (size_bytes); said here, so that GCC 12 sees no sum that wraps
    // round.
    if (size == 0 || size > 0xffff'fff0u)
        return {};
    bytes out(detail::word_bytes + size);
    detail::write_frame_header(out.span(), size);
    encode(message, out.span().subspan(detail::word_bytes));
    return out;
}

/// Reads one framed message of any number of segments. Errors as decode.
template <class T>
result<T> decode_framed(std::span<const std::byte> from, const limits& within = {}) {
    check<T>();
    auto segments = detail::read_frame(from, within);
    if (!segments)
        return fail(std::move(segments.error()));
    result<T> message{tl::in_place};
    detail::reader with{*segments, within};
    if (!detail::read_message(*message, *segments, with))
        message = fail(detail::failure_of<T>(with));
    return message;
}

} // namespace equus::wire
