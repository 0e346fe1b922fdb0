// Which C++ types may be fields of a message, and what each is on the wire.
//
//   bool, (u)int8..64, float, double, std::byte    Bool, Int8 ... UInt64, Float32, Float64
//   enumeration                                    enumerant (EQUUS_ENUM gives the names)
//   std::chrono::duration of integers              Int64, nanoseconds
//   strong_id                                      its representation
//   std::string, equus::bytes                      Text, Data
//   std::vector, std::deque, std::array, std::list List
//   std::set, std::unordered_set                   List, sorted
//   std::map, std::unordered_map                   List of entries (key, value), sorted by key
//   struct with EQUUS_FIELDS                       struct
//   identities of base/ids.hpp                     group: their numbers lie in the enclosing struct
//   std::optional                                  union of Void and the value, two ordinals
//   std::variant                                   pointer to a struct that is a union
//   std::unique_ptr                                pointer to a struct, may be null: recursion
//   reference and what derives from it             capability
//   std::monostate                                 Void
//
// A member initialiser is the default of its field, and what a message lacks has it; but an
// optional, an owned object and a reference are absent then, whatever their initialiser. An
// enumeration without EQUUS_ENUM is a plain UInt16 to the schema. Everything else is refused at
// compile time, in one line.
#pragma once

#include <equus/base/bytes.hpp>
#include <equus/base/fields.hpp>
#include <equus/base/ids.hpp>
#include <equus/base/reference.hpp>
#include <equus/base/time.hpp>
#include <equus/wire/words.hpp>

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace equus::wire {

/// A struct that lies inside the struct which has it as a field, instead of behind a pointer. Its
/// fields then take ordinals of the enclosing struct: only for types that never get another field.
template <class T>
inline constexpr bool is_group = false;
template <>
inline constexpr bool is_group<node_boot> = true;
template <>
inline constexpr bool is_group<incarnation_id> = true;
template <class Tag>
inline constexpr bool is_group<owned_id<Tag>> = true;

} // namespace equus::wire

