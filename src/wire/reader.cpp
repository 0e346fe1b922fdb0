#include <equus/wire/read.hpp>

namespace equus::wire::detail {
namespace {

constexpr pointer_kind kind_of(std::uint64_t pointer) noexcept {
    return static_cast<pointer_kind>(pointer & 3);
}

/// Zeroes the number at a place if the first `data_bytes` bytes hold only a part of it.
void clear_if_cut(std::byte* data, std::uint32_t data_bytes, std::uint32_t offset,
                  std::uint32_t bits) noexcept {
    const std::uint32_t size = bits / 8;
    if (offset * size < data_bytes && (offset + 1) * size > data_bytes)
        std::memset(data + offset * size, 0, size);
}

constexpr std::int64_t offset_of(std::uint64_t pointer) noexcept {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(pointer)) >> 2;
}

} // namespace

void clear_cut_fields(std::byte* data, std::uint32_t data_bytes, const slot* places,
                      std::size_t count, const std::uint32_t* discriminant) noexcept {
    if (discriminant != nullptr) {
        if (count > 1)
            clear_if_cut(data, data_bytes, *discriminant, 16);
        const std::size_t chosen =
            count > 1 ? load<std::uint16_t>(data + std::size_t{*discriminant} * 2) : 0;
        if (chosen < count)
            clear_if_cut(data, data_bytes, places[chosen].offset, places[chosen].data_bits);
        return;
    }
    for (std::size_t i = 0; i < count; ++i) {
        clear_if_cut(data, data_bytes, places[i].offset, places[i].data_bits);
        if (places[i].has_tag)
            clear_if_cut(data, data_bytes, places[i].tag, 16);
    }
}

bool reader::inside(const segment* in, std::uint64_t start, std::uint64_t words) noexcept {
    if (start <= in->words && words <= in->words - start)
        return true;
    return fail("pointer out of bounds");
}

bool reader::spend(std::uint64_t words) noexcept {
    if (words > spendable_)
        return fail("costs more than a message of its size may");
    spendable_ -= words;
    return true;
}

bool reader::landing_pad(std::uint64_t word, std::uint64_t words, target& out) noexcept {
    const auto id = static_cast<std::uint32_t>(word >> 32);
    if (id >= segments_.size())
        return fail("far pointer to a segment that is not there");
    out.in = &segments_[id];
    out.start = static_cast<std::uint32_t>(word) >> 3;
    return inside(out.in, out.start, words) && spend(words);
}

bool reader::locate(const segment* in, const std::byte* at, target& out) noexcept {
    out.word = load<std::uint64_t>(at);
    if (kind_of(out.word) != pointer_kind::far) {
        out.in = in;
        // Wraps far outside of every segment when it is negative.
        out.start = static_cast<std::uint64_t>((at - in->data) / 8 + 1 + offset_of(out.word));
        return true;
    }
    const bool is_double = (out.word & 4) != 0;
    if (!landing_pad(out.word, is_double ? 2 : 1, out))
        return false;
    const std::byte* pad = out.in->data + out.start * word_bytes;
    const auto first = load<std::uint64_t>(pad);
    if (!is_double) {
        if (kind_of(first) == pointer_kind::far)
            return fail("far pointer to a far pointer");
        out.word = first;
        out.start += 1 + static_cast<std::uint64_t>(offset_of(first));
        return true;
    }
    // Two words: where the content begins, and what it is.
    if ((first & 7) != static_cast<std::uint64_t>(pointer_kind::far))
        return fail("double far pointer without a far pointer behind it");
    out.word = load<std::uint64_t>(pad + word_bytes);
    return landing_pad(first, 0, out);
}

bool reader::follow_struct_slowly(const segment* in, const std::byte* at,
                                  struct_view& out) noexcept {
    target found;
    if (!locate(in, at, found))
        return false;
    if (kind_of(found.word) != pointer_kind::structure)
        return fail("not a struct");
    const std::uint64_t words = (found.word >> 32 & 0xffff) + (found.word >> 48);
    if (!inside(found.in, found.start, words) || !spend(words))
        return false;
    set_struct(found.in, found.in->data + found.start * word_bytes, found.word, out);
    return true;
}

