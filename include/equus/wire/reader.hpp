// Following pointers in bytes that nobody vouches for. A reader knows the segments, and what it may
// still spend: depth, and words visited (limits.hpp). Each function either yields a view that lies
// inside the segments and has been paid for, or fails and remembers why.
//
// Nothing here depends on the type that is read; the code is in src/wire/reader.cpp, but for the
// shortest ways, which are inline.
#pragma once

#include <equus/base/fields.hpp>
#include <equus/base/result.hpp>
#include <equus/wire/limits.hpp>
#include <equus/wire/words.hpp>

#include <span>
#include <string_view>

namespace equus::wire::detail {

/// Bytes at any address; `words` whole words of them.
struct segment {
    const std::byte* data = nullptr;
    std::size_t words = 0;
};

/// A struct as its sender laid it out: longer or shorter than ours.
struct struct_view {
    const segment* in = nullptr;
    const std::byte* data = nullptr;
    const std::byte* pointers = nullptr;
    std::uint32_t data_bytes = 0;
    std::uint32_t pointer_count = 0;
};

/// A list whose elements are at least as large as what was expected.
struct list_view {
    const segment* in = nullptr;
    const std::byte* data = nullptr; ///< the first element
    std::uint32_t count = 0;
    std::uint32_t step_bytes = 0; ///< between elements; 0 for bits
    std::uint32_t data_bytes = 0; ///< the data section of each
    std::uint32_t pointer_count = 0;

    struct_view structure(std::uint32_t i) const noexcept {
        const std::byte* at = data + std::size_t{i} * step_bytes;
        return {in, at, at + data_bytes, data_bytes, pointer_count};
    }
    const std::byte* pointer(std::uint32_t i) const noexcept {
        return data + std::size_t{i} * step_bytes + data_bytes;
    }
};

class reader {
public:
    reader(std::span<const segment> segments, const limits& within) noexcept
        : segments_{segments}, depth_left_{within.depth_max} {
        std::uint64_t words = 0;
        for (const segment& each : segments)
            words += each.words;
        spendable_ = words * within.amplification_max + within.spare_words;
    }

    /// The struct or null that the pointer at `at` leads to. `at` lies in `in` and is not null.
    bool follow_struct(const segment* in, const std::byte* at, struct_view& out) noexcept {
        const auto word = load<std::uint64_t>(at);
        const auto low = static_cast<std::uint32_t>(word);
        const std::uint64_t words = (word >> 32 & 0xffff) + (word >> 48);
        const std::int64_t start = (at - in->data) / 8 + 1 + (static_cast<std::int32_t>(low) >> 2);
        if ((low & 3) != 0 || start < 0 || static_cast<std::uint64_t>(start) + words > in->words ||
            words > spendable_) [[unlikely]]
            return follow_struct_slowly(in, at, out);
        spendable_ -= words;
        set_struct(in, in->data + start * 8, word, out);
        return true;
    }
    /// The list that the pointer at `at` leads to, if its elements can be read as `expected`.
    bool follow_list(const segment* in, const std::byte* at, element_size expected,
                     list_view& out) noexcept;
    /// Text without its NUL.
    bool follow_text(const segment* in, const std::byte* at, std::string_view& out) noexcept {
        const auto word = load<std::uint64_t>(at);
        const auto low = static_cast<std::uint32_t>(word);
        const std::uint64_t count = word >> 35;
        const std::int64_t start = (at - in->data) / 8 + 1 + (static_cast<std::int32_t>(low) >> 2);
        const std::uint64_t words = words_of_bytes(count);
        constexpr auto bytes = static_cast<std::uint64_t>(element_size::byte);
        if ((low & 3) != 1 || (word >> 32 & 7) != bytes || count == 0 || start < 0 ||
            static_cast<std::uint64_t>(start) + words > in->words || words > spendable_)
            [[unlikely]]
            return follow_text_slowly(in, at, out);
        const auto* text = reinterpret_cast<const char*>(in->data + start * 8);
        if (text[count - 1] != '\0') [[unlikely]]
            return fail("text not NUL-terminated");
        spendable_ -= words;
        out = {text, static_cast<std::size_t>(count - 1)};
        return true;
    }
    bool follow_data(const segment* in, const std::byte* at,
                     std::span<const std::byte>& out) noexcept;
    bool follow_capability(const std::byte* at, std::uint32_t& index) noexcept;

    bool enter() noexcept {
        if (depth_left_ == 0) [[unlikely]]
            return fail("nested too deeply");
        --depth_left_;
        return true;
    }
    void leave() noexcept { ++depth_left_; }

    /// Remembers the first reason; always false. `what` lives for ever.
    bool fail(const char* what) noexcept {
        if (what_ == nullptr)
            what_ = what;
        return false;
    }
    /// On the way back from a failure: which of the fields `names`, as written in EQUUS_FIELDS.
    void note_field(std::string_view names, std::uint32_t field) noexcept;
    void note_element(std::uint32_t index) noexcept;
    /// "doc.print.pages[3].title: text not NUL-terminated".
    error failure(std::string_view type) const;

private:
    struct target {
        const segment* in = nullptr;
        std::uint64_t word = 0;  ///< the pointer, or the tag behind a double far pointer
        std::uint64_t start = 0; ///< index of the content's first word
    };
    struct step {
        // Not a string_view: an array of them would be written at every decoding.
        const char* names; ///< null: an element
        std::uint32_t names_size;
        std::uint32_t index;
    };
    static constexpr std::uint32_t steps_max = 16;

    static void set_struct(const segment* in, const std::byte* content, std::uint64_t word,
                           struct_view& out) noexcept {
        out.in = in;
        out.data = content;
        out.data_bytes = static_cast<std::uint32_t>(word >> 32 & 0xffff) * 8;
        out.pointers = content + out.data_bytes;
        out.pointer_count = static_cast<std::uint32_t>(word >> 48);
    }
    bool follow_struct_slowly(const segment* in, const std::byte* at, struct_view& out) noexcept;
    bool follow_text_slowly(const segment* in, const std::byte* at, std::string_view& out) noexcept;
    bool locate(const segment* in, const std::byte* at, target& out) noexcept;
    bool landing_pad(std::uint64_t word, std::uint64_t words, target& out) noexcept;
    bool follow_bytes(const segment* in, const std::byte* at, std::span<const std::byte>& out,
                      const char* wrong_kind) noexcept;
    bool inside(const segment* in, std::uint64_t start, std::uint64_t words) noexcept;
    bool spend(std::uint64_t words) noexcept;

    std::span<const segment> segments_;
    std::uint64_t spendable_;
    std::uint32_t depth_left_;
    std::uint32_t step_count_ = 0;
    const char* what_ = nullptr;
    step steps_[steps_max];
};

} // namespace equus::wire::detail
