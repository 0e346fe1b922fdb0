#include <equus/wire/write.hpp>

namespace equus::wire::detail {

std::size_t accepted_bytes(const sizer& size) noexcept {
    constexpr limits least;
    const bool refused =
        size.refused || size.words > message_words_max ||
        size.empty_elements > least.spare_words + size.words * (least.amplification_max - 1);
    return refused ? 0 : static_cast<std::size_t>(size.words * word_bytes);
}

} // namespace equus::wire::detail
