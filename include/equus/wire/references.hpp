// The references inside a message: found by the compiler, visited in the order of the fields,
// however deep they lie. The kernel writes their descriptors when a message leaves and redeems them
// on arrival.
#pragma once

#include <equus/wire/form.hpp>

namespace equus::wire {

namespace detail {

template <class T, class... Above>
consteval bool has_references() noexcept;

template <class... Above, class... Fields>
consteval bool any_has_references(type_list<Fields...>) noexcept {
    return (has_references<Fields, Above...>() || ...);
}

/// `Above`: the structs on the way here; a recursive type is looked at once.
template <class T, class... Above>
consteval bool has_references() noexcept {
    constexpr shape s = shape_of<T>();
    if constexpr ((std::same_as<T, Above> || ...)) {
        return false;
    } else if constexpr (s == shape::capability) {
        return true;
    } else if constexpr (s == shape::structure || s == shape::group || s == shape::variant) {
        return any_has_references<T, Above...>(fields_of<T>{});
    } else if constexpr (s == shape::optional || s == shape::list) {
        return has_references<typename T::value_type, Above...>();
    } else if constexpr (s == shape::map) {
        return has_references<typename T::mapped_type, Above...>();
    } else if constexpr (s == shape::owned) {
        return has_references<typename T::element_type, Above...>();
    } else {
        return false;
    }
}

template <class T, class F>
void visit_references(T& value, F& visit) {
    using type = std::remove_const_t<T>;
    constexpr shape s = shape_of<type>();
    if constexpr (has_references<type>()) {
        if constexpr (s == shape::capability) {
            visit(reference_in(value));
        } else if constexpr (s == shape::structure || s == shape::group) {
            value.equus_visit([&](auto&... fields) { (visit_references(fields, visit), ...); });
        } else if constexpr (s == shape::variant) {
            [&]<std::size_t... I>(std::index_sequence<I...>) {
                ((value.index() == I ? visit_references(*std::get_if<I>(&value), visit) : void()),
                 ...);
            }
            (std::make_index_sequence<std::variant_size_v<type>>{});
        } else if constexpr (s == shape::optional || s == shape::owned) {
            if (value)
                visit_references(*value, visit);
        } else if constexpr (s == shape::map) {
            for (auto& entry : value)
                visit_references(entry.second, visit);
        } else {
            for (auto& element : value)
                visit_references(element, visit);
        }
    }
}

} // namespace detail

/// Whether a T can hold a reference.
template <class T>
inline constexpr bool contains_references = detail::has_references<T>();

/// Calls `visit` with each `reference&` (`const reference&` in a const object) inside.
template <class T, class F>
void for_each_reference(T& value, F&& visit) {
    detail::visit_references(value, visit);
}

} // namespace equus::wire
