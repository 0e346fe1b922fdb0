// A message, a state or a parameter block is a plain aggregate that names its fields once:
//
//     struct point { std::int32_t x = 0; std::int32_t y = 0; EQUUS_FIELDS(x, y) };
//
// The order of the names is the order of the wire form: append, never reorder or remove. The list
// is all that the codec, the schema printer, the state view and the tests know of the type.
#pragma once

#include <concepts>
#include <string_view>
#include <utility>

/// Names the fields of the enclosing aggregate, in wire order. `equus_visit` calls the visitor once
/// with all of them by reference, and is always inlined: a visitor in memory costs more than the
/// fields; `equus_field_names` is the list as written.
#define EQUUS_FIELDS(...)                                                                          \
    static constexpr ::std::string_view equus_field_names() noexcept {                             \
        return #__VA_ARGS__;                                                                       \
    }                                                                                              \
    template <class EquusVisitor>                                                                  \
    [[gnu::always_inline]] constexpr decltype(auto) equus_visit(EquusVisitor&& equus_visitor) {    \
        return ::std::forward<EquusVisitor>(equus_visitor)(__VA_ARGS__);                           \
    }                                                                                              \
    template <class EquusVisitor>                                                                  \
    [[gnu::always_inline]] constexpr decltype(auto) equus_visit(EquusVisitor&& equus_visitor)      \
        const {                                                                                    \
        return ::std::forward<EquusVisitor>(equus_visitor)(__VA_ARGS__);                           \
    }

/// Names the enumerators of an enumeration, numbered 0, 1, 2 ...: append, never reorder or remove.
/// Stands in the namespace of the enumeration, or behind `friend` in its class.
#define EQUUS_ENUM(EquusEnumeration, ...)                                                          \
    constexpr auto equus_enumerators(EquusEnumeration) noexcept {                                  \
        using enum EquusEnumeration;                                                               \
        constexpr EquusEnumeration equus_listed[] = {__VA_ARGS__};                                 \
        return ::equus::enumerator_list{#__VA_ARGS__, ::equus::numbered_from_zero(equus_listed)};  \
    }

namespace equus {

/// What EQUUS_ENUM leaves behind: the names as written, and whether their values are 0, 1, 2 ...
struct enumerator_list {
    std::string_view names;
    bool numbered_from_zero = false;
};

template <class Enumeration, decltype(sizeof(0)) Count>
constexpr bool numbered_from_zero(const Enumeration (&listed)[Count]) noexcept {
    for (decltype(sizeof(0)) i = 0; i < Count; ++i)
        if (static_cast<decltype(sizeof(0))>(listed[i]) != i)
            return false;
    return true;
}

/// An enumeration that carries EQUUS_ENUM.
template <class T>
concept has_enumerators = requires(T value) {
    { equus_enumerators(value) } -> std::same_as<enumerator_list>;
};

/// The name at `index` in a list as EQUUS_FIELDS and EQUUS_ENUM write it: "x, y"; empty behind its
/// end.
constexpr std::string_view nth_name(std::string_view names, std::size_t index) noexcept {
    for (; index > 0; --index) {
        const std::size_t comma = names.find(',');
        names.remove_prefix(comma == names.npos ? names.size() : comma + 1);
    }
    names = names.substr(0, names.find(','));
    while (!names.empty() && names.front() == ' ')
        names.remove_prefix(1);
    while (!names.empty() && names.back() == ' ')
        names.remove_suffix(1);
    return names;
}

/// A type that carries EQUUS_FIELDS.
template <class T>
concept has_fields = requires {
    { T::equus_field_names() } -> std::same_as<std::string_view>;
};

} // namespace equus
