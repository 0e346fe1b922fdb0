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
/// with all of them by reference; `equus_field_names` is the list as written.
#define EQUUS_FIELDS(...)                                                                          \
    static constexpr ::std::string_view equus_field_names() noexcept {                             \
        return #__VA_ARGS__;                                                                       \
    }                                                                                              \
    template <class EquusVisitor>                                                                  \
    constexpr decltype(auto) equus_visit(EquusVisitor&& equus_visitor) {                           \
        return ::std::forward<EquusVisitor>(equus_visitor)(__VA_ARGS__);                           \
    }                                                                                              \
    template <class EquusVisitor>                                                                  \
    constexpr decltype(auto) equus_visit(EquusVisitor&& equus_visitor) const {                     \
        return ::std::forward<EquusVisitor>(equus_visitor)(__VA_ARGS__);                           \
    }

namespace equus {

/// A type that carries EQUUS_FIELDS.
template <class T>
concept has_fields = requires {
    { T::equus_field_names() } -> std::same_as<std::string_view>;
};

} // namespace equus
