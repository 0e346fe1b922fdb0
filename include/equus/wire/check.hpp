// Misuse of the codec, answered by one line at compile time.
#pragma once

#include <equus/wire/form.hpp>
#include <equus/wire/references.hpp>

namespace equus::wire {

namespace detail {

template <class T>
void check_field();

template <class... Fields>
void check_fields(type_list<Fields...>) {
    // Naming a function instantiates it, once for each type, and recursive types end there.
    (static_cast<void>(&check_field<Fields>), ...);
}

template <class T>
inline constexpr bool is_string_view = false;
template <class C, class Traits>
inline constexpr bool is_string_view<std::basic_string_view<C, Traits>> = true;

template <class... Fields>
consteval bool is_plain_group(type_list<Fields...>) noexcept {
    return ((shape_of<Fields>() == shape::scalar || shape_of<Fields>() == shape::group) && ...);
}

template <class T>
void check_field() {
    constexpr shape s = shape_of<T>();
    static_assert(!std::is_pointer_v<T>, "message contains a pointer");
    static_assert(!std::is_array_v<T>, "message contains a C array: use std::array");
    static_assert(!is_string_view<T>, "message contains a string_view: use std::string");
    static_assert(!std::same_as<T, time_point>,
                  "message contains a time_point, which means nothing elsewhere: use duration");
    static_assert(!std::same_as<T, char> && !std::same_as<T, wchar_t> &&
                      !std::same_as<T, long double>,
                  "message contains a type without a fixed size or sign: use (u)intN_t or double");
    if constexpr (s == shape::unsupported) {
        static_assert(std::is_pointer_v<T> || std::is_array_v<T> || is_string_view<T> ||
                          std::same_as<T, time_point> || std::is_arithmetic_v<T>,
                      "message contains a type that has no wire form: give it EQUUS_FIELDS");
    } else if constexpr (std::is_enum_v<T> && !std::same_as<T, std::byte>) {
        if constexpr (has_enumerators<T>)
            static_assert(equus_enumerators(T{}).numbered_from_zero,
                          "EQUUS_ENUM: enumerators are numbered 0, 1, 2 ...: append only");
        else
            static_assert(sizeof(T) <= 2, "message contains a wide enumeration: use EQUUS_ENUM");
    } else if constexpr (s == shape::structure || s == shape::group) {
        static_assert(std::is_default_constructible_v<T>,
                      "message contains a type without default constructor");
        if constexpr (s == shape::group)
            static_assert(is_plain_group(fields_of<T>{}),
                          "message contains a group with a field that is no number");
        check_fields(fields_of<T>{});
    } else if constexpr (s == shape::variant) {
        check_fields(fields_of<T>{});
    } else if constexpr (s == shape::optional || s == shape::list) {
        check_fields(type_list<typename T::value_type>{});
    } else if constexpr (s == shape::owned) {
        constexpr shape owned = shape_of<typename T::element_type>();
        static_assert(owned == shape::structure || owned == shape::group || owned == shape::variant,
                      "message contains a unique_ptr to what is no struct: use std::optional");
        check_fields(type_list<typename T::element_type>{});
    } else if constexpr (s == shape::set || s == shape::map) {
        static_assert(!contains_references<typename T::key_type>,
                      "message contains a key with a reference");
        check_fields(type_list<typename T::key_type>{});
        if constexpr (s == shape::map)
            check_fields(type_list<typename T::mapped_type>{});
    }
}

} // namespace detail

/// Refuses to compile, with the reason in one line, if T cannot be a message.
template <class T>
constexpr void check() noexcept {
    constexpr detail::shape s = detail::shape_of<T>();
    static_assert(s == detail::shape::structure || s == detail::shape::group,
                  "a message is a struct with EQUUS_FIELDS");
    static_cast<void>(&detail::check_field<T>);
}

} // namespace equus::wire
