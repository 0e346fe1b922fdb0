// The struct that a C++ type is on the wire, with its places computed at compile time. Besides
// structs with EQUUS_FIELDS these are: an entry of a map (key, value), a variant (a union), and,
// where a list needs a struct as element, an optional or an owned object (a struct with that one
// field).
//
// The places are a flat array in the order of the fields; reading and writing run along it with a
// cursor, so that the code is one function per type of field, and constants once it is inlined.
#pragma once

#include <equus/wire/layout.hpp>
#include <equus/wire/shape.hpp>
#include <equus/wire/words.hpp>

#include <utility>

namespace equus::wire::detail {

/// The place of one field.
struct slot {
    std::uint32_t offset = 0;   ///< data: in units of the field's size; else: index of the pointer
    std::uint32_t tag = 0;      ///< optional: place of the discriminant, in units of 16 bits
    std::uint8_t data_bits = 0; ///< 0: not data
    bool has_tag = false;
};

template <class T>
struct fields_of_type {
    using type = type_list<T>; // optional, owned: the struct has that one field
};
template <has_fields T>
struct fields_of_type<T> {
    using type = decltype(std::declval<const T&>().equus_visit(list_fields{}));
};
template <class K, class V>
struct fields_of_type<std::pair<K, V>> {
    using type = type_list<std::remove_const_t<K>, V>;
};
template <class... Ts>
struct fields_of_type<std::variant<Ts...>> {
    using type = type_list<Ts...>;
};
template <class T>
using fields_of = typename fields_of_type<T>::type;

/// Calls the visitor with all fields of the struct that T is on the wire. Not for variants.
template <class T, class Visitor>
[[gnu::always_inline]] constexpr decltype(auto) visit_fields(T& object, Visitor&& visitor) {
    using type = std::remove_const_t<T>;
    if constexpr (has_fields<type>)
        return object.equus_visit(visitor);
    else if constexpr (is_entry<type>)
        return visitor(object.first, object.second);
    else
        return visitor(object);
}

template <class... Fields>
consteval std::size_t slot_count(type_list<Fields...>) noexcept;

template <class Field>
consteval std::size_t slot_count_of_field() noexcept {
    if constexpr (shape_of<Field>() == shape::group)
        return slot_count(fields_of<Field>{});
    else
        return 1;
}
template <class... Fields>
consteval std::size_t slot_count(type_list<Fields...>) noexcept {
    return (slot_count_of_field<Fields>() + ... + 0);
}

/// One value, given room by a struct or by a union.
template <class Field, class Layout>
constexpr slot place_value(Layout& in, slot out) noexcept {
    constexpr shape s = shape_of<Field>();
    if constexpr (s == shape::scalar) {
        out.offset = in.add_data(scalar<Field>::log2_bits);
        out.data_bits = static_cast<std::uint8_t>(1u << scalar<Field>::log2_bits);
    } else if constexpr (s == shape::nothing) {
        if constexpr (requires { in.add_void(); })
            in.add_void();
    } else {
        out.offset = in.add_pointer();
    }
    return out;
}

template <class... Fields>
constexpr void place_fields(struct_layout& in, slot*& out, type_list<Fields...>) noexcept;

template <class Field>
constexpr void place_field(struct_layout& in, slot*& out) noexcept {
    if constexpr (shape_of<Field>() == shape::group) {
        place_fields(in, out, fields_of<Field>{});
    } else if constexpr (is_optional<Field>) {
        // The union's first member is Void, so its discriminant is placed before its value.
        out->tag = in.add_data(4);
        out->has_tag = true;
        *out = place_value<typename Field::value_type>(in, *out);
        ++out;
    } else {
        *out = place_value<Field>(in, *out);
        ++out;
    }
}
template <class... Fields>
constexpr void place_fields(struct_layout& in, slot*& out, type_list<Fields...>) noexcept {
    (place_field<Fields>(in, out), ...);
}

template <std::size_t Slots>
struct form {
    std::uint32_t data_words = 0;
    std::uint32_t pointer_count = 0;
    std::uint32_t discriminant = 0; ///< of a variant, in units of 16 bits
    slot slots[Slots == 0 ? 1 : Slots] = {};

