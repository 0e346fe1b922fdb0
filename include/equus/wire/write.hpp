// Writing: one pass that adds up the words, one that writes them. The order is that of the schema
// compiler's own builders: a struct or list, then what its pointers lead to, depth first. The
// message is one segment, its space is zeroed piece by piece, and nothing is written twice.
#pragma once

#include <equus/base/assert.hpp>
#include <equus/wire/form.hpp>
#include <equus/wire/limits.hpp>

#include <span>

namespace equus::wire::detail {

/// Entries of a set or map in the order of their keys, for containers that have another order.
template <class C>
inline constexpr bool is_sorted_container = false;
template <class C>
requires requires {
    typename C::key_compare;
}
inline constexpr bool is_sorted_container<C> =
    std::same_as<typename C::key_compare, std::less<typename C::key_type>> ||
    std::same_as<typename C::key_compare, std::less<>>;

/// Heap sort: <algorithm> alone would cost more compile time than the rest of the codec.
template <class T, class Less>
void sort_in_place(T* from, std::size_t count, Less less) {
    const auto sift = [&](std::size_t parent, std::size_t end) {
        for (std::size_t child; (child = parent * 2 + 1) < end; parent = child) {
            if (child + 1 < end && less(from[child], from[child + 1]))
                ++child;
            if (!less(from[parent], from[child]))
                return;
            std::swap(from[parent], from[child]);
        }
    };
    for (std::size_t i = count / 2; i-- > 0;)
        sift(i, count);
    for (std::size_t end = count; end-- > 1;) {
        std::swap(from[0], from[end]);
        sift(0, end);
    }
}

template <class C>
std::vector<const typename C::value_type*> sorted_entries(const C& container) {
    std::vector<const typename C::value_type*> entries;
    entries.reserve(container.size());
    for (const auto& entry : container)
        entries.push_back(&entry);
    sort_in_place(entries.data(), entries.size(), [](const auto* a, const auto* b) {
        if constexpr (requires { typename C::mapped_type; })
            return a->first < b->first;
        else
            return *a < *b;
    });
    return entries;
}

/// Calls `visit` with every element, in the order of the wire.
template <class C, class Visitor>
[[gnu::always_inline]] inline void for_each_element(const C& container, Visitor&& visit) {
    if constexpr (shape_of<C>() == shape::list || is_sorted_container<C>) {
        for (const auto& element : container)
            visit(element);
    } else {
        for (const auto* element : sorted_entries(container))
            visit(*element);
    }
}

// ---- how many words
// ---------------------------------------------------------------------------------

/// Adds up the words of a message, and notices what no message can hold.
struct sizer {
    std::uint64_t words = 1;
    std::uint64_t empty_elements = 0; ///< elements without content, which a reader counts as words
    std::uint32_t depth = 0;
    bool refused = false;

    void add_list(std::uint64_t count, std::uint64_t list_words) noexcept {
        words += list_words;
        if (count > list_size_max || list_words > list_size_max)
            refused = true;
    }
    bool enter() noexcept {
        if (++depth <= limits{}.depth_max)
            return true;
        refused = true;
        return false;
    }
    void leave() noexcept { --depth; }
};

/// 0 if the message is refused.
std::size_t accepted_bytes(const sizer& size) noexcept;

template <class T>
void size_content(const T& value, sizer& to) noexcept;

template <class C>
void size_elements(const C& container, sizer& to) noexcept {
    using element = typename C::value_type;
    constexpr element_size size = element_size_of<element>();
    const std::uint64_t count = container.size();
    if constexpr (size == element_size::composite) {
        to.add_list(count, 1 + count * form_of<element>.words());
        if constexpr (form_of<element>.words() == 0)
            to.empty_elements += count;
    } else {
        to.add_list(count, words_of_bits(count * bits_of(size)));
        if constexpr (size == element_size::nothing)
            to.empty_elements += count;
    }
    if constexpr (size == element_size::composite || size == element_size::pointer) {
        if (!to.enter())
            return;
        for (const auto& each : container)
            size_content<element>(each, to);
        to.leave();
    }
}

/// What the pointer of `value` leads to.
template <class F>
[[gnu::always_inline]] inline void size_pointer(const F& value, bool keep_empty,
                                                sizer& to) noexcept {
    constexpr shape s = shape_of<F>();
    if constexpr (s == shape::text) {
        if (!value.empty() || keep_empty)
            to.add_list(value.size() + 1, words_of_bytes(value.size() + 1));
    } else if constexpr (s == shape::data) {
        to.add_list(value.size(), words_of_bytes(value.size()));
    } else if constexpr (s == shape::list || s == shape::set || s == shape::map) {
        if (!value.empty() || keep_empty)
            size_elements(value, to);
    } else if constexpr (s == shape::owned) {
        if (value)
            size_pointer(*value, false, to);
    } else if constexpr (s == shape::structure || s == shape::group || s == shape::optional ||
                         s == shape::variant) {
        to.words += form_of<F>.words();
        if (to.enter()) {
            size_content(value, to);
            to.leave();
        }
    }
}

struct size_fields {
    sizer& to;
    const std::uint64_t* defaults;

