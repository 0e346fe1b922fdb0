// A protocol names the messages that a stream or port may carry:
//
//     using printing = equus::protocol<"doc.printing", print, cancel>;
//
// A message is an aggregate with EQUUS_FIELDS; one that names `using reply = T;` is answered, the
// others are one-way. A message's position is its name on the wire: append, never reorder or
// remove. Two ends are joined only when their protocols have the same name.
#pragma once

#include <equus/base/ids.hpp>
#include <equus/core/message_type.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

namespace equus {

/// A string literal as a template argument.
template <std::size_t N>
struct fixed_text {
    char data[N]{};
    consteval fixed_text(const char (&text)[N]) { // NOLINT: written as a literal
        for (std::size_t i = 0; i < N; ++i)
            data[i] = text[i];
    }
    constexpr std::string_view view() const noexcept { return {data, N - 1}; }
};

namespace detail {

template <class M>
concept replied = requires {
    typename M::reply;
};

template <class M>
struct reply_of {
    using type = void;
};
template <replied M>
struct reply_of<M> {
    using type = typename M::reply;
};

template <class T>
constexpr std::string_view written_name() noexcept {
    std::string_view text = __PRETTY_FUNCTION__;
    const auto begin = text.find("T = ") + 4;
    auto end = text.find(';', begin);
    if (end == std::string_view::npos)
        end = text.rfind(']');
    return text.substr(begin, end - begin);
}
/// The unqualified name of T as its author wrote it.
template <class T>
constexpr std::string_view short_name() noexcept {
    std::string_view name = written_name<T>();
    const auto colon = name.rfind("::");
    return colon == std::string_view::npos ? name : name.substr(colon + 2);
}

struct method_type {
    std::string_view name;
    const message_type* message;
    const message_type* reply; ///< null: one-way
    std::string_view reply_name;
};

struct protocol_type {
    std::string_view name;
    std::uint64_t id; ///< stable_hash(name)
    std::span<const method_type> methods;
};

template <class M>
constexpr std::string_view reply_name_of() noexcept {
    if constexpr (replied<M>)
        return short_name<typename M::reply>();
    else
        return {};
}
template <class M>
constexpr const message_type* reply_type_of() noexcept {
    if constexpr (replied<M>)
        return &message_type_of<typename M::reply>;
    else
        return nullptr;
}

} // namespace detail

/// See the head of this file.
template <fixed_text Name, class... Messages>
struct protocol {
    static constexpr std::string_view name = Name.view();
    static constexpr std::size_t size = sizeof...(Messages);
    static_assert(size > 0, "a protocol needs at least one message");
    static_assert((has_fields<Messages> && ...), "a message needs EQUUS_FIELDS(...)");
    static_assert(((alignof(Messages) <= 16) && ...), "a message's alignment is at most 16");

    template <class M>
    static constexpr bool has = (std::is_same_v<M, Messages> || ...);

    /// The message's name on the wire. Requires: M is one of Messages.
    template <class M>
    static constexpr message_ordinal ordinal_of() noexcept {
        message_ordinal position = 0;
        static_cast<void>(((std::is_same_v<M, Messages> || (++position, false)) || ...));
        return position;
    }
    /// Calls `visit.template operator()<M>()` for each message, in order.
    template <class Visitor>
    static constexpr void for_each_message(Visitor&& visit) {
        (visit.template operator()<Messages>(), ...);
    }

    static const detail::protocol_type& type() noexcept {
        static constexpr std::array<detail::method_type, size> methods{detail::method_type{
            detail::short_name<Messages>(), &detail::message_type_of<Messages>,
            detail::reply_type_of<Messages>(), detail::reply_name_of<Messages>()}...};
        static constexpr detail::protocol_type self{name, stable_hash(name), methods};
        return self;
    }
};

} // namespace equus