namespace equus::wire::detail {

template <class... Types>
struct type_list {
    static constexpr std::size_t size = sizeof...(Types);
};

struct list_fields {
    template <class... Fields>
    constexpr type_list<Fields...> operator()(const Fields&...) const noexcept {
        return {};
    }
};

/// A reference, something derived from one, or a type for which a function `reference&
/// equus_reference(T&)` is found by argument-dependent lookup.
template <class T>
concept named_reference = requires(T& value) {
    { equus_reference(value) } -> std::same_as<reference&>;
};
template <class T>
concept capability = std::derived_from<T, reference> || named_reference<T>;

template <capability T>
constexpr reference& reference_in(T& value) noexcept {
    if constexpr (std::derived_from<T, reference>)
        return value;
    else
        return equus_reference(value);
}
template <capability T>
constexpr const reference& reference_in(const T& value) noexcept {
    if constexpr (std::derived_from<T, reference>)
        return value;
    else
        return equus_reference(const_cast<T&>(value));
}

enum class shape : std::uint8_t {
    unsupported,
    nothing,
    scalar,
    text,
    data,
    list,
    set,
    map,
    structure,
    group,
    optional,
    variant,
    owned,
    capability,
};

template <class T>
inline constexpr bool is_strong_id = false;
template <class Tag, class R>
inline constexpr bool is_strong_id<strong_id<Tag, R>> = true;
template <class T>
inline constexpr bool is_duration = false;
template <class R, class P>
inline constexpr bool is_duration<std::chrono::duration<R, P>> =
    std::is_integral_v<R> && !std::ratio_less_v<P, std::nano>;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_variant = false;
template <class... Ts>
inline constexpr bool is_variant<std::variant<Ts...>> = true;
template <class T>
inline constexpr bool is_owned = false;
template <class T>
inline constexpr bool is_owned<std::unique_ptr<T>> = !std::is_array_v<T>;
template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t N>
inline constexpr bool is_array<std::array<T, N>> = true;
/// An entry of a map, in the map or on its way there.
template <class T>
inline constexpr bool is_entry = false;
template <class K, class V>
inline constexpr bool is_entry<std::pair<K, V>> = true;

/// Integers with a fixed size. Characters are none: `char` has no defined sign.
template <class T>
concept fixed_integer = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                        !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                        !std::same_as<T, char16_t> && !std::same_as<T, char32_t> && sizeof(T) <= 8;

template <class T>
concept sequence = requires(T& c) {
    typename T::value_type;
    c.emplace_back();
    c.begin() == c.end();
    { c.size() } -> std::convertible_to<std::size_t>;
}
&&!requires {
    typename T::traits_type;
};

template <class T>
concept associative = requires(T& c, typename T::value_type&& v) {
    typename T::key_type;
    { c.insert(static_cast<typename T::value_type&&>(v)).second } -> std::convertible_to<bool>;
};

template <class T>
consteval shape shape_of() noexcept {
    if constexpr (capability<T>)
        return shape::capability;
    else if constexpr (std::same_as<T, bool> || fixed_integer<T> || std::same_as<T, float> ||
                       std::same_as<T, double> || std::same_as<T, std::byte> || std::is_enum_v<T> ||
                       is_strong_id<T> || is_duration<T>)
        return shape::scalar;
    else if constexpr (std::same_as<T, std::string>)
        return shape::text;
    else if constexpr (std::same_as<T, bytes>)
        return shape::data;
    else if constexpr (has_fields<T>)
        return is_group<T> ? shape::group : shape::structure;
    else if constexpr (is_optional<T>)
        return shape::optional;
    else if constexpr (is_variant<T>)
        return shape::variant;
    else if constexpr (is_owned<T>)
        return shape::owned;
    else if constexpr (std::same_as<T, std::monostate>)
        return shape::nothing;
    else if constexpr (is_array<T> || sequence<T>)
        return shape::list;
    else if constexpr (associative<T>)
        return requires {
            typename T::mapped_type;
        }
    ? shape::map : shape::set;
    else return shape::unsupported;
}

/// How one scalar becomes bits: `raw` is the unsigned integer of its size.
template <std::size_t Bytes>
using raw_of_size = std::conditional_t<
    Bytes == 1, std::uint8_t,
    std::conditional_t<Bytes == 2, std::uint16_t,
                       std::conditional_t<Bytes == 4, std::uint32_t, std::uint64_t>>>;

template <class T>
struct scalar {
    using raw = raw_of_size<sizeof(T)>;
    static constexpr unsigned log2_bits = std::countr_zero(sizeof(T)) + 3u;
    /// On a little-endian machine a row of T in memory is a row of T on the wire.
    static constexpr bool flat = true;
    static constexpr raw to(T value) noexcept { return std::bit_cast<raw>(value); }
    static constexpr T from(raw bits) noexcept { return std::bit_cast<T>(bits); }
    static constexpr bool fits(raw) noexcept { return true; }
};

template <>
struct scalar<bool> {
    using raw = std::uint8_t;
    static constexpr unsigned log2_bits = 0;
    static constexpr bool flat = false;
    static constexpr raw to(bool value) noexcept { return value ? 1 : 0; }
    static constexpr bool from(raw bits) noexcept { return bits != 0; }
    static constexpr bool fits(raw) noexcept { return true; }
};

template <class T>
requires std::is_enum_v<T> &&(!std::same_as<T, std::byte>)struct scalar<T> {
    using raw = std::uint16_t;
    using underlying = std::underlying_type_t<T>;
    static constexpr unsigned log2_bits = 4;
    static constexpr bool flat = std::same_as<underlying, std::uint16_t>;
    static constexpr raw to(T value) noexcept { return static_cast<raw>(value); }
    static constexpr T from(raw bits) noexcept { return static_cast<T>(bits); }
    /// A number without an enumerator comes from a newer program and is kept.
    static constexpr bool fits(raw bits) noexcept {
        return static_cast<std::uint64_t>(bits) <=
               static_cast<std::uint64_t>(std::numeric_limits<underlying>::max());
    }
};

template <class R, class P>
struct scalar<std::chrono::duration<R, P>> {
    using raw = std::uint64_t;
    using value_type = std::chrono::duration<R, P>;
    using ns_limits = std::numeric_limits<std::int64_t>;
    using count_limits = std::numeric_limits<R>;
    static constexpr unsigned log2_bits = 6;
    static constexpr bool flat = std::same_as<value_type, duration>;
    static constexpr std::int64_t factor = std::ratio_divide<P, std::nano>::num;
    /// Saturates: `hours::max()` is the longest duration there is, and so is what it is read as.
    static constexpr raw to(value_type value) noexcept {
        const auto count = static_cast<std::int64_t>(value.count());
        if (count > ns_limits::max() / factor)
            return static_cast<raw>(ns_limits::max());
        if (count < ns_limits::min() / factor)
            return static_cast<raw>(ns_limits::min());
        return static_cast<raw>(count * factor);
    }
    static constexpr value_type from(raw bits) noexcept {
        const auto ns = static_cast<std::int64_t>(bits);
        const std::int64_t count = ns / factor;
        if (ns == ns_limits::max() || std::cmp_greater(count, count_limits::max()))
            return value_type::max();
        if (ns == ns_limits::min() || std::cmp_less(count, count_limits::min()))
            return value_type::min();
        return value_type{static_cast<R>(count)};
    }
    static constexpr bool fits(raw) noexcept { return true; }
};

template <class Tag, class R>
struct scalar<strong_id<Tag, R>> {
    using raw = typename scalar<R>::raw;
    static constexpr unsigned log2_bits = scalar<R>::log2_bits;
    static constexpr bool flat = true;
    static constexpr raw to(strong_id<Tag, R> id) noexcept { return scalar<R>::to(id.value); }
    static constexpr strong_id<Tag, R> from(raw bits) noexcept { return {scalar<R>::from(bits)}; }
    static constexpr bool fits(raw) noexcept { return true; }
};

/// How T lies in a list.
template <class T>
consteval element_size element_size_of() noexcept {
    switch (shape_of<T>()) {
    case shape::scalar:
        if constexpr (shape_of<T>() == shape::scalar)
            return element_size_of_bits_log2(scalar<T>::log2_bits);
        return element_size::nothing;
    case shape::nothing:
        return element_size::nothing;
    case shape::text:
    case shape::data:
    case shape::list:
    case shape::set:
    case shape::map:
    case shape::capability:
        return element_size::pointer;
    default:
        return element_size::composite;
    }
}

} // namespace equus::wire::detail
