// Messages are plain aggregates; on the wire they are standard Cap'n Proto, one segment, read and
// written by any Cap'n Proto library with the schema that `schema_text` prints.
//
//     std::vector<std::byte> out(wire::size_bytes(m));
//     wire::encode(m, out);
//     result<print> back = wire::decode<print>(out);
//
// Guarantees: equal values have equal bytes on every machine; whatever the bytes, decoding ends
// within its limits in a value or an error that names the field. The bytes may lie at any address.
#pragma once

#include <equus/base/assert.hpp>
#include <equus/wire/check.hpp>
#include <equus/wire/names.hpp>
#include <equus/wire/read.hpp>
#include <equus/wire/references.hpp>
#include <equus/wire/write.hpp>

namespace equus::wire {

/// Exact bytes of the message, a multiple of 8; 0 if there is no such message: a list of 2^29
/// elements or more, 4 GiB, deeper than limits{} lets anybody read, or more empty elements.
template <class T>
std::size_t size_bytes(const T& message) noexcept {
    check<T>();
    constexpr auto& f = detail::form_of<T>;
    if constexpr (f.pointer_count == 0 && f.words() < detail::list_size_max)
        return (1 + f.words()) * detail::word_bytes;
    detail::sizer size;
    size.words += detail::form_of<T>.words();
    size.depth = 1;
    detail::size_content(message, size);
    return detail::accepted_bytes(size);
}

/// Writes the message over all of `out`. Requires out.size() == size_bytes(message), which is not
/// 0.
template <class T>
void encode(const T& message, std::span<std::byte> out) noexcept {
    constexpr auto& f = detail::form_of<T>;
    EQUUS_ASSERT(out.size() >= (1 + f.words()) * detail::word_bytes);
    detail::writer to{out.data() + detail::word_bytes};
    std::byte* content = to.take_zeroed(f.words());
    detail::store_struct_pointer(out.data(), content, f.data_words, f.pointer_count);
    detail::write_content(message, content, to);
    EQUUS_ASSERT(to.next == out.data() + out.size());
}

namespace detail {

/// Into a T as its default constructor leaves it.
template <class T>
[[gnu::always_inline]] inline bool read_message(T& fresh, std::span<const segment> segments,
                                                reader& with) {
    if (segments.empty() || segments[0].words == 0)
        return with.fail("no root pointer");
    const std::byte* root = segments[0].data;
    if (load<std::uint64_t>(root) == 0)
        return true;
    struct_view content;
    return with.follow_struct(&segments[0], root, content) && with.enter() &&
           read_struct(fresh, content, with);
}

/// From one segment without framing.
template <class T>
[[gnu::always_inline]] inline bool read_segment(T& fresh, std::span<const std::byte> from,
                                                const segment& only, reader& with) {
    if (from.size() % word_bytes != 0) [[unlikely]]
        return with.fail("bytes behind the last whole word");
    return read_message(fresh, {&only, 1}, with);
}

template <class T>
[[gnu::cold, gnu::noinline]] error failure_of(const reader& with) {
    constexpr std::string_view name = type_name_of<T>();
    return with.failure(name);
}

} // namespace detail

/// Reads one segment without framing. errc::malformed, and the text says which field, for
/// everything that is not a T; the object is then valid and half filled.
template <class T>
result<void> decode_into(T& message, std::span<const std::byte> from, const limits& within = {}) {
    check<T>();
    message = T{};
    const detail::segment only{from.data(), from.size() / detail::word_bytes};
    detail::reader with{{&only, 1}, within};
    if (!detail::read_segment(message, from, only, with)) [[unlikely]]
        return fail(detail::failure_of<T>(with));
    return {};
}

/// The same into raw memory, the shortest way: constructs a T at `to`, or nothing if it fails.
template <class T>
result<void> decode_at(void* to, std::span<const std::byte> from, const limits& within = {}) {
    check<T>();
    T* const message = new (to) T{};
    const detail::segment only{from.data(), from.size() / detail::word_bytes};
    detail::reader with{{&only, 1}, within};
    if (!detail::read_segment(*message, from, only, with)) [[unlikely]] {
        message->~T();
        return fail(detail::failure_of<T>(with));
    }
    return {};
}

/// The same into a new object.
template <class T>
result<T> decode(std::span<const std::byte> from, const limits& within = {}) {
    check<T>();
    result<T> message{tl::in_place};
    const detail::segment only{from.data(), from.size() / detail::word_bytes};
    detail::reader with{{&only, 1}, within};
    if (!detail::read_segment(*message, from, only, with)) [[unlikely]]
        message = fail(detail::failure_of<T>(with));
    return message;
}

} // namespace equus::wire
