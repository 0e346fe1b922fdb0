// Where the fields of a struct lie. The schema compiler assigns places in the order of the
// ordinals, each field into the smallest hole that fits, so that a field added later never moves an
// older one. This is the same algorithm, run by the C++ compiler: our structs are those of the
// printed schema, bit for bit.
//
// Source of the algorithm: StructLayout in capnp/compiler/node-translator.c++.
#pragma once

#include <cstddef>
#include <cstdint>

namespace equus::wire::detail {

/// The unused gaps of a data section: at most one of each size from 1 to 32 bits. A gap never lies
/// at offset 0, so 0 means "none". Offsets count units of the gap's own size.
class holes {
public:
    /// Takes 2^log2_bits bits out of the smallest gap that has them; 0 if there is none.
    constexpr std::uint32_t take(unsigned log2_bits) noexcept {
        if (log2_bits >= sizes)
            return 0;
        if (at_[log2_bits] != 0) {
            const std::uint32_t found = at_[log2_bits];
            at_[log2_bits] = 0;
            return found;
        }
        const std::uint32_t larger = take(log2_bits + 1);
        if (larger == 0)
            return 0;
        at_[log2_bits] = larger * 2 + 1;
        return larger * 2;
    }

    /// The rest of a fresh word whose first 2^log2_bits bits, up to `offset`, were taken.
    constexpr void add_rest_of_word(unsigned log2_bits, std::uint32_t offset) noexcept {
        for (; log2_bits < sizes; ++log2_bits, offset = (offset + 1) / 2)
            at_[log2_bits] = offset;
    }

    /// Joins a place with the gaps right behind it until it is 2^times its size.
    constexpr bool expand(unsigned log2_bits, std::uint32_t offset, unsigned times) noexcept {
        if (times == 0)
            return true;
        if (log2_bits == sizes || at_[log2_bits] != offset + 1)
            return false;
        if (!expand(log2_bits + 1, offset >> 1, times - 1))
            return false;
        at_[log2_bits] = 0;
        return true;
    }

private:
    static constexpr unsigned sizes = 6;
    std::uint32_t at_[sizes] = {};
};

/// A struct that fields are added to in the order of their ordinals.
class struct_layout {
public:
    /// The offset of a new field, in units of its size.
    constexpr std::uint32_t add_data(unsigned log2_bits) noexcept {
        if (const std::uint32_t found = holes_.take(log2_bits))
            return found;
        const std::uint32_t offset = data_words_++ << (6 - log2_bits);
        holes_.add_rest_of_word(log2_bits, offset + 1);
        return offset;
    }
    constexpr std::uint32_t add_pointer() noexcept { return pointer_count_++; }
    constexpr bool expand(unsigned log2_bits, std::uint32_t offset, unsigned times) noexcept {
        return holes_.expand(log2_bits, offset, times);
    }

    constexpr std::uint32_t data_words() const noexcept { return data_words_; }
    constexpr std::uint32_t pointer_count() const noexcept { return pointer_count_; }

private:
    holes holes_;
    std::uint32_t data_words_ = 0;
    std::uint32_t pointer_count_ = 0;
};

/// A union whose members are single fields: they share places, and the 16-bit discriminant is
/// placed just before the second member. Without a second member there is no discriminant.
template <std::size_t MembersMax>
class union_layout {
public:
    constexpr explicit union_layout(struct_layout& in) noexcept : in_{in} {}

    constexpr void add_void() noexcept { add_member(); }
    constexpr std::uint32_t add_data(unsigned log2_bits) noexcept {
        add_member();
        // The smallest shared place that is large enough; then one that can grow; then a new one.
        place* best = nullptr;
        for (std::size_t i = 0; i < place_count_; ++i)
            if (places_[i].log2_bits >= log2_bits &&
                (best == nullptr || places_[i].log2_bits < best->log2_bits))
                best = &places_[i];
        if (best != nullptr)
            return best->offset << (best->log2_bits - log2_bits);
        for (std::size_t i = 0; i < place_count_; ++i) {
            place& p = places_[i];
            const unsigned times = log2_bits - p.log2_bits;
            if (in_.expand(p.log2_bits, p.offset, times)) {
                p = {log2_bits, p.offset >> times};
                return p.offset;
            }
        }
        const std::uint32_t offset = in_.add_data(log2_bits);
        places_[place_count_++] = {log2_bits, offset};
        return offset;
    }
    constexpr std::uint32_t add_pointer() noexcept {
        add_member();
        if (!has_pointer_) {
            has_pointer_ = true;
            pointer_ = in_.add_pointer();
        }
        return pointer_;
    }
    /// In units of 16 bits.
    constexpr std::uint32_t discriminant() const noexcept { return discriminant_; }

private:
    struct place {
        unsigned log2_bits = 0;
        std::uint32_t offset = 0;
    };
    constexpr void add_member() noexcept {
        if (++member_count_ == 2)
            discriminant_ = in_.add_data(4);
    }

    struct_layout& in_;
    place places_[MembersMax == 0 ? 1 : MembersMax] = {};
    std::size_t place_count_ = 0;
    std::size_t member_count_ = 0;
    std::uint32_t discriminant_ = 0;
    std::uint32_t pointer_ = 0;
    bool has_pointer_ = false;
};

} // namespace equus::wire::detail
