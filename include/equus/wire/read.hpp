// Reading: into a fresh object whose members have their defaults. What the message lacks, because
// its sender is older, keeps the default; what it has beyond our fields, because its sender is
// newer, is skipped. A refusal leaves the object valid and half filled.
#pragma once

#include <equus/wire/form.hpp>
#include <equus/wire/reader.hpp>

#include <new>

namespace equus::wire::detail {

template <class T>
bool read_content(T& value, const struct_view& from, reader& with);

template <class F>
bool read_pointer(F& value, const segment* in, const std::byte* at, reader& with);

template <class T>
[[gnu::always_inline]] inline bool read_scalar(T& value, const std::byte* data,
                                               std::uint32_t offset, std::uint64_t default_bits,
                                               reader& with) noexcept {
    using raw = typename scalar<T>::raw;
    raw bits;
    if constexpr (scalar<T>::log2_bits == 0)
        bits = static_cast<raw>(std::to_integer<unsigned>(data[offset / 8]) >> (offset % 8) & 1u);
    else
        bits = load<raw>(data + std::size_t{offset} * sizeof(raw));
    bits = static_cast<raw>(bits ^ static_cast<raw>(default_bits));
    if (!scalar<T>::fits(bits)) [[unlikely]]
        return with.fail("number too large for its enumeration");
    value = scalar<T>::from(bits);
    return true;
}

/// One value at a place that a struct or a union gave it.
template <class F>
[[gnu::always_inline]] inline bool read_value(F& value, const std::byte* data,
                                              const struct_view& from, std::uint32_t offset,
                                              std::uint64_t default_bits, reader& with) {
    constexpr shape s = shape_of<F>();
    if constexpr (s == shape::scalar) {
        return read_scalar(value, data, offset, default_bits, with);
    } else if constexpr (s == shape::nothing) {
        return true;
    } else {
        if (offset < from.pointer_count) {
            const std::byte* at = from.pointers + std::size_t{offset} * word_bytes;
            if (load<std::uint64_t>(at) != 0)
                return read_pointer(value, from.in, at, with);
        }
        // Null: the default, which the object has already; but nothing owned, and no reference.
        if constexpr (s == shape::owned)
            value = nullptr;
        else if constexpr (s == shape::capability)
            reference_in(value) = reference{};
        return true;
    }
}

/// An element: a scalar of a list, or what a list's pointer leads to, or a struct in a list.
template <class E>
bool read_element(E& value, const list_view& from, std::uint32_t i, reader& with) {
    constexpr element_size size = element_size_of<E>();
    if constexpr (size == element_size::composite) {
        return read_content(value, from.structure(i), with);
    } else if constexpr (size == element_size::pointer) {
        const std::byte* at = from.pointer(i);
        return load<std::uint64_t>(at) == 0 || read_pointer(value, from.in, at, with);
    } else if constexpr (size == element_size::nothing) {
        return true;
    } else {
        // Bits always lie side by side: the standard reader has no step for them either.
        if constexpr (size == element_size::bit)
            return read_scalar(value, from.data, i, 0, with);
        else
            return read_scalar(value, from.data + std::size_t{i} * from.step_bytes, 0, 0, with);
    }
}

template <class C>
bool read_list(C& list, const list_view& from, reader& with) {
    using element = typename C::value_type;
    constexpr bool scalars = shape_of<element>() == shape::scalar;
    if constexpr (is_array<C>) {
        if (from.count > list.size())
            return with.fail("more elements than the array has");
        for (std::uint32_t i = 0; i < from.count; ++i)
            if (!read_element(list[i], from, i, with)) {
                with.note_element(i);
                return false;
            }
        return true;
    } else {
        if constexpr (scalars) {
            if constexpr (scalar<element>::flat && std::endian::native == std::endian::little &&
                          requires { list.data(); }) {
                if (from.step_bytes == sizeof(element)) {
                    if (reinterpret_cast<std::uintptr_t>(from.data) % alignof(element) == 0) {
                        // One pass: `resize` would write every element once before the copy.
                        const auto* first = reinterpret_cast<const element*>(from.data);
                        list.assign(first, first + from.count);
                    } else {
                        list.resize(from.count);
                        if (from.count != 0)
                            std::memcpy(list.data(), from.data, from.count * sizeof(element));
                    }
                    return true;
                }
            }
        }
        list.clear();
        if constexpr (requires { list.reserve(from.count); })
            list.reserve(from.count);
        for (std::uint32_t i = 0; i < from.count; ++i) {
            bool good;
            if constexpr (std::is_same_v<element, bool>) {
                bool value = false;
                good = read_element(value, from, i, with);
                list.push_back(value);
            } else {
                good = read_element(list.emplace_back(), from, i, with);
            }
            if (!good) {
                with.note_element(i);
                return false;
            }
        }
        return true;
    }
}

/// The keys may come in any order, but each once.
template <class C>
bool read_associative(C& container, const list_view& from, reader& with) {
    container.clear();
    if constexpr (requires { container.reserve(from.count); })
        container.reserve(from.count);
    for (std::uint32_t i = 0; i < from.count; ++i) {
        bool good;
        bool fresh = true;
        if constexpr (shape_of<C>() == shape::map) {
            std::pair<typename C::key_type, typename C::mapped_type> entry{};
            good = read_content(entry, from.structure(i), with);
            if (good)
                fresh = container.emplace(std::move(entry.first), std::move(entry.second)).second;
        } else {
            typename C::key_type key{};
            good = read_element(key, from, i, with);
            if (good)
                fresh = container.insert(std::move(key)).second;
        }
        if (!good || !fresh) {
            if (!fresh)
                with.fail("key given twice");
            with.note_element(i);
            return false;
        }
    }
    return true;
}

/// What the pointer at `at`, which is not null, leads to.
template <class F>
bool read_pointer(F& value, const segment* in, const std::byte* at, reader& with) {
    constexpr shape s = shape_of<F>();
    if constexpr (s == shape::text) {
        std::string_view text;
        if (!with.follow_text(in, at, text))
            return false;
        value.assign(text.data(), text.size());
        return true;
    } else if constexpr (s == shape::data) {
        std::span<const std::byte> data;
        if (!with.follow_data(in, at, data))
            return false;
        value = bytes{data};
        return true;
    } else if constexpr (s == shape::capability) {
        std::uint32_t index;
        if (!with.follow_capability(at, index))
            return false;
        reference_in(value) = reference{index, 0};
        return true;
    } else if constexpr (s == shape::owned) {
        value.reset(new (std::nothrow) typename F::element_type{});
        if (!value)
            return with.fail("out of memory");
        return read_pointer(*value, in, at, with);
    } else if constexpr (s == shape::list || s == shape::set || s == shape::map) {
        using element = typename F::value_type;
        constexpr element_size size =
            s == shape::map ? element_size::composite : element_size_of<element>();
        constexpr bool nested = size == element_size::composite || size == element_size::pointer;
        list_view list;
        if (!with.follow_list(in, at, size, list) || (nested && !with.enter()))
            return false;
        bool good;
        if constexpr (s == shape::list)
            good = read_list(value, list, with);
        else
            good = read_associative(value, list, with);
        if constexpr (nested)
            with.leave();
        return good;
    } else {
        struct_view content;
        if (!with.follow_struct(in, at, content) || !with.enter())
            return false;
        const bool good = read_content(value, content, with);
        with.leave();
        return good;
    }
}

struct read_fields {
    const std::byte* data;
    const struct_view& from;
    reader& with;
    const slot* place;
    const std::uint64_t* defaults;
    std::uint32_t field = 0;

