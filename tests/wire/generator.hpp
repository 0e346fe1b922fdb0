// Random values of any message type, and their text as `capnp encode` reads it. Both walk the C++
// types; neither knows anything of layouts.
#pragma once

#include "messages.hpp"

#include <charconv>
#include <cmath>
#include <random>
#include <string>

namespace generator {

using equus::wire::detail::shape;
using equus::wire::detail::shape_of;

class random_source {
public:
    explicit random_source(std::uint64_t seed) : engine_{seed} {}
    std::uint64_t bits() { return engine_(); }
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }

private:
    std::mt19937_64 engine_;
};

/// `inner`: a value in a list, optional or variant is never empty, because libcapnp writes an empty
/// text there and we write null. Both read the same.
template <class T>
void fill(T& value, random_source& from, int depth, bool inner);

template <class C>
void fill_list(C& list, random_source& from, int depth, bool inner) {
    const std::size_t count = depth > 4 ? (inner ? 1 : 0) : from.below(4) + (inner ? 1 : 0);
    for (std::size_t i = 0; i < count; ++i) {
        typename C::value_type element{};
        fill(element, from, depth + 1, true);
        list.push_back(std::move(element));
    }
}

template <class T>
void fill(T& value, random_source& from, int depth, bool inner) {
    constexpr shape s = shape_of<T>();
    if constexpr (s == shape::scalar) {
        using traits = equus::wire::detail::scalar<T>;
        // Often a small number or a limit, and no NaN: its text says nothing of its bits.
        auto bits = static_cast<typename traits::raw>(from.bits());
        const std::size_t kind = from.below(4);
        if (kind < 3)
            bits = static_cast<typename traits::raw>(kind == 0 ? from.bits() % 3
                                                               : 0 - from.bits() % 3);
        if constexpr (std::is_enum_v<T> && !std::same_as<T, std::byte>)
            bits = static_cast<typename traits::raw>(from.below(2));
        if constexpr (equus::wire::detail::is_duration<T>)
            bits = static_cast<typename traits::raw>(from.below(1000) * 1'000'000);
        value = traits::from(bits);
        if constexpr (std::is_floating_point_v<T>)
            if (std::isnan(value))
                value = static_cast<T>(0.1);
    } else if constexpr (s == shape::text) {
        value.clear();
        for (std::size_t count = from.below(12) + (inner ? 1 : 0); count > 0; --count)
            value += static_cast<char>(from.below(96) + 32);
    } else if constexpr (s == shape::data) {
        value = equus::bytes(from.below(12) + (inner ? 1 : 0));
        for (std::byte& b : value.span())
            b = static_cast<std::byte>(from.bits());
    } else if constexpr (s == shape::structure || s == shape::group) {
        value.equus_visit([&](auto&... fields) { (fill(fields, from, depth + 1, false), ...); });
    } else if constexpr (s == shape::optional) {
        value.reset();
        if (from.below(2) == 0)
            fill(value.emplace(), from, depth + 1, true);
    } else if constexpr (s == shape::owned) {
        value.reset();
        if (depth < 6 && from.below(3) == 0) {
            value = std::make_unique<typename T::element_type>();
            fill(*value, from, depth + 1, false);
        }
    } else if constexpr (s == shape::variant) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            const std::size_t chosen = from.below(sizeof...(I));
            ((chosen == I ? fill(value.template emplace<I>(), from, depth + 1, true) : void()),
             ...);
        }
        (std::make_index_sequence<std::variant_size_v<T>>{});
    } else if constexpr (s == shape::list) {
        if constexpr (equus::wire::detail::is_array<T>) {
            for (auto& element : value)
                fill(element, from, depth + 1, true);
        } else {
            value.clear();
            fill_list(value, from, depth, inner);
        }
    } else if constexpr (s == shape::set || s == shape::map) {
        value.clear();
        for (std::size_t count = from.below(5) + (inner ? 1 : 0); count > 0; --count) {
            typename T::key_type key{};
            fill(key, from, depth + 1, true);
            if constexpr (s == shape::set) {
                value.insert(std::move(key));
            } else {
                typename T::mapped_type mapped{};
                fill(mapped, from, depth + 1, true);
                value.emplace(std::move(key), std::move(mapped));
            }
        }
    }
}

template <class T>
T make(std::uint64_t seed) {
    random_source from{seed};
    T value{};
    fill(value, from, 0, false);
    return value;
}

// ---- text
// -------------------------------------------------------------------------------------------

std::string camel(std::string_view name, bool upper = false);
std::string quoted(std::string_view text);

inline std::string alternative_name(std::size_t index, const std::string* names) {
    return names[index];
}

template <class T>
std::string text_of(const T& value);

template <class... Fields>
void add_fields(std::string& out, std::string_view names, const Fields&... fields);

/// Names of the alternatives, found by type.
template <class T>
std::string type_word() {
    if constexpr (std::same_as<T, std::monostate>)
        return "none";
    else if constexpr (std::same_as<T, bool>)
        return "bool";
    else if constexpr (std::same_as<T, std::string>)
        return "text";
    else if constexpr (std::same_as<T, shop::point>)
        return "point";
    else if constexpr (std::is_floating_point_v<T>)
        return "float" + std::to_string(sizeof(T) * 8);
    else if constexpr (std::is_integral_v<T>)
        return (std::is_signed_v<T> ? "int" : "uint") + std::to_string(sizeof(T) * 8);
    else
        return shape_of<T>() == shape::map ? "map" : "list";
}

