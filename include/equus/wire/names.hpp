// What types are called in texts: the qualified C++ name, "doc.print", unless the type gives a
// stable name of its own, which survives renaming in C++:
//
//     struct print { static constexpr std::string_view equus_name = "doc.print"; ... };
#pragma once

#include <string_view>

namespace equus::wire::detail {

/// "doc::print", as the compiler writes it.
template <class T>
constexpr std::string_view compiler_name_of() noexcept {
    // "... [with T = doc::print; ...]" (GCC), "... [T = doc::print]" (clang).
    std::string_view text = __PRETTY_FUNCTION__;
    text.remove_prefix(text.find("T = ") + 4);
    const std::size_t semicolon = text.find(';');
    return text.substr(0, semicolon != text.npos ? semicolon : text.rfind(']'));
}

template <class T>
concept named_type = requires {
    std::string_view{T::equus_name};
};

/// Either form; `type_text_of` (schema.hpp) and `reader::failure` write both with dots.
template <class T>
constexpr std::string_view type_name_of() noexcept {
    if constexpr (named_type<T>)
        return T::equus_name;
    else
        return compiler_name_of<T>();
}

} // namespace equus::wire::detail
