// What a message type is, as a constant that a program can carry and print: no types, no code but
// function pointers that lead from a type to the types of its fields. Descriptions are made for the
// types that somebody asks for; a program that asks for none pays nothing.
#pragma once

#include <equus/wire/codec.hpp>

namespace equus::wire {

enum class type_kind : std::uint8_t {
    nothing,
    boolean,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
    float32,
    float64,
    enumeration,
    text,
    data,
    list,      ///< also sets; members: the element
    map,       ///< members: key, value
    structure, ///< members: the fields
    group,     ///< members: the fields
    optional,  ///< members: the value
    variant,   ///< members: the alternatives
    owned,     ///< members: the struct
    reference,
};

struct schema_type;
using schema_source = const schema_type& (*)() noexcept;

/// One type. Everything it points to lives as long as the program.
struct schema_type {
    type_kind kind = type_kind::nothing;
    std::string_view
        name; ///< structs, enumerations, references: qualified, "doc::print" or "doc.print"
    std::string_view fields; ///< names as EQUUS_FIELDS or EQUUS_ENUM has them: "title, body"
    std::span<const schema_source> members;
    std::uint32_t data_words = 0; ///< of the struct that the type is, or is in a list
    std::uint32_t pointer_count = 0;
    std::uint32_t discriminant = 0;                        ///< of a variant, in units of 16 bits
    std::span<const detail::slot> places;                  ///< of the fields, groups laid flat
    const std::uint64_t* (*defaults)() noexcept = nullptr; ///< of the fields, groups laid flat
    bytes (*fresh)() = nullptr; ///< struct: the message as its default constructor makes it
};

/// The description of T; T need not be a message itself, only something a message may contain.
template <class T>
const schema_type& schema_of() noexcept;

namespace detail {

template <class T>
consteval type_kind scalar_kind() noexcept {
    if constexpr (is_strong_id<T>)
        return scalar_kind<typename T::representation>();
    else if constexpr (std::same_as<T, bool>)
        return type_kind::boolean;
    else if constexpr (std::same_as<T, float>)
        return type_kind::float32;
    else if constexpr (std::same_as<T, double>)
        return type_kind::float64;
    else if constexpr (std::is_enum_v<T> && !std::same_as<T, std::byte>)
        return has_enumerators<T> ? type_kind::enumeration : type_kind::uint16;
    else if constexpr (is_duration<T>)
        return type_kind::int64;
    else if constexpr (std::is_signed_v<T>)
        return static_cast<type_kind>(static_cast<unsigned>(type_kind::int8) +
                                      std::countr_zero(sizeof(T)));
    else
        return static_cast<type_kind>(static_cast<unsigned>(type_kind::uint8) +
                                      std::countr_zero(sizeof(T)));
}

/// A name for types whose C++ name differs between compilers or says nothing.
template <class T>
constexpr std::string_view schema_name_of() noexcept {
    if constexpr (named_type<T>)
        return T::equus_name;
    else if constexpr (std::derived_from<T, reference>)
        return "equus.reference";
    else
        return compiler_name_of<T>();
}
template <class T>
requires is_group<T>
constexpr std::string_view schema_name_of() noexcept {
    std::string_view name = compiler_name_of<T>();
    return name.substr(0, name.find('<')); // the tag of an identity is no part of it
}

template <class... Types>
inline constexpr schema_source sources[sizeof...(Types) == 0 ? 1 : sizeof...(Types)] = {
    &schema_of<Types>...};
template <class... Types>
constexpr std::span<const schema_source> sources_of(type_list<Types...>) noexcept {
    return {sources<Types...>, sizeof...(Types)};
}

template <class T>
struct same {
    using type = T;
};
template <class T>
struct map_entry;
template <class T>
requires requires {
    typename T::mapped_type;
}
struct map_entry<T> {
    using type = std::pair<const typename T::key_type, typename T::mapped_type>;
};

template <class T>
bytes encode_fresh() {
    const T fresh{};
    bytes out(size_bytes(fresh));
    encode(fresh, out.span());
    return out;
}

template <class T>
constexpr schema_type describe() noexcept {
    constexpr shape s = shape_of<T>();
    schema_type type;
    if constexpr (s == shape::nothing) {
        type.kind = type_kind::nothing;
    } else if constexpr (s == shape::scalar) {
        type.kind = scalar_kind<T>();
        if constexpr (scalar_kind<T>() == type_kind::enumeration) {
            type.name = schema_name_of<T>();
            type.fields = equus_enumerators(T{}).names;
        }
    } else if constexpr (s == shape::text) {
        type.kind = type_kind::text;
    } else if constexpr (s == shape::data) {
        type.kind = type_kind::data;
    } else if constexpr (s == shape::list || s == shape::set) {
        type.kind = type_kind::list;
        type.members = sources_of(type_list<typename T::value_type>{});
    } else if constexpr (s == shape::capability) {
        type.kind = type_kind::reference;
        type.name = schema_name_of<T>();
    } else {
        if constexpr (s == shape::map) {
            type.kind = type_kind::map;
        } else if constexpr (s == shape::variant) {
            type.kind = type_kind::variant;
        } else if constexpr (s == shape::optional) {
            type.kind = type_kind::optional;
        } else if constexpr (s == shape::owned) {
            type.kind = type_kind::owned;
        } else {
            type.kind = s == shape::group ? type_kind::group : type_kind::structure;
            type.name = schema_name_of<T>();
            type.fields = T::equus_field_names();
            type.fresh = &encode_fresh<T>;
        }
        // The struct that the type is: of a map its entry, of an optional the one in a list.
        using struct_type =
            typename std::conditional_t<s == shape::map, map_entry<T>, same<T>>::type;
        constexpr auto& f = form_of<struct_type>;
        type.data_words = f.data_words;
        type.pointer_count = f.pointer_count;
        type.discriminant = f.discriminant;
        type.places = f.slots;
        type.defaults = &defaults_of<struct_type>;
        if constexpr (s == shape::optional)
            type.members = sources_of(type_list<typename T::value_type>{});
        else if constexpr (s == shape::owned)
            type.members = sources_of(type_list<typename T::element_type>{});
        else
            type.members = sources_of(fields_of<struct_type>{});
    }
    return type;
}

template <class T>
inline constexpr schema_type description = describe<T>();

} // namespace detail

template <class T>
const schema_type& schema_of() noexcept {
    return detail::description<T>;
}

} // namespace equus::wire