/// Whether the field is left out: null for us, and never set by libcapnp.
template <class T>
bool is_absent(const T& value) {
    constexpr shape s = shape_of<T>();
    if constexpr (s == shape::owned)
        return value == nullptr;
    else
        return false;
}

template <class T>
std::string element_text(const T& value) {
    if constexpr (shape_of<T>() == shape::optional)
        return "(value = " + text_of(value) + ")"; // a struct of its own in a list
    else if constexpr (shape_of<T>() == shape::owned)
        return value ? "(value = " + text_of(*value) + ")" : "()";
    else
        return text_of(value);
}

template <class T>
std::string text_of(const T& value) {
    constexpr shape s = shape_of<T>();
    if constexpr (s == shape::nothing) {
        return "void";
    } else if constexpr (std::same_as<T, bool>) {
        return value ? "true" : "false";
    } else if constexpr (std::is_floating_point_v<T>) {
        if (std::isinf(value))
            return value < 0 ? "-inf" : "inf";
        char digits[40];
        return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
    } else if constexpr (equus::has_enumerators<T>) {
        return camel(
            equus::nth_name(equus_enumerators(value).names, static_cast<std::size_t>(value)));
    } else if constexpr (equus::wire::detail::is_duration<T>) {
        return std::to_string(equus::duration{value}.count());
    } else if constexpr (equus::wire::detail::is_strong_id<T>) {
        return std::to_string(value.value);
    } else if constexpr (std::same_as<T, std::byte>) {
        return std::to_string(static_cast<unsigned>(value));
    } else if constexpr (s == shape::scalar) {
        return std::to_string(value);
    } else if constexpr (s == shape::text) {
        return quoted(value);
    } else if constexpr (s == shape::data) {
        if (value.empty())
            return "\"\"";
        std::string out = "0x\"";
        for (const std::byte b : value.span())
            for (const unsigned nibble :
                 {static_cast<unsigned>(b) >> 4, static_cast<unsigned>(b) & 15})
                out += "0123456789abcdef"[nibble];
        return out + '"';
    } else if constexpr (s == shape::structure || s == shape::group) {
        std::string out = "(";
        value.equus_visit(
            [&](const auto&... fields) { add_fields(out, T::equus_field_names(), fields...); });
        return out + ")";
    } else if constexpr (s == shape::optional) {
        if (!value)
            return "(none = void)";
        if constexpr (shape_of<typename T::value_type>() == shape::optional)
            return "(some = (value = " + text_of(*value) + "))";
        else
            return "(some = " + text_of(*value) + ")";
    } else if constexpr (s == shape::owned) {
        return text_of(*value);
    } else if constexpr (s == shape::variant) {
        return std::visit(
            []<class A>(const A& each) {
                return "(" + type_word<A>() + " = " + text_of(each) + ")";
            },
            value);
    } else {
        std::string out = "[";
        const auto add = [&](const auto& element) {
            out += out.size() > 1 ? ", " : "";
            if constexpr (s == shape::map)
                out += "(key = " + text_of(element.first) + ", value = " + text_of(element.second) +
                       ")";
            else
                out += element_text(element);
        };
        if constexpr (s == shape::set) {
            for (const auto& element : std::set<typename T::key_type>(value.begin(), value.end()))
                add(element);
        } else if constexpr (s == shape::map) {
            for (const auto& element : std::map<typename T::key_type, typename T::mapped_type>(
                     value.begin(), value.end()))
                add(element);
        } else if constexpr (std::same_as<typename T::value_type, bool>) {
            for (const bool element : value)
                add(element);
        } else {
            for (const auto& element : value)
                add(element);
        }
        return out + "]";
    }
}

/// An empty field whose default is empty too is left out, so that libcapnp leaves it null.
template <class T>
bool is_left_out(const T& value, bool default_is_empty) {
    if constexpr (requires { value.empty(); } && !equus::wire::detail::is_array<T>)
        return value.empty() && default_is_empty;
    else
        return is_absent(value);
}

template <class... Fields>
void add_fields(std::string& out, std::string_view names, const Fields&... fields) {
    std::size_t index = 0;
    [[maybe_unused]] const auto add = [&](const auto& field) {
        const std::string name = camel(equus::nth_name(names, index++));
        // The only non-empty defaults are those of shop::defaults.
        const bool default_is_empty = !names.starts_with("yes,");
        if (is_left_out(field, default_is_empty))
            return;
        out += (out.size() > 1 ? ", " : "") + name + " = " + text_of(field);
    };
    (add(fields), ...);
}

inline std::string camel(std::string_view name, bool upper) {
    std::string out;
    for (const char c : name) {
        if (c == '_')
            upper = true;
        else if (upper) {
            out += static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
            upper = false;
        } else
            out += c;
    }
    return out;
}

inline std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out + '"';
}

} // namespace generator