    constexpr std::uint32_t words() const noexcept { return data_words + pointer_count; }
};

template <class T, class... Fields>
consteval auto compute_form(type_list<Fields...> fields) noexcept {
    struct_layout layout;
    if constexpr (is_variant<T>) {
        form<sizeof...(Fields)> result;
        union_layout<sizeof...(Fields)> members{layout};
        slot* out = result.slots;
        ((*out = place_value<Fields>(members, *out), ++out), ...);
        result.discriminant = members.discriminant();
        result.data_words = layout.data_words();
        result.pointer_count = layout.pointer_count();
        return result;
    } else {
        form<slot_count(fields)> result;
        slot* out = result.slots;
        place_fields(layout, out, fields);
        result.data_words = layout.data_words();
        result.pointer_count = layout.pointer_count();
        return result;
    }
}

template <class T>
inline constexpr auto form_of = compute_form<T>(fields_of<T>{});

// ---- defaults
// ---------------------------------------------------------------------------------------

/// Per slot: the bits of a scalar's default; 1 for a text or list whose default is not empty, which
/// therefore must not be written as null when it is empty.
template <std::size_t Slots>
struct default_table {
    std::uint64_t bits[Slots == 0 ? 1 : Slots] = {};
};

struct collect_defaults {
    std::uint64_t* out;

    template <class... Fields>
    constexpr void operator()(const Fields&... fields) {
        (one(fields), ...);
    }
    template <class Field>
    constexpr void one(const Field& field) {
        constexpr shape s = shape_of<Field>();
        if constexpr (s == shape::group)
            field.equus_visit(*this);
        else if constexpr (s == shape::scalar)
            *out++ = scalar<Field>::to(field);
        else if constexpr (s == shape::text || s == shape::data || s == shape::list ||
                           s == shape::set || s == shape::map)
            *out++ = field.empty() ? 0 : 1;
        else
            ++out;
    }
};

template <class T>
constexpr auto make_default_table(const T& fresh) {
    default_table<slot_count(fields_of<T>{})> table;
    fresh.equus_visit(collect_defaults{table.bits});
    return table;
}

/// GCC 12 cannot evaluate an array of objects with destructors in a constant object, and says so
/// only where an error is final.
template <class T>
consteval bool is_evaluable() noexcept;
template <class... Fields>
consteval bool are_evaluable(type_list<Fields...>) noexcept {
    return (is_evaluable<Fields>() && ...);
}
template <class T>
consteval bool is_evaluable() noexcept {
    constexpr shape s = shape_of<T>();
    if constexpr (is_array<T>)
        return std::is_trivially_destructible_v<T>;
    else if constexpr (s == shape::structure || s == shape::variant)
        return are_evaluable(fields_of<T>{});
    else
        return true;
}

/// The compiler can look at the default object.
template <class T>
concept constant_default = is_evaluable<T>() && requires {
    typename std::bool_constant<(static_cast<void>(make_default_table(T{})), true)>;
};

template <class T>
inline constexpr auto zero_defaults = default_table<slot_count(fields_of<T>{})>{};
template <class T>
inline constexpr auto constant_defaults = make_default_table(T{});

/// The defaults of T's scalar fields: its member initialisers.
template <class T>
inline const std::uint64_t* defaults_of() noexcept {
    if constexpr (!has_fields<T>) {
        return zero_defaults<T>.bits;
    } else if constexpr (constant_default<T>) {
        return constant_defaults<T>.bits;
    } else {
        static const auto table = make_default_table(T{});
        return table.bits;
    }
}

} // namespace equus::wire::detail