bool reader::follow_list(const segment* in, const std::byte* at, element_size expected,
                         list_view& out) noexcept {
    target found;
    if (!locate(in, at, found))
        return false;
    if (kind_of(found.word) != pointer_kind::list)
        return fail("not a list");
    const auto size = static_cast<element_size>(found.word >> 32 & 7);
    const auto count = static_cast<std::uint32_t>(found.word >> 35);
    out.in = found.in;

    if (size == element_size::composite) {
        const std::uint32_t words = count;
        if (!inside(found.in, found.start, std::uint64_t{words} + 1) ||
            !spend(std::uint64_t{words} + 1))
            return false;
        out.data = found.in->data + (found.start + 1) * word_bytes;
        const auto tag = load<std::uint64_t>(out.data - word_bytes);
        if (kind_of(tag) != pointer_kind::structure)
            return fail("list of structs whose tag is none");
        const auto data_words = static_cast<std::uint32_t>(tag >> 32 & 0xffff);
        out.count = static_cast<std::uint32_t>(tag) >> 2;
        out.pointer_count = static_cast<std::uint32_t>(tag >> 48);
        out.data_bytes = data_words * 8;
        const std::uint32_t step_words = data_words + out.pointer_count;
        out.step_bytes = step_words * 8;
        if (std::uint64_t{out.count} * step_words > words)
            return fail("list of structs longer than its words");
        // Elements without content cost nothing to send, but each becomes an object here.
        if (step_words == 0 && !spend(out.count))
            return false;
        switch (expected) {
        case element_size::nothing:
        case element_size::composite:
            return true;
        case element_size::bit:
            return fail("list of structs instead of bits");
        case element_size::pointer:
            return out.pointer_count > 0 || fail("list of structs without the pointer expected");
        default:
            return data_words > 0 || fail("list of structs without the number expected");
        }
    }

    const std::uint32_t bits = bits_of(size);
    const std::uint64_t words = words_of_bits(std::uint64_t{count} * bits);
    if (!inside(found.in, found.start, words) || !spend(words))
        return false;
    out.data = found.in->data + found.start * word_bytes;
    out.count = count;
    out.step_bytes = bits / 8;
    out.data_bytes = size == element_size::pointer ? 0 : bits / 8;
    out.pointer_count = size == element_size::pointer ? 1 : 0;
    if (size == element_size::bit && expected != element_size::bit)
        return fail("list of bits instead of something larger");
    switch (expected) {
    case element_size::nothing:
    case element_size::composite:
        // Elements smaller than a word that each become an object.
        return words >= count || spend(count - words);
    case element_size::pointer:
        return size == element_size::pointer || fail("list without the pointers expected");
    default:
        return (size != element_size::pointer && bits >= bits_of(expected)) ||
               fail("list of elements smaller than expected");
    }
}

bool reader::follow_bytes(const segment* in, const std::byte* at, std::span<const std::byte>& out,
                          const char* wrong_kind) noexcept {
    target found;
    if (!locate(in, at, found))
        return false;
    if ((found.word & 3) != static_cast<std::uint64_t>(pointer_kind::list) ||
        static_cast<element_size>(found.word >> 32 & 7) != element_size::byte)
        return fail(wrong_kind);
    const std::uint64_t count = found.word >> 35;
    if (!inside(found.in, found.start, words_of_bytes(count)) || !spend(words_of_bytes(count)))
        return false;
    out = {found.in->data + found.start * word_bytes, static_cast<std::size_t>(count)};
    return true;
}

bool reader::follow_text_slowly(const segment* in, const std::byte* at,
                                std::string_view& out) noexcept {
    std::span<const std::byte> found;
    if (!follow_bytes(in, at, found, "not a text"))
        return false;
    if (found.empty() || found.back() != std::byte{0})
        return fail("text not NUL-terminated");
    out = {reinterpret_cast<const char*>(found.data()), found.size() - 1};
    return true;
}

bool reader::follow_data(const segment* in, const std::byte* at,
                         std::span<const std::byte>& out) noexcept {
    return follow_bytes(in, at, out, "not data");
}

bool reader::follow_capability(const std::byte* at, std::uint32_t& index) noexcept {
    const auto word = load<std::uint64_t>(at);
    if (static_cast<std::uint32_t>(word) != static_cast<std::uint32_t>(pointer_kind::other))
        return fail("not a capability");
    index = static_cast<std::uint32_t>(word >> 32);
    return true;
}

void reader::note_field(std::string_view names, std::uint32_t field) noexcept {
    if (step_count_ < steps_max)
        steps_[step_count_] = {names.data(), static_cast<std::uint32_t>(names.size()), field};
    ++step_count_;
}

void reader::note_element(std::uint32_t index) noexcept {
    if (step_count_ < steps_max)
        steps_[step_count_] = {nullptr, 0, index};
    ++step_count_;
}

error reader::failure(std::string_view type) const {
    std::string text;
    for (std::size_t i = 0; i < type.size(); ++i) {
        if (type.substr(i, 2) == "::") {
            text += '.';
            ++i;
        } else {
            text += type[i];
        }
    }
    // The steps were noted from the inside out; of a very deep one the outermost are missing.
    if (step_count_ > steps_max)
        text += "...";
    for (std::uint32_t i = step_count_ < steps_max ? step_count_ : steps_max; i-- > 0;) {
        if (steps_[i].names == nullptr) {
            char digits[12];
            std::size_t begin = sizeof digits;
            for (std::uint32_t rest = steps_[i].index; begin == sizeof digits || rest != 0;
                 rest /= 10)
                digits[--begin] = static_cast<char>('0' + rest % 10);
            text += '[';
            text.append(digits + begin, sizeof digits - begin);
            text += ']';
        } else {
            text += '.';
            text += nth_name({steps_[i].names, steps_[i].names_size}, steps_[i].index);
        }
    }
    text += ": ";
    text += what_ == nullptr ? "malformed" : what_;
    return error{errc::malformed, std::move(text)};
}

} // namespace equus::wire::detail