    template <class... Fields>
    [[gnu::always_inline]] bool operator()(Fields&... fields) {
        return (one(fields) && ...);
    }
    template <class Field>
    [[gnu::always_inline]] bool one(Field& value) {
        constexpr shape s = shape_of<Field>();
        bool good;
        if constexpr (s == shape::group) {
            read_fields inner{data, from, with, place, defaults};
            good = value.equus_visit(inner);
            if (!good) [[unlikely]]
                with.note_field(Field::equus_field_names(), inner.field);
            place = inner.place;
            defaults = inner.defaults;
        } else {
            if constexpr (s == shape::optional) {
                const auto tag = load<std::uint16_t>(data + std::size_t{place->tag} * 2);
                if (tag == 0) {
                    value.reset();
                    good = true;
                } else if (tag == 1) {
                    good = read_value(value.emplace(), data, from, place->offset, 0, with);
                } else {
                    good = with.fail("neither none nor some");
                }
            } else {
                good = read_value(value, data, from, place->offset, *defaults, with);
            }
            ++place;
            ++defaults;
        }
        if (good)
            ++field;
        return good;
    }
};

template <class V>
bool read_alternative(V& value, const std::byte* data, const struct_view& from, reader& with) {
    constexpr auto& f = form_of<V>;
    std::size_t index = 0;
    if constexpr (std::variant_size_v < V >> 1)
        index = load<std::uint16_t>(data + std::size_t{f.discriminant} * 2);
    bool good = true;
    const bool known = [&]<std::size_t... I>(std::index_sequence<I...>) {
        return ((index == I && (good = read_value(value.template emplace<I>(), data, from,
                                                  f.slots[I].offset, 0, with),
                                true)) ||
                ...);
    }
    (std::make_index_sequence<std::variant_size_v<V>>{});
    return known ? good : with.fail("an alternative that this program does not have");
}

/// A number became a struct: of a data section that is no whole word, fields that it holds in part
/// are absent. `discriminant`: the places are those of alternatives, of which one counts.
void clear_cut_fields(std::byte* data, std::uint32_t data_bytes, const slot* places,
                      std::size_t count, const std::uint32_t* discriminant) noexcept;

template <class T>
constexpr std::string_view field_names_of() noexcept {
    if constexpr (has_fields<T>)
        return T::equus_field_names();
    else if constexpr (is_entry<T>)
        return "key, value";
    else
        return {};
}

/// From a struct that may be shorter or longer than ours.
template <class T>
[[gnu::always_inline]] inline bool read_struct(T& value, const struct_view& from, reader& with) {
    constexpr auto& f = form_of<T>;
    constexpr std::size_t data_bytes = std::size_t{f.data_words} * word_bytes;
    const std::byte* data = from.data;
    std::byte extended[data_bytes == 0 ? 1 : data_bytes];
    if (from.data_bytes < data_bytes) {
        // An older sender: what it does not have is zero, which is the default.
        std::memset(extended, 0, sizeof extended);
        if (from.data_bytes != 0)
            std::memcpy(extended, from.data, from.data_bytes);
        if (from.data_bytes % word_bytes != 0)
            clear_cut_fields(extended, from.data_bytes, f.slots, std::size(f.slots),
                             is_variant<T> ? &f.discriminant : nullptr);
        data = extended;
    }
    if constexpr (is_variant<T>) {
        return read_alternative(value, data, from, with);
    } else {
        read_fields fields{data, from, with, f.slots, defaults_of<T>()};
        const bool good = visit_fields(value, fields);
        if (!good && !field_names_of<T>().empty()) [[unlikely]]
            with.note_field(field_names_of<T>(), fields.field);
        return good;
    }
}

template <class T>
bool read_content(T& value, const struct_view& from, reader& with) {
    return read_struct(value, from, with);
}

} // namespace equus::wire::detail
