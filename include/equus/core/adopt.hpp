// A message that stays on its node is moved, and with it the memory that its texts, lists and maps
// own. Whoever takes it keeps it, so whoever takes it pays: each block changes its account. Limit:
// the index of a hash table or a deque cannot be reached from outside and stays the sender's.
#pragma once

#include <equus/base/bytes.hpp>
#include <equus/base/fields.hpp>
#include <equus/core/memory.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace equus::detail {

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_boxed = false;
template <class T>
inline constexpr bool is_boxed<std::unique_ptr<T>> = true;
template <class T>
inline constexpr bool is_maybe = false;
template <class T>
inline constexpr bool is_maybe<std::optional<T>> = true;
template <class T>
inline constexpr bool is_choice = false;
template <class... T>
inline constexpr bool is_choice<std::variant<T...>> = true;
template <class T>
inline constexpr bool is_pair = false;
template <class K, class V>
inline constexpr bool is_pair<std::pair<K, V>> = true;

template <class T>
concept range_of_elements = requires(T& c) {
    c.begin() != c.end();
    typename T::value_type;
};
/// A container of libstdc++ whose elements lie in blocks of their own, which its iterators name.
template <class T>
concept tree_or_list = requires(T& c) {
    c.begin()._M_node;
    c.begin() != c.end();
}
&&!requires(T & c) {
    c.begin()._M_first; // a deque
};
template <class T>
concept hash_table = requires(T& c) {
    c.begin()._M_cur;
    c.bucket_count();
};

/// Whether the pointer leads outside of the object: a short text lies within it.
template <class T>
bool lies_outside(const T& object, const void* at) noexcept {
    const auto* begin = reinterpret_cast<const std::byte*>(&object);
    const auto* p = static_cast<const std::byte*>(at);
    return std::less<>{}(p, begin) || !std::less<>{}(p, begin + sizeof(T));
}

/// Makes what the object owns the running incarnation's.
template <class T>
void adopt(T& object) noexcept {
    if constexpr (std::is_trivially_destructible_v<T>) {
        // owns nothing
    } else if constexpr (std::is_same_v<T, std::string>) {
        if (lies_outside(object, object.data()))
            adopt_block(object.data());
    } else if constexpr (std::is_same_v<T, bytes>) {
        if (object.data())
            adopt_block(object.data());
    } else if constexpr (is_vector<T>) {
        if constexpr (!std::is_same_v<typename T::value_type, bool>) {
            if (object.data())
                adopt_block(object.data());
            if constexpr (!std::is_trivially_destructible_v<typename T::value_type>)
                for (auto& each : object)
                    adopt(each);
        } else if (object.capacity() != 0) {
            adopt_block(object.begin()._M_p);
        }
    } else if constexpr (has_fields<T>) {
        object.equus_visit([](auto&... field) { (adopt(field), ...); });
    } else if constexpr (is_boxed<T>) {
        if (object) {
            adopt_block(object.get());
            adopt(*object);
        }
    } else if constexpr (is_maybe<T>) {
        if (object)
            adopt(*object);
    } else if constexpr (is_choice<T>) {
        std::visit([](auto& held) { adopt(held); }, object);
    } else if constexpr (is_pair<T>) {
        adopt(const_cast<std::remove_const_t<typename T::first_type>&>(object.first));
        adopt(object.second);
    } else if constexpr (range_of_elements<T>) {
        for (auto at = object.begin(); at != object.end(); ++at) {
            if constexpr (tree_or_list<T>)
                adopt_block(at._M_node);
            else if constexpr (hash_table<T>)
                adopt_block(at._M_cur);
            adopt(const_cast<std::remove_cvref_t<decltype(*at)>&>(*at));
        }
    }
}

/// Whether adopt() has anything to do for such an object.
template <class T>
inline constexpr bool owns_memory = !std::is_trivially_destructible_v<T>;

} // namespace equus::detail