    template <class... Fields>
    [[gnu::always_inline]] void operator()(const Fields&... fields) noexcept {
        (one(fields), ...);
    }
    template <class Field>
    [[gnu::always_inline]] void one(const Field& field) noexcept {
        constexpr shape s = shape_of<Field>();
        if constexpr (s == shape::group) {
            field.equus_visit(*this);
        } else {
            if constexpr (s == shape::optional) {
                if (field)
                    size_pointer(*field, false, to);
            } else {
                size_pointer(field, *defaults != 0, to);
            }
            ++defaults;
        }
    }
};

/// Has nothing behind pointers.
template <class T>
consteval bool is_shallow() noexcept;
template <class Field>
consteval bool is_shallow_field() noexcept {
    constexpr shape s = shape_of<Field>();
    if constexpr (s == shape::optional)
        return is_shallow_field<typename Field::value_type>();
    else if constexpr (s == shape::group)
        return is_shallow<Field>();
    else
        return s == shape::scalar || s == shape::nothing || s == shape::capability;
}
template <class... Fields>
consteval bool are_shallow(type_list<Fields...>) noexcept {
    return (is_shallow_field<Fields>() && ...);
}
template <class T>
consteval bool is_shallow() noexcept {
    if constexpr (is_variant<T> || is_optional<T> || is_owned<T>)
        return false;
    else
        return are_shallow(fields_of<T>{});
}

template <class T>
void size_content(const T& value, sizer& to) noexcept {
    constexpr shape s = shape_of<T>();
    if constexpr (s == shape::variant) {
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            ((value.index() == I ? size_pointer(*std::get_if<I>(&value), false, to) : void()), ...);
        }
        (std::make_index_sequence<std::variant_size_v<T>>{});
    } else if constexpr (s == shape::structure || s == shape::group || s == shape::optional ||
                         s == shape::owned || is_entry<T>) {
        if constexpr (!(has_fields<T> && is_shallow<T>()))
            visit_fields(value, size_fields{to, defaults_of<T>()});
    } else {
        size_pointer(value, false, to);
    }
}

// ---- the words
// ------------------------------------------------------------------------------------

/// Where the next object goes.
struct writer {
    std::byte* next;

    std::byte* take(std::uint64_t words) noexcept {
        std::byte* taken = next;
        next += static_cast<std::size_t>(words) * word_bytes;
        return taken;
    }
    std::byte* take_zeroed(std::uint64_t words) noexcept {
        std::byte* taken = take(words);
        if (words != 0)
            std::memset(taken, 0, static_cast<std::size_t>(words) * word_bytes);
        return taken;
    }
};

/// Fills the struct at `at`, whose words are zero.
template <class T>
void write_content(const T& value, std::byte* at, writer& to) noexcept;

inline void write_blob(std::byte* at, const void* from, std::size_t size, bool text,
                       writer& to) noexcept {
    const std::size_t count = size + (text ? 1 : 0);
    std::byte* content = to.take(words_of_bytes(count));
    store_list_pointer(at, content, element_size::byte, static_cast<std::uint32_t>(count));
    if (count == 0)
        return;
    store<std::uint64_t>(to.next - word_bytes, 0);
    if (size != 0)
        std::memcpy(content, from, size);
}

template <class T>
[[gnu::always_inline]] inline void write_scalar(T value, std::byte* data, std::uint32_t offset,
                                                std::uint64_t default_bits) noexcept {
    using raw = typename scalar<T>::raw;
    const raw bits = static_cast<raw>(scalar<T>::to(value) ^ static_cast<raw>(default_bits));
    if constexpr (scalar<T>::log2_bits == 0)
        data[offset / 8] |= static_cast<std::byte>(bits << (offset % 8));
    else
        store<raw>(data + std::size_t{offset} * sizeof(raw), bits);
}

template <class F>
void write_pointer(const F& value, std::byte* at, bool keep_empty, writer& to) noexcept;

