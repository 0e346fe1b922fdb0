// What the runtime knows of a message type: how to move, write and read it, and where its
// references are. One constant per C++ type; its address is the type's name inside one program, its
// encoding outside.
#pragma once

#include <equus/base/reference.hpp>
#include <equus/base/result.hpp>
#include <equus/wire/describe.hpp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>

namespace equus::detail {

using reference_visitor = void (*)(void* context, reference& found);

struct message_type {
    std::uint32_t size;
    std::uint32_t alignment;
    void (*destroy)(void* object) noexcept;
    /// Exact bytes of the encoding.
    std::size_t (*size_bytes)(const void* object) noexcept;
    void (*encode)(const void* object, std::span<std::byte> out) noexcept;
    /// Constructs the object at `to` from bytes; constructs nothing on error.
    result<void> (*decode)(void* to, std::span<const std::byte> from);
    /// Null for a type that cannot hold references.
    void (*for_each_reference)(void* object, reference_visitor visit, void* context);
    /// What the encoding means, for those who print or compare it.
    wire::schema_source schema;
};

template <class T>
struct message_operations {
    static void destroy(void* object) noexcept { static_cast<T*>(object)->~T(); }
    static std::size_t size_bytes(const void* object) noexcept {
        return wire::size_bytes(*static_cast<const T*>(object));
    }
    static void encode(const void* object, std::span<std::byte> out) noexcept {
        wire::encode(*static_cast<const T*>(object), out);
    }
    static result<void> decode(void* to, std::span<const std::byte> from) {
        auto decoded = wire::decode<T>(from);
        if (!decoded)
            return fail(std::move(decoded.error()));
        new (to) T(std::move(*decoded));
        return {};
    }
    static void for_each_reference(void* object, reference_visitor visit, void* context) {
        wire::for_each_reference(*static_cast<T*>(object),
                                 [&](reference& found) { visit(context, found); });
    }
    static constexpr auto reference_walk() noexcept {
        if constexpr (wire::contains_references<T>)
            return &for_each_reference;
        else
            return static_cast<void (*)(void*, reference_visitor, void*)>(nullptr);
    }
};

template <class T>
inline constexpr message_type message_type_of{
    sizeof(T),
    alignof(T),
    &message_operations<T>::destroy,
    &message_operations<T>::size_bytes,
    &message_operations<T>::encode,
    &message_operations<T>::decode,
    message_operations<T>::reference_walk(),
    &wire::schema_of<T>,
};

} // namespace equus::detail