template <class C>
void write_elements(const C& container, std::byte* at, writer& to) noexcept {
    using element = typename C::value_type;
    constexpr element_size size = element_size_of<element>();
    const auto count = static_cast<std::uint32_t>(container.size());
    if constexpr (size == element_size::composite) {
        constexpr auto& f = form_of<element>;
        const std::uint32_t words = count * f.words();
        std::byte* tag = to.take(1);
        std::byte* each = to.take_zeroed(words);
        store_list_pointer(at, tag, size, words);
        store_composite_tag(tag, count, f.data_words, f.pointer_count);
        for_each_element(container, [&](const element& value) {
            write_content(value, each, to);
            each += f.words() * word_bytes;
        });
    } else if constexpr (size == element_size::pointer) {
        std::byte* each = to.take_zeroed(count);
        store_list_pointer(at, each, size, count);
        for_each_element(container, [&](const element& value) {
            write_pointer(value, each, false, to);
            each += word_bytes;
        });
    } else if constexpr (size == element_size::bit) {
        std::byte* bits = to.take_zeroed(words_of_bits(count));
        store_list_pointer(at, bits, size, count);
        std::uint32_t i = 0;
        for_each_element(container, [&](bool value) {
            bits[i / 8] |= static_cast<std::byte>((value ? 1u : 0u) << (i % 8));
            ++i;
        });
    } else if constexpr (size == element_size::nothing) {
        store_list_pointer(at, to.next, size, count);
    } else {
        using raw = typename scalar<element>::raw;
        const std::size_t bytes = std::size_t{count} * sizeof(raw);
        const std::uint64_t words = words_of_bytes(bytes);
        std::byte* each = to.take(words);
        store_list_pointer(at, each, size, count);
        if (words != 0)
            store<std::uint64_t>(to.next - word_bytes, 0);
        if constexpr (scalar<element>::flat && std::endian::native == std::endian::little &&
                      requires { container.data(); }) {
            if (bytes != 0)
                std::memcpy(each, container.data(), bytes);
        } else {
            for_each_element(container, [&](const element& value) {
                store<raw>(each, scalar<element>::to(value));
                each += sizeof(raw);
            });
        }
    }
}

/// `keep_empty`: an empty value is written as such and not as null, which would mean the default.
template <class F>
void write_pointer(const F& value, std::byte* at, bool keep_empty, writer& to) noexcept {
    constexpr shape s = shape_of<F>();
    if constexpr (s == shape::text) {
        if (!value.empty() || keep_empty)
            write_blob(at, value.data(), value.size(), true, to);
    } else if constexpr (s == shape::data) {
        if (!value.empty() || keep_empty)
            write_blob(at, value.data(), value.size(), false, to);
    } else if constexpr (s == shape::list || s == shape::set || s == shape::map) {
        if (!value.empty() || keep_empty)
            write_elements(value, at, to);
    } else if constexpr (s == shape::owned) {
        if (value)
            write_pointer(*value, at, false, to);
    } else if constexpr (s == shape::capability) {
        if (const reference& r = reference_in(value))
            store_capability(at, r.index());
    } else if constexpr (s == shape::structure || s == shape::group || s == shape::optional ||
                         s == shape::variant) {
        constexpr auto& f = form_of<F>;
        std::byte* content = to.take_zeroed(f.words());
        store_struct_pointer(at, content, f.data_words, f.pointer_count);
        write_content(value, content, to);
    }
}

/// One value at a place that a struct or a union gave it.
template <class F>
[[gnu::always_inline]] inline void write_value(const F& value, std::byte* data, std::byte* pointers,
                                               std::uint32_t offset, std::uint64_t default_bits,
                                               writer& to) noexcept {
    constexpr shape s = shape_of<F>();
    if constexpr (s == shape::scalar)
        write_scalar(value, data, offset, default_bits);
    else if constexpr (s != shape::nothing)
        write_pointer(value, pointers + std::size_t{offset} * word_bytes, default_bits != 0, to);
}

struct write_fields {
    std::byte* data;
    std::byte* pointers;
    writer& to;
    const slot* place;
    const std::uint64_t* defaults;

    template <class... Fields>
    [[gnu::always_inline]] void operator()(const Fields&... fields) noexcept {
        (one(fields), ...);
    }
    template <class Field>
    [[gnu::always_inline]] void one(const Field& field) noexcept {
        constexpr shape s = shape_of<Field>();
        if constexpr (s == shape::group) {
            field.equus_visit(*this);
        } else {
            if constexpr (s == shape::optional) {
                if (field) {
                    store<std::uint16_t>(data + std::size_t{place->tag} * 2, 1);
                    write_value(*field, data, pointers, place->offset, 0, to);
                }
            } else {
                write_value(field, data, pointers, place->offset, *defaults, to);
            }
            ++place;
            ++defaults;
        }
    }
};

template <class T>
void write_content(const T& value, std::byte* at, writer& to) noexcept {
    constexpr auto& f = form_of<T>;
    std::byte* pointers = at + std::size_t{f.data_words} * word_bytes;
    if constexpr (is_variant<T>) {
        if constexpr (std::variant_size_v < T >> 1)
            store<std::uint16_t>(at + std::size_t{f.discriminant} * 2,
                                 static_cast<std::uint16_t>(value.index()));
        [&]<std::size_t... I>(std::index_sequence<I...>) {
            ((value.index() == I
                  ? write_value(*std::get_if<I>(&value), at, pointers, f.slots[I].offset, 0, to)
                  : void()),
             ...);
        }
        (std::make_index_sequence<std::variant_size_v<T>>{});
    } else {
        visit_fields(value, write_fields{at, pointers, to, f.slots, defaults_of<T>()});
    }
}

} // namespace equus::wire::detail
